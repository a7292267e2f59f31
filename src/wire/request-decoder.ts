// Decodes the requests of HBase's ClientService: Get, Mutate, Multi, Scan.
// Field numbers: HBase's Client.proto. A tag is field number × 8 + wire type.
//
// Invariant: what comes back keeps to its types whatever the bytes were; everything else throws
// `bad-request` (or `not-supported`, with what is refused).

import { CadastreError } from '../base/errors.js';
import type { Condition, Get, Mutation } from '../base/operations.js';
import { CellBlockReader } from './cell-block.js';
import type {
  Action,
  GetRequest,
  MultiRequest,
  MutateRequest,
  RegionAction,
  RegionSpecifier,
  ScanRequest,
} from './client-messages.js';
import { decodeMutation } from './mutation-decoder.js';
import { malformed, ProtoReader } from './proto-reader.js';
import {
  decodeCondition,
  decodeGet,
  decodeRegionSpecifier,
  decodeScan,
} from './selection-decoder.js';
import type { DecodedScan } from './selection-decoder.js';
import { formatUint64, toSafeNumber } from './uint64.js';
import type { Uint64 } from './uint64.js';

export function decodeGetRequest(message: Buffer): GetRequest {
  const reader = new ProtoReader(message);
  let region: RegionSpecifier | undefined;
  let get: Get | undefined;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) region = decodeRegionSpecifier(reader);
    else if (tag === 18) get = decodeGet(reader);
    else reader.skip(tag);
  }
  if (region === undefined || get === undefined) throw malformed('a get without region or row');
  return { region, get };
}

export function decodeMutateRequest(message: Buffer, cellBlock: Buffer | undefined): MutateRequest {
  const reader = new ProtoReader(message);
  const block = new CellBlockReader(cellBlock);
  const nonceGroup = findUint64(message, 32);
  let region: RegionSpecifier | undefined;
  let mutation: Mutation | undefined;
  let condition: Condition | undefined;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) region = decodeRegionSpecifier(reader);
    else if (tag === 18) mutation = decodeMutation(reader, block, nonceGroup);
    else if (tag === 26) condition = decodeCondition(reader);
    else reader.skip(tag);
  }
  if (region === undefined || mutation === undefined) {
    throw malformed('a mutate without region or mutation');
  }
  if (condition !== undefined) checkConditionRow(condition, mutation);
  checkWholeBlock(block);
  return { region, mutation, condition };
}

/** The nonce group stands behind what needs it: a first pass over the top level finds it. */
function findUint64(message: Buffer, wanted: number): string {
  const reader = new ProtoReader(message);
  let found = '0';
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === wanted) {
      reader.varint64();
      found = formatUint64(reader.high, reader.low);
    } else reader.skip(tag);
  }
  return found;
}

function checkConditionRow(condition: Condition, mutation: Mutation): void {
  if (condition.row.equals(mutation.row)) return;
  throw new CadastreError('bad-request', "a condition has another row than its mutation's");
}

function checkWholeBlock(block: CellBlockReader): void {
  if (!block.isDone) throw malformed('the cell block has more cells than the message says');
}

export function decodeMultiRequest(message: Buffer, cellBlock: Buffer | undefined): MultiRequest {
  const reader = new ProtoReader(message);
  const block = new CellBlockReader(cellBlock);
  const nonceGroup = findUint64(message, 16);
  const regions: RegionAction[] = [];
  let requestCondition: Condition | undefined;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) regions.push(decodeRegionAction(reader, block, nonceGroup));
    else if (tag === 26) requestCondition = decodeCondition(reader);
    else reader.skip(tag);
  }
  checkWholeBlock(block);
  if (requestCondition === undefined) return { regions, hasRequestCondition: false };
  const [first, ...others] = regions;
  if (first === undefined || others.length > 0) {
    throw new CadastreError('bad-request', "a request's condition is for exactly one region");
  }
  const conditioned = { ...first, isAtomic: true, condition: requestCondition };
  return { regions: [conditioned], hasRequestCondition: true };
}

