// A cluster to test the client against: two simulated processes that speak the wire and keep rows in
// one map between them. Which of them serves a region, what fails, and how answers are cut is up to
// the test.

import { compareCells } from '../../base/cell.js';
import type { Cell } from '../../base/cell.js';
import { CadastreError } from '../../base/errors.js';
import type { Mutation, Scan } from '../../base/operations.js';
import { regionName } from '../../base/table.js';
import type { RegionId } from '../../base/ids.js';
import { Simulation } from '../../world/simulated/simulation.js';
import type { Address } from '../../world/network.js';
import type {
  ActionOutcome,
  RegionSpecifier,
  ScanRequest,
  ScanResponse,
} from '../../wire/client-messages.js';
import { MasterService } from '../../wire/generated/hbase/master_pb.js';
import { ClientMetaService } from '../../wire/generated/hbase/registry_pb.js';
import {
  compareMetaRows,
  metaRegionCells,
  metaRegionName,
  metaTableCell,
} from '../../wire/meta-rows.js';
import type { MetaRegion, TableState } from '../../wire/meta-rows.js';
import { protoService } from '../../wire/proto-service.js';
import type { ProtoHandlers } from '../../wire/proto-service.js';
import {
  decodeGetRequest,
  decodeMultiRequest,
  decodeMutateRequest,
  decodeScanRequest,
} from '../../wire/request-decoder.js';
import { replyGet, replyMulti, replyMutate, replyScan } from '../../wire/response-encoder.js';
import type { RpcCall, RpcMethod, RpcService } from '../../wire/rpc-call.js';
import { RpcServer } from '../../wire/rpc-server.js';
import { Client } from '../client.js';
import { resultsOf } from '../region-calls.js';

const table = { namespace: 'default', qualifier: 't' } as const;

export interface FakeRegion {
  readonly name: Buffer;
  readonly region: MetaRegion;
  /** Index of the server that has it; undefined: none now. */
  server: number | undefined;
  /** Index of the server that hbase:meta names. */
  told: number;
  sequence: number;
}

/** What a call meets before it is done: an error, or `lost` for done without an answer. */
export type Fault = CadastreError | 'lost' | undefined;

interface FakeScanner {
  readonly results: { readonly cells: readonly Cell[]; readonly isPartial: boolean }[];
}

export class FakeCluster {
  readonly simulation: Simulation;
  readonly regions: FakeRegion[] = [];
  readonly rows = new Map<string, Cell[]>();
  readonly addresses: Address[] = [];
  /** `Service.Method`, and `meta` for reads of hbase:meta, in the order of the calls. */
  readonly calls: string[] = [];
  readonly nonces: string[] = [];
  /** The read points that scans of rows were opened with. */
  readonly readPoints: number[] = [];
  state: TableState | undefined = 'enabled';
  fault: (call: string) => Fault = () => undefined;
  /** Results in one answer to a scan, and cells in one result before it is cut. */
  cuts: () => { readonly results: number; readonly cells: number } = () => ({
    results: 10,
    cells: 100,
  });
  readonly #scanners = new Map<number, FakeScanner>();
  #scanner = 0;

  private constructor(seed: number) {
    this.simulation = new Simulation(seed);
  }

  /** Regions that start at these keys besides the first, all on server 0. */
  static async start(
    splits: readonly string[] = [],
    options: { readonly seed?: number; readonly master?: ProtoHandlers<typeof MasterService> } = {},
  ): Promise<FakeCluster> {
    const cluster = new FakeCluster(options.seed ?? 1);
    const keys = ['', ...splits];
    keys.forEach((key, i) => {
      const id = (100 + i) as RegionId;
      const startKey = Buffer.from(key);
      const endKey = Buffer.from(keys[i + 1] ?? '');
      const region = { table, regionId: id, startKey, endKey, isOffline: false, isSplit: false };
      const name = regionName({ table, regionId: id, startKey });
      cluster.regions.push({ name, region, server: 0, told: 0, sequence: 1 });
    });
    for (const index of [0, 1]) await cluster.#serve(index, options.master ?? {});
    return cluster;
  }

  client(operationTimeoutMs = 20_000): Client {
    const { network, clock, random } = this.simulation.node('client').world;
    const bootstrap = this.addresses;
    return new Client({ bootstrap, network, clock, random, operationTimeoutMs });
  }

  /** Moves a region; with `isSilent`, hbase:meta does not say so. */
  move(at: number, server: number, isSilent = false): void {
    const region = this.regions[at] as FakeRegion;
    region.server = server;
    region.sequence += 1;
    if (!isSilent) region.told = server;
  }

  count(call: string): number {
    return this.calls.filter((made) => made === call).length;
  }

