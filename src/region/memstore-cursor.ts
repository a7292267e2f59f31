// A cursor over a memstore. Inserts may move its place: it then finds the cell it stands on again,
// which costs a binary search and is asked for only after an insert.

import type { Cell } from '../base/cell.js';
import type { CellCursor, Moving } from './cell-cursor.js';
import type { Leaf, Memstore } from './memstore.js';

const noBytes = Buffer.alloc(0);

export class MemstoreCursor implements CellCursor {
  valid = false;
  buffer: Buffer = noBytes;
  offset = 0;
  keyLength = 0;
  valueLength = 0;
  tagsLength = 0;
  sequence = 0;
  readonly #memstore: Memstore;
  #leaf = 0;
  #index = 0;
  #modifications = -1;

  constructor(memstore: Memstore) {
    this.#memstore = memstore;
  }

  seekToFirst(): Moving {
    this.#place(0, 0);
    return undefined;
  }

  seek(key: Cell): Moving {
    // Of equal keys the largest sequence comes first.
    this.#find(key.buffer, key.offset + 8, key.keyLength, Number.MAX_VALUE);
    return undefined;
  }

  seekBefore(key: Cell): Moving {
    this.#find(key.buffer, key.offset + 8, key.keyLength, Number.MAX_VALUE);
    if (this.#index > 0) {
      this.#place(this.#leaf, this.#index - 1);
    } else if (this.#leaf > 0) {
      const previous = this.#memstore.leaves[this.#leaf - 1] as Leaf;
      this.#place(this.#leaf - 1, previous.count - 1);
    } else {
      this.valid = false;
    }
    return undefined;
  }

  next(): Moving {
    const memstore = this.#memstore;
    if (memstore.modifications !== this.#modifications) {
      this.#find(this.buffer, this.offset + 8, this.keyLength, this.sequence);
    }
    const leaf = memstore.leaves[this.#leaf] as Leaf;
    if (this.#index + 1 < leaf.count) {
      this.#index++;
      this.#load(leaf.handles[this.#index] as number);
    } else {
      this.#place(this.#leaf + 1, 0);
    }
    return undefined;
  }

  close(): void {
    this.valid = false;
    this.buffer = noBytes;
  }

  #find(buffer: Buffer, key: number, keyLength: number, sequence: number): void {
    const memstore = this.#memstore;
    const leafIndex = memstore.findLeaf(buffer, key, keyLength, sequence);
    const leaf = memstore.leaves[leafIndex];
    const index =
      leaf === undefined ? 0 : memstore.findInLeaf(leaf, buffer, key, keyLength, sequence);
    this.#place(leafIndex, index);
  }

  #place(leafIndex: number, index: number): void {
    this.#leaf = leafIndex;
    this.#index = index;
    this.#modifications = this.#memstore.modifications;
    const leaf = this.#memstore.leaves[leafIndex];
    this.valid = leaf !== undefined;
    if (leaf !== undefined) this.#load(leaf.handles[index] as number);
  }

  #load(handle: number): void {
    const arena = this.#memstore.arena;
    const buffer = arena.bufferOf(handle);
    const at = arena.offsetOf(handle);
    this.buffer = buffer;
    this.offset = at;
    this.sequence = arena.sequenceOf(handle);
    const keyLength =
      ((buffer[at + 1] as number) << 16) |
      ((buffer[at + 2] as number) << 8) |
      (buffer[at + 3] as number);
    const valueLength =
      ((buffer[at + 4] as number) << 24) |
      ((buffer[at + 5] as number) << 16) |
      ((buffer[at + 6] as number) << 8) |
      (buffer[at + 7] as number);
    this.keyLength = keyLength;
    this.valueLength = valueLength;
    const rest = arena.lengthOf(handle) - 8 - keyLength - valueLength;
    this.tagsLength = rest === 0 ? 0 : rest - 2;
  }
}
