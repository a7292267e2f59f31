// The calls of ClientService, each to one region server. They do not retry.

import type { Cell } from '../base/cell.js';
import type { Address } from '../world/network.js';
import type {
  CellResult,
  GetRequest,
  MultiRequest,
  MultiResponse,
  MutateRequest,
  MutateResponse,
  ScanRequest,
  ScanResponse,
} from '../wire/client-messages.js';
import {
  multiRequestCells,
  writeGetRequest,
  writeMultiRequest,
  writeMutateRequest,
  writeScanRequest,
} from '../wire/request-encoder.js';
import {
  decodeGetResponse,
  decodeMultiResponse,
  decodeMutateResponse,
  decodeScanResponse,
} from '../wire/response-decoder.js';
import type { RpcClient } from '../wire/rpc-client.js';

const service = 'ClientService';

export interface CallOptions {
  readonly timeoutMs: number;
  /** 200 for hbase:meta and for closing scanners, as HBase's clients do. */
  readonly priority?: number;
}

export const highPriority = 200;

export async function callGet(
  rpc: RpcClient,
  server: Address,
  value: GetRequest,
  options: CallOptions,
): Promise<CellResult> {
  const call = { method: 'Get', encode: writeGetRequest, value, ...options };
  return decodeGetResponse(await rpc.call(server, service, call));
}

export async function callMutate(
  rpc: RpcClient,
  server: Address,
  value: MutateRequest,
  options: CallOptions,
): Promise<MutateResponse> {
  const call = { method: 'Mutate', encode: writeMutateRequest, value, ...options };
  return decodeMutateResponse(await rpc.call(server, service, call));
}

export async function callMulti(
  rpc: RpcClient,
  server: Address,
  value: MultiRequest,
  options: CallOptions,
): Promise<MultiResponse> {
  const isAtomic = value.regions.some((region) => region.isAtomic);
  const call = { method: 'Multi', encode: writeMultiRequest, value, ...options };
  // Atomic actions keep their cells out of the block, so there is none to announce.
  const cells = isAtomic ? {} : { cells: multiRequestCells(value) };
  return decodeMultiResponse(await rpc.call(server, service, { ...call, ...cells }));
}

export async function callScan(
  rpc: RpcClient,
  server: Address,
  value: ScanRequest,
  options: CallOptions,
): Promise<ScanResponse> {
  const call = { method: 'Scan', encode: writeScanRequest, value, ...options };
  return decodeScanResponse(await rpc.call(server, service, call));
}

/** A request about an open scanner, to be changed by what is asked. */
export const plainScanRequest: ScanRequest = {
  open: undefined,
  scannerId: undefined,
  rowsMax: undefined,
  isClosing: false,
  nextCall: undefined,
  rowsLimit: 0,
  isRenewing: false,
  handlesPartials: true,
  handlesHeartbeats: true,
  tracksMetrics: false,
  wantsCursor: false,
};

/** The cells of each result of an answer. */
export function resultsOf(answer: ScanResponse): (readonly Cell[])[] {
  let at = 0;
  return answer.cellsPerResult.map((count) => answer.cells.slice(at, (at += count)));
}
