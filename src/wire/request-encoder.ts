// Encodes the requests of HBase's ClientService, as its own clients do: a single mutation's cells
// inside the message, a batch's in the cell block (research/wire-trace.md 1.24, 7.6).
// Field numbers: HBase's Client.proto. A tag is field number × 8 + wire type.

import { CellType } from '../base/cell.js';
import type { Cell } from '../base/cell.js';
import type { CompareOperator, Condition, Durability, Get, Mutation } from '../base/operations.js';
import type { Scan, Selection, TimeRange } from '../base/operations.js';
import { unreachable } from '../base/assert.js';
import type { ByteWriter } from './byte-writer.js';
import type { MultiRequest, RegionSpecifier, ScanRequest } from './client-messages.js';
import type { Action, GetRequest, MutateRequest, RegionAction } from './client-messages.js';
import type { CellCodec } from './headers.js';
import { fromSafeNumber, parseUint64 } from './uint64.js';

export function writeGetRequest(writer: ByteWriter, request: GetRequest): void {
  writeRegion(writer, request.region);
  writeGet(writer, 18, request.get);
}

export function writeMutateRequest(writer: ByteWriter, request: MutateRequest): void {
  const { region, mutation, condition } = request;
  writeRegion(writer, region);
  writeMutation(writer, 18, mutation, false);
  if (condition !== undefined) writeCondition(writer, 26, condition);
  if ('nonce' in mutation && mutation.nonce !== undefined) {
    writeDecimal(writer, 32, mutation.nonce.group);
  }
}

/** The cells that go with {@link writeMultiRequest} into the block, on connections with a codec. */
export function multiRequestCells(request: MultiRequest): Cell[] {
  const cells: Cell[] = [];
  for (const region of request.regions) {
    if (region.isAtomic) continue;
    for (const action of region.actions) {
      if (action.kind === 'mutation') for (const cell of action.mutation.cells) cells.push(cell);
    }
  }
  return cells;
}

export function writeMultiRequest(
  writer: ByteWriter,
  request: MultiRequest,
  codec: CellCodec,
): void {
  let group: string | undefined;
  for (const region of request.regions) {
    writeRegionAction(writer, region, codec !== 'none');
    for (const action of region.actions) {
      const mutation = action.kind === 'mutation' ? action.mutation : undefined;
      if (mutation !== undefined && 'nonce' in mutation) group ??= mutation.nonce?.group;
    }
  }
  if (group !== undefined) writeDecimal(writer, 16, group);
}

/** HBase's clients leave the index out of atomic actions, and keep their cells out of the block. */
function writeRegionAction(writer: ByteWriter, region: RegionAction, hasBlock: boolean): void {
  const mark = writer.begin(10);
  writeRegion(writer, region.region);
  if (region.isAtomic) writer.boolField(16, true);
  for (const action of region.actions) {
    const inner = writer.begin(26);
    if (!region.isAtomic) writer.varintField(8, action.index);
    writeAction(writer, action, hasBlock && !region.isAtomic);
    writer.end(inner);
  }
  if (region.condition !== undefined) writeCondition(writer, 34, region.condition);
  writer.end(mark);
}

function writeAction(writer: ByteWriter, action: Action, hasBlock: boolean): void {
  switch (action.kind) {
    case 'get':
      writeGet(writer, 26, action.get);
      return;
    case 'mutation':
      writeMutation(writer, 18, action.mutation, hasBlock);
      return;
    case 'refused':
      throw action.error;
    default:
      unreachable(action);
  }
}

export function writeScanRequest(writer: ByteWriter, request: ScanRequest): void {
  const { open, scannerId, rowsMax, nextCall } = request;
  if (open !== undefined) {
    writeRegion(writer, open.region);
    writeScan(writer, 18, open.scan, open.sizeMax, request);
  }
  if (scannerId !== undefined) writer.varint64Field(24, scannerId.high, scannerId.low);
  if (rowsMax !== undefined) writer.varintField(32, rowsMax);
  writer.boolField(40, request.isClosing);
  if (nextCall !== undefined) writeNumber(writer, 48, nextCall);
  writer.boolField(56, request.handlesPartials);
  writer.boolField(64, request.handlesHeartbeats);
  writer.boolField(72, request.tracksMetrics);
  if (request.isRenewing) writer.boolField(80, true);
  if (request.rowsLimit > 0) writer.varintField(88, request.rowsLimit);
}

