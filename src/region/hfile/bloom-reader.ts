// Asks a file's bloom filter; its chunks are read when needed and cached like other blocks.

import type { BlockSource } from './block-source.js';
import type { BloomKind, BloomMeta } from './bloom.js';
import { chunkContains, murmurHash } from './bloom.js';
import type { IndexBlock } from './index-block.js';
import { firstKeyOf, qualifierOfKey, rowOfKey } from './key.js';

const emptyBytes = Buffer.alloc(0);

export class BloomReader {
  readonly #source: BlockSource;
  readonly #kind: BloomKind;
  readonly #meta: BloomMeta;

  constructor(source: BlockSource, kind: BloomKind, meta: BloomMeta) {
    this.#source = source;
    this.#kind = kind;
    this.#meta = meta;
  }

  mayContainRow(row: Buffer): boolean | Promise<boolean> {
    return this.#kind === 'rowcol' || this.#ask(row, this.#chunkOfRow(row));
  }

  mayContainColumn(row: Buffer, qualifier: Buffer): boolean | Promise<boolean> {
    if (this.#kind === 'row') return this.mayContainRow(row);
    const column = this.#askColumn(row, qualifier);
    if (column === true || qualifier.length === 0) return column;
    // A marker that deletes the whole family stands in the column without a name.
    const marker = this.#askColumn(row, emptyBytes);
    if (typeof column === 'boolean') return marker;
    return column.then((may) => may || marker);
  }

  #askColumn(row: Buffer, qualifier: Buffer): boolean | Promise<boolean> {
    const chunk = this.#chunkOfColumn(row, qualifier);
    return this.#ask(firstKeyOf(row, emptyBytes, qualifier), chunk);
  }

  /** Asks one chunk; one before the first (-1) has no keys. */
  #ask(key: Buffer, chunk: number): boolean | Promise<boolean> {
    const { chunks, hashes, hashType } = this.#meta;
    if (hashType !== murmurHash) return true;
    if (chunk < 0) return false;
    const block = this.#source.bloom({
      offset: chunks.offsetAt(chunk),
      bytes: chunks.bytesAt(chunk),
    });
    if (!(block instanceof Promise)) return chunkContains(block.bits, key, hashes);
    return block.then(({ bits }) => chunkContains(bits, key, hashes));
  }

  #chunkOfRow(row: Buffer): number {
    return lastAtMost(this.#meta.chunks, (first) => first.compare(row));
  }

  /** Chunks of columns begin with keys that have no family; row, then qualifier decide. */
  #chunkOfColumn(row: Buffer, qualifier: Buffer): number {
    return lastAtMost(this.#meta.chunks, (first) => {
      const order = rowOfKey(first).compare(row);
      return order === 0 ? qualifierOfKey(first).compare(qualifier) : order;
    });
  }
}

/** The last chunk whose first key compares as at most the one sought. */
function lastAtMost(chunks: IndexBlock, compare: (first: Buffer) => number): number {
  let low = 0;
  let high = chunks.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(chunks.keyAt(middle)) <= 0) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