function decodeRegionAction(
  reader: ProtoReader,
  block: CellBlockReader,
  nonceGroup: string,
): RegionAction {
  const outer = reader.enter();
  let region: RegionSpecifier | undefined;
  let isAtomic = false;
  let condition: Condition | undefined;
  const actions: Action[] = [];
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) region = decodeRegionSpecifier(reader);
    else if (tag === 16) isAtomic = reader.bool();
    else if (tag === 26) actions.push(decodeAction(reader, block, nonceGroup, actions.length));
    else if (tag === 34) condition = decodeCondition(reader);
    else reader.skip(tag);
  }
  reader.leave(outer);
  if (region === undefined) throw malformed('a region action without region');
  return { region, isAtomic, condition, actions };
}

/** Actions of atomic batches have no index: it is their place. */
function decodeAction(
  reader: ProtoReader,
  block: CellBlockReader,
  nonceGroup: string,
  place: number,
): Action {
  const outer = reader.enter();
  let index = place;
  let action: Action | undefined;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 8) index = reader.varint32();
    else if (tag === 18) {
      action = { kind: 'mutation', index, mutation: decodeMutation(reader, block, nonceGroup) };
    } else if (tag === 26) action = { kind: 'get', index, get: decodeGet(reader) };
    else {
      if (tag === 34) action = { kind: 'refused', index, error: coprocessorRefused() };
      reader.skip(tag);
    }
  }
  reader.leave(outer);
  if (action === undefined) throw malformed('an action without get or mutation');
  return action.index === index ? action : { ...action, index };
}

function coprocessorRefused(): CadastreError {
  return new CadastreError('not-supported', 'coprocessor calls are not supported');
}

export function decodeScanRequest(message: Buffer): ScanRequest {
  const reader = new ProtoReader(message);
  const request: Filling = {
    open: undefined,
    scannerId: undefined,
    rowsMax: undefined,
    isClosing: false,
    nextCall: undefined,
    rowsLimit: 0,
    isRenewing: false,
    handlesPartials: false,
    handlesHeartbeats: false,
    tracksMetrics: false,
    wantsCursor: false,
  };
  let region: RegionSpecifier | undefined;
  let decoded: DecodedScan | undefined;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) region = decodeRegionSpecifier(reader);
    else if (tag === 18) decoded = decodeScan(reader);
    else decodeScanRequestField(reader, tag, request);
  }
  if (decoded !== undefined) {
    if (region === undefined) throw malformed('a scan without region');
    const { scan, sizeMax, wantsCursor } = decoded;
    request.open = { region, scan, sizeMax };
    request.wantsCursor = wantsCursor;
  } else if (request.scannerId === undefined) {
    throw malformed('a scan without scan or scanner');
  }
  return request;
}

type Filling = { -readonly [Key in keyof ScanRequest]: ScanRequest[Key] };

function decodeScanRequestField(reader: ProtoReader, tag: number, request: Filling): void {
  switch (tag) {
    case 24:
      request.scannerId = readUint64(reader);
      return;
    case 32:
      // Signed in clients: negative means as many as there are.
      request.rowsMax = rowsOf(reader.int32());
      return;
    case 40:
      request.isClosing = reader.bool();
      return;
    case 48:
      reader.varint64();
      request.nextCall = toSafeNumber(reader.high, reader.low, 'the number of the call');
      return;
    case 56:
      request.handlesPartials = reader.bool();
      return;
    case 64:
      request.handlesHeartbeats = reader.bool();
      return;
    case 72:
      request.tracksMetrics = reader.bool();
      return;
    case 80:
      request.isRenewing = reader.bool();
      return;
    case 88:
      request.rowsLimit = Math.max(0, reader.int32());
      return;
    default:
      reader.skip(tag);
  }
}

function rowsOf(count: number): number | undefined {
  return count < 0 ? undefined : count;
}

function readUint64(reader: ProtoReader): Uint64 {
  reader.varint64();
  return { high: reader.high, low: reader.low };
}
