// Decodes mutations, whose cells come inside the message or in the cell block, into cells of
// KeyValue layout. Field numbers: HBase's Client.proto. A tag is field number × 8 + wire type.
//
// Invariants:
// 1. All cells of a mutation have its row; their types fit the mutation's kind; their tags are whole.
// 2. Cells from the block are views of it. Cells from the message are written once, into one buffer.

import {
  cellLength,
  CellType,
  compareRanges,
  latestTimestampHigh,
  latestTimestampLow,
  writeCell,
} from '../base/cell.js';
import type { Cell, CellParts } from '../base/cell.js';
import { CadastreError } from '../base/errors.js';
import type { Durability, Mutation, Nonce, TimeRange } from '../base/operations.js';
import type { CellBlockReader } from './cell-block.js';
import { wireLimits } from './limits.js';
import { malformed } from './proto-reader.js';
import type { ProtoReader } from './proto-reader.js';
import { checkedRow } from './row.js';
import { decodeNamedBytes, decodeTimeRange } from './selection-decoder.js';
import { formatUint64 } from './uint64.js';

const emptyBuffer = Buffer.alloc(0);

/** HBase's tag for a cell's own time to live: a 64-bit number of milliseconds. */
const ttlTagType = 8;

const durabilities: readonly Durability[] = ['default', 'skip', 'async', 'sync', 'fsync'];
const kinds: readonly Mutation['kind'][] = ['append', 'increment', 'put', 'delete'];
const deleteTypes: readonly CellType[] = [
  CellType.delete,
  CellType.deleteColumn,
  CellType.deleteFamily,
  CellType.deleteFamilyVersion,
];

interface Fields {
  row: Buffer | undefined;
  kind: Mutation['kind'] | undefined;
  durability: Durability | undefined;
  timestampHigh: number;
  timestampLow: number;
  timeRange: TimeRange | undefined;
  blockCells: number;
  nonce: string | undefined;
  ttlTag: Buffer | undefined;
  returnResult: boolean;
  hasColumns: boolean;
}

/** Reads a delimited MutationProto. `nonceGroup` is the request's, as decimal digits. */
export function decodeMutation(
  reader: ProtoReader,
  block: CellBlockReader,
  nonceGroup: string,
): Mutation {
  const outer = reader.enter();
  const start = reader.at;
  const fields: Fields = {
    row: undefined,
    kind: 'append',
    durability: 'default',
    timestampHigh: latestTimestampHigh,
    timestampLow: latestTimestampLow,
    timeRange: undefined,
    blockCells: 0,
    nonce: undefined,
    ttlTag: undefined,
    returnResult: true,
    hasColumns: false,
  };
  while (!reader.isDone) decodeField(reader, reader.tag(), fields);
  const { kind, durability, timestampHigh, timestampLow } = fields;
  if (kind === undefined || durability === undefined) {
    throw malformed('a mutation is of an unknown kind or durability');
  }
  const blockCells = takeCells(block, kind, fields);
  // HBase's clients that send no row beside block cells mean the cells' row.
  const row = checkedRow(fields.row ?? blockCells[0]?.row);
  for (const cell of blockCells) checkRow(cell, row);
  let cells: readonly Cell[] = blockCells;
  if (fields.hasColumns) {
    reader.at = start;
    cells = [...blockCells, ...decodeColumns(reader, row, kind, fields)];
  }
  reader.leave(outer);
  if (kind === 'put') return { kind, row, durability, cells };
  if (kind === 'delete') return { kind, row, durability, cells, timestampHigh, timestampLow };
  if (cells.length === 0) throw new CadastreError('bad-request', `${kind} of no columns`);
  const nonce = nonceOf(nonceGroup, fields.nonce);
  const { timeRange, returnResult } = fields;
  return { kind, row, durability, cells, timeRange, returnResult, nonce };
}

function decodeField(reader: ProtoReader, tag: number, fields: Fields): void {
  switch (tag) {
    case 10:
      fields.row = reader.bytes();
      return;
    case 16:
      fields.kind = kinds[reader.varint32()];
      return;
    case 26:
      fields.hasColumns = true;
      reader.skip(tag);
      return;
    case 32:
      reader.varint64();
      fields.timestampHigh = reader.high;
      fields.timestampLow = reader.low;
      return;
    case 42:
      applyAttribute(decodeNamedBytes(reader), fields);
      return;
    case 48:
      fields.durability = durabilities[reader.varint32()];
      return;
    case 58:
      fields.timeRange = decodeTimeRange(reader);
      return;
    case 64:
      fields.blockCells = reader.int32();
      return;
    case 72:
      reader.varint64();
      fields.nonce = formatUint64(reader.high, reader.low);
      return;
    default:
      reader.skip(tag);
  }
}

/** Attributes that change what is stored or answered; others are the program's own. */
function applyAttribute(attribute: { name: string; body: Buffer }, fields: Fields): void {
  const { name, body } = attribute;
  if (name === '_rr_') fields.returnResult = body.length === 0 || body[0] !== 0;
  else if (name === '_ttl') fields.ttlTag = ttlTag(body);
  else if (name === 'VISIBILITY') {
    throw new CadastreError('not-supported', 'cell visibility labels are not supported');
  }
}

function ttlTag(milliseconds: Buffer): Buffer {
  if (milliseconds.length !== 8 || (milliseconds[0] as number) > 0x7f) {
    throw new CadastreError('bad-request', 'a time to live is not a positive 64-bit number');
  }
  const tag = Buffer.allocUnsafe(11);
  tag.writeUInt16BE(9, 0);
  tag[2] = ttlTagType;
  milliseconds.copy(tag, 3);
  return tag;
}