function writeRegion(writer: ByteWriter, region: RegionSpecifier): void {
  const mark = writer.begin(10);
  writer.varintField(8, region.kind === 'name' ? 1 : 2);
  writer.bytesField(18, region.value);
  writer.end(mark);
}

function writeGet(writer: ByteWriter, tag: number, get: Get): void {
  const mark = writer.begin(tag);
  writer.bytesField(10, get.row);
  writeColumns(writer, 18, get);
  writeNamed(writer, 34, get.filter);
  writeTimeRange(writer, 42, get.timeRange);
  writer.varintField(48, get.versionsMax);
  writer.boolField(56, get.cacheBlocks);
  if (get.storeLimit !== undefined) writer.varintField(64, get.storeLimit);
  if (get.storeOffset > 0) writer.varintField(72, get.storeOffset);
  if (get.existenceOnly) writer.boolField(80, true);
  writeFamilyTimeRanges(writer, 106, get);
  writer.end(mark);
}

function writeScan(
  writer: ByteWriter,
  tag: number,
  scan: Scan,
  sizeMax: number,
  request: ScanRequest,
): void {
  const mark = writer.begin(tag);
  writeColumns(writer, 10, scan);
  const isolation = Buffer.from([scan.readUncommitted ? 1 : 0]);
  writeNamed(writer, 18, { name: '_isolationlevel_', body: isolation });
  if (scan.raw) writeNamed(writer, 18, { name: '_raw_', body: Buffer.from([0xff]) });
  if (scan.startRow.length > 0) writer.bytesField(26, scan.startRow);
  if (scan.stopRow.length > 0) writer.bytesField(34, scan.stopRow);
  writeNamed(writer, 42, scan.filter);
  writeTimeRange(writer, 50, scan.timeRange);
  writer.varintField(56, scan.versionsMax);
  writer.boolField(64, scan.cacheBlocks);
  if (scan.batch > 0) writer.varintField(72, scan.batch);
  if (sizeMax > 0) writeNumber(writer, 80, sizeMax);
  if (scan.storeLimit !== undefined) writer.varintField(88, scan.storeLimit);
  if (scan.storeOffset > 0) writer.varintField(96, scan.storeOffset);
  if (scan.reversed) writer.boolField(120, true);
  if (request.rowsMax !== undefined) writer.varintField(136, request.rowsMax);
  writeFamilyTimeRanges(writer, 154, scan);
  if (scan.readPoint > 0) writeNumber(writer, 160, scan.readPoint);
  if (!scan.includeStart) writer.boolField(168, false);
  writer.boolField(176, scan.includeStop);
  if (request.wantsCursor) writer.boolField(192, true);
  writer.end(mark);
}

function writeColumns(writer: ByteWriter, tag: number, selection: Selection): void {
  for (const { family, qualifiers } of selection.families) {
    const mark = writer.begin(tag);
    writer.bytesField(10, family);
    for (const qualifier of qualifiers) writer.bytesField(18, qualifier);
    writer.end(mark);
  }
}

function writeFamilyTimeRanges(writer: ByteWriter, tag: number, selection: Selection): void {
  for (const { family, range } of selection.familyTimeRanges) {
    const mark = writer.begin(tag);
    writer.bytesField(10, family);
    writeTimeRange(writer, 18, range);
    writer.end(mark);
  }
}

function writeTimeRange(writer: ByteWriter, tag: number, range: TimeRange | undefined): void {
  if (range === undefined) return;
  const mark = writer.begin(tag);
  writer.varint64Field(8, range.fromHigh, range.fromLow);
  writer.varint64Field(16, range.untilHigh, range.untilLow);
  writer.end(mark);
}

function writeNamed(
  writer: ByteWriter,
  tag: number,
  named: { readonly name: string; readonly body: Buffer } | undefined,
): void {
  if (named === undefined) return;
  const mark = writer.begin(tag);
  writer.stringField(10, named.name);
  writer.bytesField(18, named.body);
  writer.end(mark);
}

