// Decodes the responses of HBase's ClientService, ours and HBase's own, on the client's side.
// Field numbers: HBase's Client.proto. A tag is field number × 8 + wire type.
//
// Invariant: cells from the block are views of it, taken in the order in which the message counts
// them; whatever does not fit throws.

import { makeCell } from '../base/cell.js';
import type { Cell, CellType } from '../base/cell.js';
import type { CadastreError } from '../base/errors.js';
import { CellBlockReader } from './cell-block.js';
import type { RpcReply } from './client-connection.js';
import type {
  ActionOutcome,
  CellResult,
  MultiResponse,
  MutateResponse,
  RegionActionResult,
  ScanResponse,
} from './client-messages.js';
import { fromException } from './exceptions.js';
import { malformed, ProtoReader } from './proto-reader.js';
import { toSafeNumber } from './uint64.js';
import type { Uint64 } from './uint64.js';

const emptyBuffer = Buffer.alloc(0);

export function decodeGetResponse(reply: RpcReply): CellResult {
  const reader = new ProtoReader(reply.message);
  const block = new CellBlockReader(reply.cellBlock);
  let result: CellResult = { cells: [] };
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) result = decodeResult(reader, block);
    else reader.skip(tag);
  }
  return result;
}

export function decodeMutateResponse(reply: RpcReply): MutateResponse {
  const reader = new ProtoReader(reply.message);
  const block = new CellBlockReader(reply.cellBlock);
  const response: { result?: CellResult; processed?: boolean } = {};
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) response.result = decodeResult(reader, block);
    else if (tag === 16) response.processed = reader.bool();
    else reader.skip(tag);
  }
  return response;
}

export function decodeMultiResponse(reply: RpcReply): MultiResponse {
  const reader = new ProtoReader(reply.message);
  const block = new CellBlockReader(reply.cellBlock);
  const regions: RegionActionResult[] = [];
  let processed: boolean | undefined;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) regions.push(decodeRegionResult(reader, block));
    else if (tag === 16) processed = reader.bool();
    else reader.skip(tag);
  }
  return processed === undefined ? { regions } : { regions, processed };
}

function decodeRegionResult(reader: ProtoReader, block: CellBlockReader): RegionActionResult {
  const outer = reader.enter();
  const outcomes: ActionOutcome[] = [];
  let error: CadastreError | undefined;
  let processed: boolean | undefined;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) outcomes.push(decodeOutcome(reader, block));
    else if (tag === 18) error = decodeException(reader);
    else if (tag === 24) processed = reader.bool();
    else reader.skip(tag);
  }
  reader.leave(outer);
  if (error !== undefined) return { kind: 'error', error };
  return { kind: 'outcomes', outcomes, ...(processed === undefined ? {} : { processed }) };
}

function decodeOutcome(reader: ProtoReader, block: CellBlockReader): ActionOutcome {
  const outer = reader.enter();
  let index = 0;
  let result: CellResult | undefined;
  let error: CadastreError | undefined;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 8) index = reader.varint32();
    else if (tag === 18) result = decodeResult(reader, block);
    else if (tag === 26) error = decodeException(reader);
    else reader.skip(tag);
  }
  reader.leave(outer);
  if (error !== undefined) return { kind: 'error', index, error };
  return result === undefined ? { kind: 'done', index } : { kind: 'done', index, result };
}

function decodeException(reader: ProtoReader): CadastreError {
  const outer = reader.enter();
  let className = '';
  let text = '';
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) className = reader.string();
    else if (tag === 18) text = reader.string();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return fromException({ className, text, doNotRetry: false });
}

function decodeResult(reader: ProtoReader, block: CellBlockReader): CellResult {
  const outer = reader.enter();
  const inline: Cell[] = [];
  let blockCount = 0;
  let exists: boolean | undefined;
  let isPartial = false;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) inline.push(decodeCell(reader));
    else if (tag === 16) blockCount = reader.int32();
    else if (tag === 24) exists = reader.bool();
    else if (tag === 40) isPartial = reader.bool();
    else reader.skip(tag);
  }
  reader.leave(outer);
  const cells = blockCount > 0 ? [...inline, ...block.take(blockCount)] : inline;
  return {
    cells,
    ...(exists === undefined ? {} : { exists }),
    ...(isPartial ? { isPartial } : {}),
  };
}