  async #serve(index: number, master: ProtoHandlers<typeof MasterService>): Promise<void> {
    const { world } = this.simulation.node(`server-${index}`);
    const methods = new Map<string, RpcMethod>(
      Object.entries({
        Get: (call: RpcCall) => this.#get(index, call),
        Mutate: (call: RpcCall) => this.#mutate(index, call),
        Multi: (call: RpcCall) => this.#multi(index, call),
        Scan: (call: RpcCall) => this.#scan(index, call),
      }),
    );
    const data: RpcService = { name: 'ClientService', methods };
    const server = new RpcServer({
      ...world,
      services: [data, this.#registry(), protoService(MasterService, master)],
      clusterId: () => 'fake',
    });
    const host = `server-${index}`;
    this.addresses.push(await this.simulation.run(server.listen({ host, port: 0 })));
  }

  #registry(): RpcService {
    const name = () => {
      const { host, port } = this.addresses[1] ?? { host: '', port: 0 };
      return { hostName: host, port, startCode: 1n };
    };
    return protoService(ClientMetaService, {
      getClusterId: () => ({ clusterId: 'fake' }),
      getActiveMaster: () => ({ serverName: name() }),
      getMetaRegionLocations: () => ({
        metaLocations: [
          {
            regionInfo: {
              regionId: 1n,
              tableName: { namespace: Buffer.from('hbase'), qualifier: Buffer.from('meta') },
            },
            serverName: name(),
            seqNum: -1n,
          },
        ],
      }),
    });
  }

  /** Runs `act` unless something is to fail; its answer may be lost. */
  #meet(name: string, call: RpcCall, act: () => void): void {
    this.calls.push(name);
    const fault = this.fault(name);
    if (fault instanceof CadastreError) call.fail(fault);
    else if (fault === undefined) act();
    else this.#withoutAnswer(call, act);
  }

  #withoutAnswer(call: RpcCall, act: () => void): void {
    call.reply = () => undefined;
    act();
  }

  #regionFor(index: number, { value }: RegionSpecifier): FakeRegion {
    const found = this.regions.find(({ name }) => name.equals(value));
    if (found?.server === index) return found;
    if (found?.server === undefined)
      throw new CadastreError('region-not-serving', 'it is not here');
    const { host, port } = this.addresses[found.server] as Address;
    const details = { host, port, startCode: 1, sequence: found.sequence };
    throw new CadastreError('region-moved', 'it moved', { details });
  }

  #get(index: number, call: RpcCall): void {
    const { region, get } = decodeGetRequest(call.parameter);
    if (region.value.equals(metaRegionName)) {
      this.#meet('meta', call, () => {
        const cells = this.state === undefined ? [] : [metaTableCell('t', this.state, 1)];
        replyGet(call, { cells });
      });
      return;
    }
    this.#meet('Get', call, () => {
      this.#regionFor(index, region);
      replyGet(call, { cells: this.rows.get(get.row.toString()) ?? [] });
    });
  }

  #mutate(index: number, call: RpcCall): void {
    const { region, mutation } = decodeMutateRequest(call.parameter, call.cellBlock);
    if ('nonce' in mutation) this.nonces.push(mutation.nonce?.nonce ?? '');
    this.#meet('Mutate', call, () => {
      this.#regionFor(index, region);
      this.#apply(mutation);
      const result = mutation.kind === 'increment' ? { result: { cells: mutation.cells } } : {};
      replyMutate(call, { processed: true, ...result });
    });
  }

  #apply(mutation: Mutation): void {
    if (mutation.cells.some(({ family }) => family.toString() !== 'f')) {
      throw new CadastreError('family-not-found', 'only f is a family');
    }
    if (mutation.kind === 'put') {
      this.rows.set(mutation.row.toString(), [...mutation.cells].sort(compareCells));
    } else if (mutation.kind === 'delete') this.rows.delete(mutation.row.toString());
  }

  #multi(index: number, call: RpcCall): void {
    const request = decodeMultiRequest(call.parameter, call.cellBlock);
    this.#meet('Multi', call, () => {
      const regions = request.regions.map(({ region, actions }) => {
        try {
          this.#regionFor(index, region);
        } catch (error) {
          return { kind: 'error', error: error as CadastreError } as const;
        }
        const outcomes = actions.map((action): ActionOutcome => {
          const { index: at } = action;
          if (action.kind === 'get') {
            const cells = this.rows.get(action.get.row.toString()) ?? [];
            return { kind: 'done', index: at, result: { cells } };
          }
          try {
            if (action.kind === 'mutation') this.#apply(action.mutation);
            return { kind: 'done', index: at, result: 'empty' };
          } catch (error) {
            return { kind: 'error', index: at, error: error as CadastreError };
          }
        });
        return { kind: 'outcomes', outcomes: outcomes.reverse(), processed: true } as const;
      });
      replyMulti(call, { regions, processed: true });
    });
  }

  #scan(index: number, call: RpcCall): void {
    const request = decodeScanRequest(Buffer.from(call.parameter));
    const { open } = request;
    if (open?.region.value.equals(metaRegionName) === true) {
      this.#meet('meta', call, () => replyScan(call, this.#metaAnswer(open.scan)));
      return;
    }
    if (request.isClosing) {
      this.calls.push('Close');
      this.#scanners.delete(request.scannerId?.low ?? 0);
      replyScan(call, { cells: [], cellsPerResult: [], partialFlags: [] });
      return;
    }
    this.#meet(open === undefined ? 'Next' : 'Open', call, () => {
      replyScan(call, this.#scanAnswer(index, request));
    });
  }

  #metaAnswer(scan: Scan): ScanResponse {
    const rows = this.regions
      .map(({ name, region, told, sequence }) => {
        const { host, port } = this.addresses[told] as Address;
        const server = { host, port, startCode: 1, openSequence: sequence };
        const parts = { name, region, server, transitionServer: undefined };
        return { name, cells: metaRegionCells({ ...parts, state: 'OPEN', timestamp: 1 }) };
      })
      .filter(({ name }) =>
        scan.reversed
          ? compareMetaRows(name, scan.startRow) <= 0 && compareMetaRows(name, scan.stopRow) >= 0
          : compareMetaRows(name, scan.startRow) >= 0 && compareMetaRows(name, scan.stopRow) < 0,
      )
      .sort((a, b) => compareMetaRows(a.name, b.name) * (scan.reversed ? -1 : 1));
    return {
      cells: rows.flatMap(({ cells }) => cells),
      cellsPerResult: rows.map(({ cells }) => cells.length),
      partialFlags: rows.map(() => false),
      moreResults: true,
      moreResultsInRegion: false,
    };
  }

  #scanAnswer(index: number, request: ScanRequest): ScanResponse {
    let { scannerId } = request;
    const { open } = request;
    if (open !== undefined) {
      const { region } = this.#regionFor(index, open.region);
      this.readPoints.push(open.scan.readPoint);
      scannerId = { high: 1, low: ++this.#scanner };
      this.#scanners.set(scannerId.low, { results: this.#resultsOf(region, open.scan) });
    }
    const scanner = this.#scanners.get(scannerId?.low ?? 0);
    if (scanner === undefined || scannerId === undefined) {
      throw new CadastreError('unknown-scanner', 'no such scanner');
    }
    const { results } = this.cuts();
    const taken: FakeScanner['results'] = [];
    let rows = 0;
    while (taken.length < results && scanner.results.length > 0) {
      if (request.rowsLimit > 0 && rows >= request.rowsLimit) break;
      const next = scanner.results.shift();
      if (next === undefined) break;
      taken.push(next);
      if (!next.isPartial) rows += 1;
    }
    const isLimited = request.rowsLimit > 0 && rows >= request.rowsLimit;
    const isOver = isLimited || scanner.results.length === 0;
    if (isOver) this.#scanners.delete(scannerId.low);
    return {
      cells: taken.flatMap(({ cells }) => cells),
      cellsPerResult: taken.map(({ cells }) => cells.length),
      partialFlags: taken.map(({ isPartial }) => isPartial),
      scannerId,
      moreResults: !isLimited,
      moreResultsInRegion: !isOver,
      ...(taken.length === 0 && !isOver ? { isHeartbeat: true } : {}),
      ...(open === undefined ? {} : { readPoint: 1 }),
    };
  }

  /** The region's rows of a scan, cut into results. */
  #resultsOf(region: MetaRegion, scan: Scan): FakeScanner['results'] {
    const keys = [...this.rows.keys()].filter((key) => isScanned(Buffer.from(key), region, scan));
    keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)) * (scan.reversed ? -1 : 1));
    return keys.flatMap((key) => {
      const cells = this.rows.get(key) ?? [];
      const counts: number[] = [];
      for (let left = cells.length; left > 0;) {
        const cut = Math.min(left, this.cuts().cells, scan.batch || left);
        counts.push(cut);
        left -= cut;
      }
      const pieces = resultsOf({ cells, cellsPerResult: counts, partialFlags: [] });
      return pieces.map((piece, i) => ({ cells: piece, isPartial: i < pieces.length - 1 }));
    });
  }
}

function isScanned(key: Buffer, region: MetaRegion, scan: Scan): boolean {
  const { startRow, stopRow, reversed } = scan;
  const sign = reversed ? -1 : 1;
  const isIn =
    Buffer.compare(key, region.startKey) >= 0 &&
    (region.endKey.length === 0 || Buffer.compare(key, region.endKey) < 0);
  const start = startRow.length === 0 ? 1 : Buffer.compare(key, startRow) * sign;
  const stop = stopRow.length === 0 ? -1 : Buffer.compare(key, stopRow) * sign;
  return (
    isIn &&
    (start > 0 || (start === 0 && scan.includeStart)) &&
    (stop < 0 || (stop === 0 && scan.includeStop))
  );
}
