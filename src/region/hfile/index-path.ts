// A position in the block index: the entry taken at each level from the root down to the one that
// names a data block. Steps to neighbouring blocks mostly stay inside the leaf block it holds.
//
// After a promise that rejected, only `seek` makes the path meaningful again.

import type { Cell } from '../../base/cell.js';
import type { BlockSource } from './block-source.js';
import type { BlockPlace, IndexBlock } from './index-block.js';

/** Which data block: the first, the last, the one `key` would be in, the one before `key`'s place. */
export type Aim = 'first' | 'last' | 'floor' | 'below';

export class IndexPath {
  readonly #source: BlockSource;
  readonly #levels: number;
  readonly #blocks: IndexBlock[];
  readonly #entries: number[];

  constructor(source: BlockSource, root: IndexBlock, levels: number) {
    this.#source = source;
    this.#levels = levels;
    this.#blocks = [root];
    this.#entries = [0];
  }

  /**
   * Goes to the data block that `aim` means; false if there is none. `floor` and `below` need a key;
   * `floor` gives the first block for keys before all.
   */
  seek(aim: Aim, key?: Cell): boolean | Promise<boolean> {
    const root = this.#blocks[0] as IndexBlock;
    const entry = pick(root, aim, key);
    if (root.count === 0 || (entry < 0 && aim === 'below')) return false;
    this.#entries[0] = Math.max(entry, 0);
    return this.#descend(0, aim, key);
  }

  /** Goes to the next data block or the one before; false if there is none. */
  step(direction: 1 | -1): boolean | Promise<boolean> {
    for (let level = this.#levels - 1; level >= 0; level--) {
      const entry = (this.#entries[level] as number) + direction;
      if (entry >= 0 && entry < (this.#blocks[level] as IndexBlock).count) {
        this.#entries[level] = entry;
        return this.#descend(level, direction === 1 ? 'first' : 'last');
      }
    }
    return false;
  }

  /** The place of the data block `ahead` blocks on, if this leaf block names it. */
  place(ahead = 0): BlockPlace | undefined {
    const leaf = this.#blocks[this.#levels - 1] as IndexBlock;
    const entry = (this.#entries[this.#levels - 1] as number) + ahead;
    if (entry >= leaf.count) return undefined;
    return { offset: leaf.offsetAt(entry), bytes: leaf.bytesAt(entry) };
  }

  /** Fills in the levels below `level`. */
  #descend(level: number, aim: Aim, key?: Cell): boolean | Promise<boolean> {
    for (let at = level; at < this.#levels - 1; at++) {
      const parent = this.#blocks[at] as IndexBlock;
      const entry = this.#entries[at] as number;
      const child = this.#source.index({
        offset: parent.offsetAt(entry),
        bytes: parent.bytesAt(entry),
      });
      if (child instanceof Promise) {
        return child.then((block) => {
          this.#enter(at + 1, block, aim, key);
          return this.#descend(at + 1, aim, key);
        });
      }
      this.#enter(at + 1, child, aim, key);
    }
    return true;
  }

  #enter(level: number, block: IndexBlock, aim: Aim, key: Cell | undefined): void {
    this.#blocks[level] = block;
    this.#entries[level] = Math.max(pick(block, aim, key), 0);
  }
}

function pick(block: IndexBlock, aim: Aim, key: Cell | undefined): number {
  if (key === undefined || aim === 'first') return aim === 'last' ? block.count - 1 : 0;
  if (aim === 'floor') return block.floor(key.buffer, key.offset + 8, key.keyLength);
  return block.below(key.buffer, key.offset + 8, key.keyLength);
}
