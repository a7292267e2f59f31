// A cursor that sees only the rows of a clip: how regions share a store file after a split or merge.

import type { Cell } from '../base/cell.js';
import { compareRanges } from '../base/cell.js';
import type { Clip } from '../base/store-file.js';
import type { CellCursor, Moving } from './cell-cursor.js';
import { SeekKeys } from './keys.js';

export class ClippedCursor implements CellCursor {
  valid = false;
  readonly #inner: CellCursor;
  readonly #clip: Clip;
  /** The first key inside, and the first key after; undefined where the clip is open. */
  readonly #first: Cell | undefined;
  readonly #end: Cell | undefined;

  constructor(inner: CellCursor, clip: Clip) {
    this.#inner = inner;
    this.#clip = clip;
    this.#first = boundary(clip.startKey);
    this.#end = boundary(clip.endKey);
  }

  get buffer(): Buffer {
    return this.#inner.buffer;
  }
  get offset(): number {
    return this.#inner.offset;
  }
  get keyLength(): number {
    return this.#inner.keyLength;
  }
  get valueLength(): number {
    return this.#inner.valueLength;
  }
  get tagsLength(): number {
    return this.#inner.tagsLength;
  }
  get sequence(): number {
    return this.#inner.sequence;
  }

  seekToFirst(): Moving {
    const first = this.#first;
    return this.#then(first === undefined ? this.#inner.seekToFirst() : this.#inner.seek(first));
  }

  seek(key: Cell): Moving {
    const first = this.#first;
    const isOutside = first !== undefined && compareRowTo(key, this.#clip.startKey) < 0;
    return this.#then(this.#inner.seek(isOutside ? first : key));
  }

  seekBefore(key: Cell): Moving {
    const end = this.#end;
    const isOutside = end !== undefined && compareRowTo(key, this.#clip.endKey) >= 0;
    return this.#then(this.#inner.seekBefore(isOutside ? end : key));
  }

  next(): Moving {
    return this.#then(this.#inner.next());
  }

  close(): void {
    this.valid = false;
    this.#inner.close();
  }

  #then(moving: Moving): Moving {
    if (moving === undefined) {
      this.#settle();
      return undefined;
    }
    this.valid = false;
    return moving.then(() => this.#settle());
  }

  #settle(): void {
    const { startKey, endKey } = this.#clip;
    this.valid =
      this.#inner.valid &&
      (startKey.length === 0 || compareRowTo(this.#inner, startKey) >= 0) &&
      (endKey.length === 0 || compareRowTo(this.#inner, endKey) < 0);
  }
}

function boundary(row: Buffer): Cell | undefined {
  return row.length === 0 ? undefined : new SeekKeys().firstOfRow(row);
}

function compareRowTo(cell: { readonly buffer: Buffer; readonly offset: number }, row: Buffer) {
  const { buffer, offset } = cell;
  const length = ((buffer[offset + 8] as number) << 8) | (buffer[offset + 9] as number);
  return compareRanges(buffer, offset + 10, length, row, 0, row.length);
}
