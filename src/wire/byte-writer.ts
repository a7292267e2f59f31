// Writes bytes, and protobuf's wire format, into a buffer that grows.
//
// Invariant: bytes before `start` were given away by `take` and are never written again, so that they
// can be on their way to the network while new ones are written behind them in the same buffer.

import type { Cell } from '../base/cell.js';

/** Up to here a loop beats a call into C++ (measured: 40 bytes on Node 20). */
const loopBytesMax = 40;

export class ByteWriter {
  /** Allocated when first needed: most connections are idle. */
  buffer: Buffer = Buffer.alloc(0);
  /** Where the bytes begin that are not given away. */
  start = 0;
  at = 0;
  readonly #chunkBytes: number;

  constructor(chunkBytes = 1024) {
    this.#chunkBytes = chunkBytes;
  }

  get length(): number {
    return this.at - this.start;
  }

  /** Gives away what was written; the caller may keep it. */
  take(): Buffer {
    const bytes = this.buffer.subarray(this.start, this.at);
    this.start = this.at;
    return bytes;
  }

  /** Makes room for `bytes` more. */
  reserve(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return;
    const length = this.length;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#chunkBytes, length * 2, length + bytes));
    this.buffer.copy(grown, 0, this.start, this.at);
    this.buffer = grown;
    this.start = 0;
    this.at = length;
  }

  uint8(value: number): void {
    this.reserve(1);
    this.buffer[this.at++] = value;
  }

  uint32(value: number): void {
    this.reserve(4);
    this.at = this.buffer.writeUInt32BE(value, this.at);
  }

  /** Overwrites four bytes written since the last `take`, `offset` counted from `start`. */
  setUint32(offset: number, value: number): void {
    this.buffer.writeUInt32BE(value, this.start + offset);
  }

  bytes(source: Uint8Array): void {
    const { length } = source;
    this.reserve(length);
    if (length > loopBytesMax) this.buffer.set(source, this.at);
    else {
      const { buffer, at } = this;
      for (let i = 0; i < length; i++) buffer[at + i] = source[i] as number;
    }
    this.at += length;
  }

  /** Bytes [from, to) of `source`. */
  range(source: Buffer, from: number, to: number): void {
    const length = to - from;
    this.reserve(length);
    if (length > loopBytesMax) source.copy(this.buffer, this.at, from, to);
    else {
      const { buffer, at } = this;
      for (let i = 0; i < length; i++) buffer[at + i] = source[from + i] as number;
    }
    this.at += length;
  }

  /** A cell as cell blocks hold it: its length, then its KeyValue, with tags only if asked. */
  blockCell(cell: Cell, withTags: boolean): void {
    const length = withTags ? cell.length : 8 + cell.keyLength + cell.valueLength;
    this.uint32(length);
    this.range(cell.buffer, cell.offset, cell.offset + length);
  }

  /** An unsigned number below 2^32. */
  varint(value: number): void {
    this.reserve(5);
    const { buffer } = this;
    let at = this.at;
    let rest = value;
    while (rest > 0x7f) {
      buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[at++] = rest;
    this.at = at;
  }

  varint64(high: number, low: number): void {
    this.reserve(10);
    const { buffer } = this;
    let at = this.at;
    let h = high >>> 0;
    let l = low >>> 0;
    while (h !== 0 || l > 0x7f) {
      buffer[at++] = (l & 0x7f) | 0x80;
      l = ((l >>> 7) | (h << 25)) >>> 0;
      h >>>= 7;
    }
    buffer[at++] = l;
    this.at = at;
  }

  /** A varint field; the tag is field number × 8. */
  varintField(tag: number, value: number): void {
    this.varint(tag);
    this.varint(value);
  }

  varint64Field(tag: number, high: number, low: number): void {
    this.varint(tag);
    this.varint64(high, low);
  }

  boolField(tag: number, value: boolean): void {
    this.varint(tag);
    this.uint8(value ? 1 : 0);
  }

  bytesField(tag: number, value: Uint8Array): void {
    this.varint(tag);
    this.varint(value.length);
    this.bytes(value);
  }

  /** Bytes [from, from + length) of `source` as a field. */
  rangeField(tag: number, source: Buffer, from: number, length: number): void {
    this.varint(tag);
    this.varint(length);
    this.range(source, from, from + length);
  }

  stringField(tag: number, value: string): void {
    this.bytesField(tag, Buffer.from(value));
  }

  /** Opens a nested message field; `end` with what this returns closes it. */
  begin(tag: number): number {
    this.varint(tag);
    return this.beginDelimited();
  }

  /** Opens a message with its length before it. */
  beginDelimited(): number {
    this.uint8(0);
    return this.length;
  }

  /** Writes the length before the message; moves it when the length needs more than one byte. */
  end(mark: number): void {
    const length = this.length - mark;
    let extra = 0;
    for (let rest = length >>> 7; rest > 0; rest >>>= 7) extra++;
    if (extra > 0) {
      this.reserve(extra);
      const from = this.start + mark;
      this.buffer.copyWithin(from + extra, from, this.at);
    }
    this.at = this.start + mark - 1;
    this.varint(length);
    this.at += length;
  }
}