function nonceOf(group: string, nonce: string | undefined): Nonce | undefined {
  return nonce === undefined || nonce === '0' ? undefined : { group, nonce };
}

function takeCells(block: CellBlockReader, kind: Mutation['kind'], fields: Fields): Cell[] {
  if (fields.blockCells < 0) throw malformed('a mutation has a negative count of cells');
  const cells: Cell[] = [];
  for (let i = 0; i < fields.blockCells; i++) {
    const cell = block.next();
    checkType(cell.type, kind);
    if (kind === 'increment') checkAmount(cell.valueLength);
    if (cell.tagsLength > 0) checkTags(cell.tags);
    cells.push(
      fields.ttlTag === undefined || kind === 'delete' ? cell : withTags(cell, fields.ttlTag),
    );
  }
  return cells;
}

function checkRow(cell: Cell, row: Buffer): void {
  const { buffer, rowOffset, rowLength } = cell;
  if (compareRanges(buffer, rowOffset, rowLength, row, 0, row.length) === 0) return;
  throw new CadastreError('bad-request', "a cell has another row than its mutation's");
}

function checkType(type: number, kind: Mutation['kind']): void {
  const isMarker = deleteTypes.includes(type as CellType);
  const fits = kind === 'delete' ? isMarker : type === CellType.put || (kind === 'put' && isMarker);
  if (!fits) throw new CadastreError('bad-request', `a cell of type ${type} in a ${kind}`);
}

function checkAmount(valueLength: number): void {
  if (valueLength === 8) return;
  const text = `an increment's amount has ${valueLength} bytes, not 8`;
  throw new CadastreError('bad-request', text);
}

/** Tags are u16 length, type, value: the lengths must fill the bytes exactly. */
function checkTags(tags: Buffer): void {
  let at = 0;
  while (at + 2 < tags.length) {
    const length = tags.readUInt16BE(at);
    if (length === 0) break;
    at += 2 + length;
  }
  if (at !== tags.length) throw new CadastreError('bad-request', "a cell's tags are malformed");
}

function withTags(cell: Cell, more: Buffer): Cell {
  const tags = Buffer.concat([cell.tags, more]);
  const { row, family, qualifier, value, timestampHigh, timestampLow } = cell;
  const timestamp = { high: timestampHigh, low: timestampLow };
  const type = cell.type as CellType;
  return build([{ row, family, qualifier, timestamp, type, value, tags }])[0] as Cell;
}

/** The cells of a message's column values; the reader stands at the mutation's first field. */
function decodeColumns(
  reader: ProtoReader,
  row: Buffer,
  kind: Mutation['kind'],
  fields: Fields,
): Cell[] {
  const parts: CellParts[] = [];
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 26) decodeColumnValue(reader, row, kind, fields, parts);
    else reader.skip(tag);
  }
  return build(parts);
}

/** A family and the values of its qualifiers; the family may stand behind them. */
function decodeColumnValue(
  reader: ProtoReader,
  row: Buffer,
  kind: Mutation['kind'],
  fields: Fields,
  parts: CellParts[],
): void {
  const outer = reader.enter();
  let family: Buffer | undefined;
  const start = reader.at;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) family = reader.bytes();
    else reader.skip(tag);
  }
  if (family === undefined) throw malformed('a column value has no family');
  if (family.length > wireLimits.familyBytesMax) {
    throw new CadastreError('bad-request', `a family of ${family.length} bytes is too long`);
  }
  reader.at = start;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 18) parts.push(decodeQualifierValue(reader, row, family, kind, fields));
    else reader.skip(tag);
  }
  reader.leave(outer);
}

function decodeQualifierValue(
  reader: ProtoReader,
  row: Buffer,
  family: Buffer,
  kind: Mutation['kind'],
  fields: Fields,
): CellParts {
  const outer = reader.enter();
  let qualifier: Buffer = emptyBuffer;
  let value: Buffer | undefined;
  let tags: Buffer = emptyBuffer;
  // A put's cells take the put's time; every other mutation's are "now" unless they say.
  let high: number = kind === 'put' ? fields.timestampHigh : latestTimestampHigh;
  let low: number = kind === 'put' ? fields.timestampLow : latestTimestampLow;
  let type: CellType | undefined = kind === 'delete' ? CellType.delete : CellType.put;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 10) qualifier = reader.bytes();
    else if (tag === 18) value = reader.bytes();
    else if (tag === 24) {
      reader.varint64();
      high = reader.high;
      low = reader.low;
    } else if (tag === 32) type = deleteTypes[reader.varint32()];
    else if (tag === 42) tags = reader.bytes();
    else reader.skip(tag);
  }
  reader.leave(outer);
  if (type === undefined) throw malformed('a delete is of an unknown kind');
  checkType(type, kind);
  if (value === undefined && type === CellType.put) throw malformed('a column has no value');
  if (kind === 'increment') checkAmount(value?.length ?? 0);
  if (tags.length > 0) checkTags(tags);
  if (fields.ttlTag !== undefined && kind !== 'delete') tags = Buffer.concat([tags, fields.ttlTag]);
  return {
    row,
    family,
    qualifier,
    timestamp: { high, low },
    type,
    value: value ?? emptyBuffer,
    tags,
  };
}

/** Writes the cells into one buffer. */
function build(parts: readonly CellParts[]): Cell[] {
  let bytes = 0;
  for (const part of parts) {
    bytes += cellLength(part);
    if ((part.tags?.length ?? 0) > 0xffff) {
      throw new CadastreError('bad-request', "a cell's tags have more than 65535 bytes");
    }
  }
  const buffer = Buffer.allocUnsafe(bytes);
  let at = 0;
  return parts.map((part) => {
    const cell = writeCell(part, buffer, at);
    at += cell.length;
    return cell;
  });
}
