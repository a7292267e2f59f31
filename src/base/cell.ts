// The cell: one value at (row, family, qualifier, timestamp, type), as HBase defines it.
//
// A Cell is a window on a buffer that holds it in HBase's KeyValue layout; nothing is copied or
// decoded until asked for. The same bytes stand in requests, the write-ahead log, the memstore,
// store files and replies:
//
//   u32 key length | u32 value length | key | value [ | u16 tags length | tags ]
//   key = u16 row length | row | u8 family length | family | qualifier | u64 timestamp | u8 type
//
// Invariants:
// 1. A window lies wholly inside its buffer and its lengths agree (checked by `readCell`).
// 2. Timestamps are compared as two unsigned 32-bit halves, never as a double.
// Source of the layout: HBase's KeyValue and KeyValueCodec.

import { CadastreError } from './errors.js';

/** HBase's numbers of the cell types. Order matters: of equal keys the larger type sorts first. */
export const CellType = {
  put: 4,
  delete: 8,
  deleteFamilyVersion: 10,
  deleteColumn: 12,
  deleteFamily: 14,
  /** Only in seek keys: sorts before every real type. */
  maximum: 255,
} as const;
export type CellType = (typeof CellType)[keyof typeof CellType];

/** Clients send this timestamp for "now": Long.MAX_VALUE. */
export const latestTimestampHigh = 0x7fffffff;
export const latestTimestampLow = 0xffffffff;
const two32 = 2 ** 32;

/** One cell. `sequence` is the edit's number within its region, 0 while it has none. */
export class Cell {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly keyLength: number;
  readonly valueLength: number;
  /** Bytes of tags, without their u16 length; 0 means that no length stands there either. */
  readonly tagsLength: number;
  readonly sequence: number;

  constructor(
    buffer: Buffer,
    offset: number,
    keyLength: number,
    valueLength: number,
    tagsLength = 0,
    sequence = 0,
  ) {
    this.buffer = buffer;
    this.offset = offset;
    this.keyLength = keyLength;
    this.valueLength = valueLength;
    this.tagsLength = tagsLength;
    this.sequence = sequence;
  }

  /** Bytes of the whole cell in KeyValue layout, tags included. */
  get length(): number {
    return (
      8 + this.keyLength + this.valueLength + (this.tagsLength === 0 ? 0 : 2 + this.tagsLength)
    );
  }
  get rowLength(): number {
    const { buffer, offset } = this;
    return ((buffer[offset + 8] as number) << 8) | (buffer[offset + 9] as number);
  }
  get rowOffset(): number {
    return this.offset + 10;
  }
  get familyOffset(): number {
    return this.offset + 11 + this.rowLength;
  }
  get familyLength(): number {
    return this.buffer[this.offset + 10 + this.rowLength] as number;
  }
  get qualifierOffset(): number {
    return this.familyOffset + this.familyLength;
  }
  get qualifierLength(): number {
    return this.keyLength - this.rowLength - this.familyLength - 12;
  }
  get timestampOffset(): number {
    return this.offset + 8 + this.keyLength - 9;
  }
  get timestampHigh(): number {
    return this.buffer.readUInt32BE(this.timestampOffset);
  }
  get timestampLow(): number {
    return this.buffer.readUInt32BE(this.timestampOffset + 4);
  }
  get type(): number {
    return this.buffer[this.offset + 8 + this.keyLength - 1] as number;
  }
  get valueOffset(): number {
    return this.offset + 8 + this.keyLength;
  }
  /** Views, not copies: they live as long as the buffer. */
  get row(): Buffer {
    return this.buffer.subarray(this.rowOffset, this.rowOffset + this.rowLength);
  }
  get family(): Buffer {
    return this.buffer.subarray(this.familyOffset, this.familyOffset + this.familyLength);
  }
  get qualifier(): Buffer {
    const start = this.qualifierOffset;
    return this.buffer.subarray(start, start + this.qualifierLength);
  }
  get value(): Buffer {
    return this.buffer.subarray(this.valueOffset, this.valueOffset + this.valueLength);
  }
  get tags(): Buffer {
    const start = this.valueOffset + this.valueLength + 2;
    return this.tagsLength === 0
      ? emptyBuffer
      : this.buffer.subarray(start, start + this.tagsLength);
  }
  /** The whole cell in KeyValue layout. */
  get bytes(): Buffer {
    return this.buffer.subarray(this.offset, this.offset + this.length);
  }
  /** The timestamp as a double: exact below 2^53, for display and time-to-live only. */
  get timestampApproximate(): number {
    return this.timestampHigh * two32 + this.timestampLow;
  }
  get isLatestTimestamp(): boolean {
    return this.timestampHigh === latestTimestampHigh && this.timestampLow === latestTimestampLow;
  }
  get isDelete(): boolean {
    return this.type !== CellType.put;
  }
}

const emptyBuffer = Buffer.alloc(0);

/** The parts of a cell to build. `timestamp` is milliseconds, or `latest` for the server's clock. */
export interface CellParts {
  readonly row: Uint8Array;
  readonly family: Uint8Array;
  readonly qualifier: Uint8Array;
  readonly timestamp: number | 'latest' | { readonly high: number; readonly low: number };
  readonly type: CellType;
  readonly value: Uint8Array;
  readonly tags?: Uint8Array;
}

