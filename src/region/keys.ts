// Keys to seek to, built in place: a scanner makes many of them, one at a time.

import { Cell, latestTimestampHigh, latestTimestampLow } from '../base/cell.js';

/** Builds seek keys in one buffer: the last one is valid until the next is built. */
export class SeekKeys {
  #buffer: Buffer = noBytes;

  /** Before every cell of the row. */
  firstOfRow(row: Buffer, start = 0, length = row.length): Cell {
    return this.#build(row, start, length, false, noBytes, noBytes, 0, 0, true);
  }

  /** After every cell of the row, before every later row. */
  afterRow(row: Buffer, start = 0, length = row.length): Cell {
    return this.#build(row, start, length, true, noBytes, noBytes, 0, 0, true);
  }

  /** Before every cell of the column. */
  firstOfColumn(row: Buffer, rowLength: number, family: Buffer, qualifier: Buffer): Cell {
    return this.#build(row, 0, rowLength, false, family, qualifier, 0, qualifier.length, true);
  }

  /** After every cell of the column, before every later column. */
  afterColumn(
    row: Buffer,
    rowLength: number,
    family: Buffer,
    qualifier: Buffer,
    qualifierLength: number,
  ): Cell {
    return this.#build(row, 0, rowLength, false, family, qualifier, 0, qualifierLength, false);
  }

  #build(
    row: Buffer,
    rowStart: number,
    rowLength: number,
    withZeroByte: boolean,
    family: Buffer,
    qualifier: Buffer,
    qualifierStart: number,
    qualifierLength: number,
    isFirst: boolean,
  ): Cell {
    const rowBytes = rowLength + (withZeroByte ? 1 : 0);
    const keyLength = 12 + rowBytes + family.length + qualifierLength;
    if (this.#buffer.length < 8 + keyLength) {
      this.#buffer = Buffer.allocUnsafe(2 * (8 + keyLength));
    }
    const target = this.#buffer;
    let at = target.writeUInt32BE(keyLength, 0);
    at = target.writeUInt32BE(0, at);
    at = target.writeUInt16BE(rowBytes, at);
    row.copy(target, at, rowStart, rowStart + rowLength);
    at += rowLength;
    if (withZeroByte) target[at++] = 0;
    target[at++] = family.length;
    family.copy(target, at);
    at += family.length;
    qualifier.copy(target, at, qualifierStart, qualifierStart + qualifierLength);
    at += qualifierLength;
    at = target.writeUInt32BE(isFirst ? latestTimestampHigh : 0, at);
    at = target.writeUInt32BE(isFirst ? latestTimestampLow : 0, at);
    target[at] = isFirst ? 255 : 0;
    return new Cell(target, 0, keyLength, 0);
  }
}

const noBytes = Buffer.alloc(0);