const kindNumbers: Readonly<Record<Mutation['kind'], number>> = {
  append: 0,
  increment: 1,
  put: 2,
  delete: 3,
};
const durabilityNumbers: Readonly<Record<Durability, number>> = {
  default: 0,
  skip: 1,
  async: 2,
  sync: 3,
  fsync: 4,
};
const deleteTypeNumbers: ReadonlyMap<number, number> = new Map([
  [CellType.delete, 0],
  [CellType.deleteColumn, 1],
  [CellType.deleteFamily, 2],
  [CellType.deleteFamilyVersion, 3],
]);

function writeMutation(
  writer: ByteWriter,
  tag: number,
  mutation: Mutation,
  hasBlock: boolean,
): void {
  const mark = writer.begin(tag);
  const { cells, kind } = mutation;
  writer.bytesField(10, mutation.row);
  writer.varintField(16, kindNumbers[kind]);
  if (!hasBlock) writeColumnValues(writer, cells);
  if (kind === 'delete') {
    writer.varint64Field(32, mutation.timestampHigh, mutation.timestampLow);
  }
  const isResultUnwanted = 'returnResult' in mutation && !mutation.returnResult;
  if (isResultUnwanted) writeNamed(writer, 42, { name: '_rr_', body: Buffer.from([0]) });
  writer.varintField(48, durabilityNumbers[mutation.durability]);
  if ('timeRange' in mutation) writeTimeRange(writer, 58, mutation.timeRange);
  if (hasBlock) writer.varintField(64, cells.length);
  if ('nonce' in mutation && mutation.nonce !== undefined) {
    writeDecimal(writer, 72, mutation.nonce.nonce);
  }
  writer.end(mark);
}

/** Cells of one family that stand together share a column value. */
function writeColumnValues(writer: ByteWriter, cells: readonly Cell[]): void {
  let mark: number | undefined;
  let family: Buffer | undefined;
  for (const cell of cells) {
    const next = cell.family;
    if (mark === undefined || family === undefined || !family.equals(next)) {
      if (mark !== undefined) writer.end(mark);
      mark = writer.begin(26);
      writer.bytesField(10, next);
      family = next;
    }
    writeQualifierValue(writer, cell);
  }
  if (mark !== undefined) writer.end(mark);
}

function writeQualifierValue(writer: ByteWriter, cell: Cell): void {
  const mark = writer.begin(18);
  writer.bytesField(10, cell.qualifier);
  writer.rangeField(18, cell.buffer, cell.valueOffset, cell.valueLength);
  writer.varint64Field(24, cell.timestampHigh, cell.timestampLow);
  const deleteType = deleteTypeNumbers.get(cell.type);
  if (deleteType !== undefined) writer.varintField(32, deleteType);
  if (cell.tagsLength > 0) writer.bytesField(42, cell.tags);
  writer.end(mark);
}

const operatorNumbers: Readonly<Record<CompareOperator, number>> = {
  less: 0,
  'less-or-equal': 1,
  equal: 2,
  'not-equal': 3,
  'greater-or-equal': 4,
  greater: 5,
  'no-op': 6,
};

function writeCondition(writer: ByteWriter, tag: number, condition: Condition): void {
  const mark = writer.begin(tag);
  writer.bytesField(10, condition.row);
  if (condition.kind === 'value') {
    writer.bytesField(18, condition.family);
    writer.bytesField(26, condition.qualifier);
    writer.varintField(32, operatorNumbers[condition.operator]);
    writeNamed(writer, 42, condition.comparator);
  }
  writeTimeRange(writer, 50, condition.timeRange);
  if (condition.kind === 'filter') writeNamed(writer, 58, condition.filter);
  writer.end(mark);
}

function writeNumber(writer: ByteWriter, tag: number, value: number): void {
  const { high, low } = fromSafeNumber(value);
  writer.varint64Field(tag, high, low);
}

function writeDecimal(writer: ByteWriter, tag: number, digits: string): void {
  const { high, low } = parseUint64(digits);
  writer.varint64Field(tag, high, low);
}