/** Bytes that {@link writeCell} needs. */
export function cellLength(parts: CellParts): number {
  const tags = parts.tags === undefined || parts.tags.length === 0 ? 0 : 2 + parts.tags.length;
  const key = 12 + parts.row.length + parts.family.length + parts.qualifier.length;
  return 8 + key + parts.value.length + tags;
}

/** Writes a cell at `offset` and returns the window on it. The caller has made room. */
export function writeCell(parts: CellParts, target: Buffer, offset: number, sequence = 0): Cell {
  const { row, family, qualifier, value } = parts;
  const keyLength = 12 + row.length + family.length + qualifier.length;
  let at = target.writeUInt32BE(keyLength, offset);
  at = target.writeUInt32BE(value.length, at);
  at = target.writeUInt16BE(row.length, at);
  target.set(row, at);
  at = target.writeUInt8(family.length, at + row.length);
  target.set(family, at);
  target.set(qualifier, at + family.length);
  at = writeTimestamp(target, at + family.length + qualifier.length, parts.timestamp);
  at = target.writeUInt8(parts.type, at);
  target.set(value, at);
  const tags = parts.tags ?? emptyBuffer;
  if (tags.length > 0) target.set(tags, target.writeUInt16BE(tags.length, at + value.length));
  return new Cell(target, offset, keyLength, value.length, tags.length, sequence);
}

function writeTimestamp(target: Buffer, at: number, timestamp: CellParts['timestamp']): number {
  if (typeof timestamp === 'number') {
    target.writeUInt32BE(Math.floor(timestamp / two32) >>> 0, at);
    return target.writeUInt32BE((timestamp % two32) >>> 0, at + 4);
  }
  const { high, low } =
    timestamp === 'latest' ? { high: latestTimestampHigh, low: latestTimestampLow } : timestamp;
  target.writeUInt32BE(high, at);
  return target.writeUInt32BE(low, at + 4);
}

/** A cell in a buffer of its own. */
export function makeCell(parts: CellParts, sequence = 0): Cell {
  return writeCell(parts, Buffer.allocUnsafeSlow(cellLength(parts)), 0, sequence);
}

/**
 * The cell at `offset`, of which `length` bytes (tags included) belong to it; its lengths are
 * checked against each other. Throws `corruption` if they disagree.
 */
export function readCell(buffer: Buffer, offset: number, length: number, sequence = 0): Cell {
  if (length >= 20 && offset + length <= buffer.length) {
    const keyLength = buffer.readUInt32BE(offset);
    const valueLength = buffer.readUInt32BE(offset + 4);
    const rest = length - 8 - keyLength - valueLength;
    const tagsLength = rest === 0 ? 0 : rest - 2;
    const rowLength = buffer.readUInt16BE(offset + 8);
    const familyLength = keyLength >= 12 + rowLength ? buffer[offset + 10 + rowLength] : undefined;
    if (
      (rest === 0 ||
        (rest > 2 && buffer.readUInt16BE(offset + 8 + keyLength + valueLength) === tagsLength)) &&
      familyLength !== undefined &&
      keyLength >= 12 + rowLength + familyLength
    ) {
      return new Cell(buffer, offset, keyLength, valueLength, tagsLength, sequence);
    }
  }
  throw new CadastreError('corruption', `a cell of ${length} bytes has lengths that do not agree`);
}

/** Compares two byte ranges as unsigned bytes; short ranges without a call into C++. */
export function compareRanges(
  a: Buffer,
  aStart: number,
  aLength: number,
  b: Buffer,
  bStart: number,
  bLength: number,
): number {
  const shared = aLength < bLength ? aLength : bLength;
  if (shared > 32) return a.compare(b, bStart, bStart + bLength, aStart, aStart + aLength);
  for (let i = 0; i < shared; i++) {
    const difference = (a[aStart + i] as number) - (b[bStart + i] as number);
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

/** HBase's order: row, family, qualifier up; timestamp, type, sequence down. */
export function compareCells(a: Cell, b: Cell): number {
  const key = compareKeys(a, b);
  return key === 0 ? b.sequence - a.sequence : key;
}

/** {@link compareCells} without the sequence. */
export function compareKeys(a: Cell, b: Cell): number {
  const row = compareRows(a, b);
  if (row !== 0) return row;
  const column = compareColumns(a, b);
  if (column !== 0) return column;
  const high = b.timestampHigh - a.timestampHigh;
  if (high !== 0) return high;
  const low = b.timestampLow - a.timestampLow;
  return low === 0 ? b.type - a.type : low;
}

export function compareRows(a: Cell, b: Cell): number {
  return compareRanges(a.buffer, a.rowOffset, a.rowLength, b.buffer, b.rowOffset, b.rowLength);
}

/** Compares family, then qualifier. */
export function compareColumns(a: Cell, b: Cell): number {
  const aFamily = a.familyOffset;
  const bFamily = b.familyOffset;
  const aLength = a.familyLength;
  const bLength = b.familyLength;
  const family = compareRanges(a.buffer, aFamily, aLength, b.buffer, bFamily, bLength);
  if (family !== 0) return family;
  return compareRanges(
    a.buffer,
    aFamily + aLength,
    a.qualifierLength,
    b.buffer,
    bFamily + bLength,
    b.qualifierLength,
  );
}
