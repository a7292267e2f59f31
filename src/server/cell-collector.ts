// Takes the cells of a read and keeps copies of them until the answer is written: the region's
// windows are valid only while it gives them.

import { Cell } from '../base/cell.js';
import type { ResultSink } from '../region/api.js';
import { CellBlockWriter } from '../wire/cell-block.js';
import type { CellCodec } from '../wire/headers.js';

/** Most answers are a few cells, so the first chunk comes from Node's pool and is small. */
const firstChunkBytes = 2_048;
const chunkBytes = 128 * 1_024;

/** The cells of one row, for a get. */
export class CellCollector implements ResultSink {
  readonly cells: Cell[] = [];
  #chunk = Buffer.allocUnsafe(firstChunkBytes);
  #used = 0;

  cell(
    buffer: Buffer,
    offset: number,
    keyLength: number,
    valueLength: number,
    tagsLength: number,
  ): void {
    const length = 8 + keyLength + valueLength + (tagsLength === 0 ? 0 : 2 + tagsLength);
    if (this.#used + length > this.#chunk.length) {
      this.#chunk = Buffer.allocUnsafe(Math.max(chunkBytes, length));
      this.#used = 0;
    }
    buffer.copy(this.#chunk, this.#used, offset, offset + length);
    this.cells.push(new Cell(this.#chunk, this.#used, keyLength, valueLength, tagsLength));
    this.#used += length;
  }

  /** A get has one result. */
  endResult(): void {
    return;
  }
}

/** The results of one page of a scan, in the form in which they go out. */
export class PageCollector implements ResultSink {
  readonly block: CellBlockWriter;
  readonly cellsPerResult: number[] = [];
  readonly partialFlags: boolean[] = [];
  #cellsBefore = 0;

  constructor(codec: CellCodec) {
    this.block = new CellBlockWriter(codec === 'key-value-with-tags');
  }

  cell(
    buffer: Buffer,
    offset: number,
    keyLength: number,
    valueLength: number,
    tagsLength: number,
  ): void {
    this.block.add(buffer, offset, keyLength, valueLength, tagsLength);
  }

  endResult(partial: boolean): void {
    const { count } = this.block;
    this.cellsPerResult.push(count - this.#cellsBefore);
    this.partialFlags.push(partial);
    this.#cellsBefore = count;
  }
}
