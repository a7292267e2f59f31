// The parts of the cell a cursor stands on, decoded once and looked at by everything that judges it.

import type { CellSource } from './merge-cursor.js';

// Of the pool: a get needs several of them, and off-heap memory of their own would cost more than it.
const noBytes = Buffer.alloc(0);

export class CellView {
  buffer: Buffer = noBytes;
  rowOffset = 0;
  rowLength = 0;
  qualifierOffset = 0;
  qualifierLength = 0;
  timestampHigh = 0;
  timestampLow = 0;
  type = 0;

  load(source: CellSource): void {
    const buffer = source.buffer;
    const offset = source.offset;
    const rowLength = ((buffer[offset + 8] as number) << 8) | (buffer[offset + 9] as number);
    const familyLength = buffer[offset + 10 + rowLength] as number;
    const end = offset + 8 + source.keyLength;
    this.buffer = buffer;
    this.rowOffset = offset + 10;
    this.rowLength = rowLength;
    this.qualifierOffset = offset + 11 + rowLength + familyLength;
    this.qualifierLength = end - 9 - this.qualifierOffset;
    this.timestampHigh = readU32(buffer, end - 9);
    this.timestampLow = readU32(buffer, end - 5);
    this.type = buffer[end - 1] as number;
  }

  /** Milliseconds as a double: exact below 2^53. */
  get timestamp(): number {
    return this.timestampHigh * 4_294_967_296 + this.timestampLow;
  }
}

function readU32(buffer: Buffer, at: number): number {
  return (
    (((buffer[at] as number) << 24) |
      ((buffer[at + 1] as number) << 16) |
      ((buffer[at + 2] as number) << 8) |
      (buffer[at + 3] as number)) >>>
    0
  );
}

/** Whether the bytes at `offset` are `other`'s first `length`. */
export function equalBytes(
  buffer: Buffer,
  offset: number,
  length: number,
  other: Buffer,
  otherLength: number,
): boolean {
  if (length !== otherLength) return false;
  if (length > 48) return buffer.compare(other, 0, length, offset, offset + length) === 0;
  // Neighbours in sorted order differ at their end.
  for (let i = length - 1; i >= 0; i--) if (buffer[offset + i] !== other[i]) return false;
  return true;
}

/** A copy of the last bytes it was given, in memory it keeps. */
export class KeptBytes {
  buffer: Buffer = noBytes;
  length = -1;

  set(source: Buffer, offset: number, length: number): void {
    if (length > this.buffer.length) this.buffer = Buffer.allocUnsafe(length * 2);
    const target = this.buffer;
    if (length > 48) source.copy(target, 0, offset, offset + length);
    else for (let i = 0; i < length; i++) target[i] = source[offset + i] as number;
    this.length = length;
  }

  equals(buffer: Buffer, offset: number, length: number): boolean {
    return equalBytes(buffer, offset, length, this.buffer, this.length);
  }

  /** Forgets them: equal to nothing. */
  clear(): void {
    this.length = -1;
  }
}