/** A cell that is a message of its own, built in KeyValue layout. */
function decodeCell(reader: ProtoReader): Cell {
  const outer = reader.enter();
  let row: Buffer = emptyBuffer;
  let family: Buffer = emptyBuffer;
  let qualifier: Buffer = emptyBuffer;
  let value: Buffer = emptyBuffer;
  let tags: Buffer = emptyBuffer;
  let high = 0;
  let low = 0;
  let type = 0;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) row = reader.bytes();
    else if (tag === 18) family = reader.bytes();
    else if (tag === 26) qualifier = reader.bytes();
    else if (tag === 32) {
      reader.varint64();
      high = reader.high;
      low = reader.low;
    } else if (tag === 40) type = reader.varint32();
    else if (tag === 50) value = reader.bytes();
    else if (tag === 58) tags = reader.bytes();
    else reader.skip(tag);
  }
  reader.leave(outer);
  if (row.length > 0xffff || family.length > 0xff || tags.length > 0xffff || type > 0xff) {
    throw malformed('a cell has a part that is too long');
  }
  const timestamp = { high, low };
  return makeCell({ row, family, qualifier, timestamp, type: type as CellType, value, tags });
}

interface Scanned {
  cells: Cell[];
  cellsPerResult: number[];
  partialFlags: boolean[];
  scannerId?: Uint64;
  moreResults?: boolean;
  moreResultsInRegion?: boolean;
  leaseMs?: number;
  readPoint?: number;
  isHeartbeat?: boolean;
  metrics?: Record<string, number>;
  cursorRow?: Buffer;
}

export function decodeScanResponse(reply: RpcReply): ScanResponse {
  const reader = new ProtoReader(reply.message);
  const block = new CellBlockReader(reply.cellBlock);
  const scanned: Scanned = { cells: [], cellsPerResult: [], partialFlags: [] };
  const inline: CellResult[] = [];
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 8) scanned.cellsPerResult.push(reader.varint32());
    else if (tag === 10) decodePackedCounts(reader, scanned.cellsPerResult);
    else if (tag === 42) inline.push(decodeResult(reader, block));
    else decodeScanField(reader, tag, scanned);
  }
  for (const { cells, isPartial = false } of inline) {
    scanned.cellsPerResult.push(cells.length);
    scanned.partialFlags.push(isPartial);
    for (const cell of cells) scanned.cells.push(cell);
  }
  if (inline.length === 0) while (!block.isDone) scanned.cells.push(block.next());
  const counted = scanned.cellsPerResult.reduce((sum, count) => sum + count, 0);
  if (counted !== scanned.cells.length) throw malformed('a scan counts other cells than it sends');
  return scanned;
}

/** Some encoders pack repeated numbers. */
function decodePackedCounts(reader: ProtoReader, counts: number[]): void {
  const outer = reader.enter();
  while (!reader.isDone) counts.push(reader.varint32());
  reader.leave(outer);
}

function decodeScanField(reader: ProtoReader, tag: number, scanned: Scanned): void {
  switch (tag) {
    case 16:
      reader.varint64();
      scanned.scannerId = { high: reader.high, low: reader.low };
      return;
    case 24:
      scanned.moreResults = reader.bool();
      return;
    case 32:
      scanned.leaseMs = reader.varint32();
      return;
    case 56:
      scanned.partialFlags.push(reader.bool());
      return;
    case 64:
      scanned.moreResultsInRegion = reader.bool();
      return;
    case 72:
      scanned.isHeartbeat = reader.bool();
      return;
    case 82:
      scanned.metrics = decodeMetrics(reader);
      return;
    case 88:
      reader.varint64();
      scanned.readPoint = toSafeNumber(reader.high, reader.low, 'the read point');
      return;
    case 98:
      scanned.cursorRow = decodeCursor(reader);
      return;
    default:
      reader.skip(tag);
  }
}

function decodeMetrics(reader: ProtoReader): Record<string, number> {
  const outer = reader.enter();
  const metrics: [string, number][] = [];
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) metrics.push(decodeMetric(reader));
    else reader.skip(tag);
  }
  reader.leave(outer);
  return Object.fromEntries(metrics);
}

function decodeMetric(reader: ProtoReader): [string, number] {
  const outer = reader.enter();
  let name = '';
  let value = 0;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) name = reader.string();
    else if (tag === 16) {
      reader.varint64();
      value = toSafeNumber(reader.high, reader.low, 'a metric');
    } else reader.skip(tag);
  }
  reader.leave(outer);
  return [name, value];
}

function decodeCursor(reader: ProtoReader): Buffer {
  const outer = reader.enter();
  let row: Buffer = emptyBuffer;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) row = reader.bytes();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return row;
}
