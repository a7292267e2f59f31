// Builds the block index bottom up while data blocks are written: leaf blocks go inline between the
// data blocks as soon as they are full, the levels above them are written at the end.
// Memory: one leaf block and one root entry for each leaf written.
// Source of the layout: HBase's HFileBlockIndex (see index-block.ts).

import { vlongBytes, writeI64, writeVlong } from './bytes.js';
import type { BlockKind } from './format.js';
import type { BlockPlace } from './index-block.js';

/** A level is not cut into blocks of fewer entries, so that huge keys do not make endless levels. */
const entriesMin = 16;

interface Entry extends BlockPlace {
  readonly key: Buffer;
  /** Data blocks below this entry; 1 in leaf blocks. */
  readonly dataBlocks: number;
}

/** Writes a payload as a block of the file and says where it went. */
export type WriteBlock = (kind: BlockKind, payload: Buffer) => BlockPlace;

export class IndexWriter {
  readonly #blockBytesMax: number;
  readonly #write: WriteBlock;
  #leaf: Entry[] = [];
  #leafBytes = 0;
  #root: Entry[] = [];
  /** Bytes of all index blocks before compression. */
  indexBytes = 0;

  constructor(blockBytesMax: number, write: WriteBlock) {
    this.#blockBytesMax = blockBytesMax;
    this.#write = write;
  }

  /** Notes a data block; `key` is kept. Writes the leaf block if it is full. */
  add(key: Buffer, place: BlockPlace): void {
    this.#leaf.push({ key, offset: place.offset, bytes: place.bytes, dataBlocks: 1 });
    this.#leafBytes += 16 + key.length;
    if (this.#leafBytes + 8 >= this.#blockBytesMax) this.#writeLeaf();
  }

  /** Writes the last leaf block, if any was written before. To be called after the last data block. */
  finishLeaves(): void {
    if (this.#leaf.length === 0) return;
    if (this.#root.length > 0) this.#writeLeaf();
    else this.#root = this.#leaf;
  }

  /** Writes the levels between leaves and root; returns the root block's payload, unwritten. */
  finishRoot(): { readonly payload: Buffer; readonly entries: number; readonly levels: number } {
    let levels = 1;
    let middle: Buffer = Buffer.alloc(0);
    const isSingle = this.#root === this.#leaf || this.#root.length === 0;
    if (!isSingle) {
      levels = 2;
      middle = middleOf(this.#root);
      while (rootBytes(this.#root) > this.#blockBytesMax && this.#root.length > entriesMin) {
        this.#root = this.#writeLevel(this.#root);
        levels++;
      }
    }
    const payload = Buffer.concat([encodeRoot(this.#root), middle]);
    this.indexBytes += payload.length;
    return { payload, entries: this.#root.length, levels };
  }

  #writeLeaf(): void {
    this.#root.push(this.#writeEntries('leafIndex', this.#leaf));
    this.#leaf = [];
    this.#leafBytes = 0;
  }

  #writeLevel(level: readonly Entry[]): Entry[] {
    const parents: Entry[] = [];
    let from = 0;
    let bytes = 0;
    for (let i = 0; i < level.length; i++) {
      bytes += rootEntryBytes(level[i] as Entry);
      if (i === level.length - 1 || (bytes >= this.#blockBytesMax && i + 1 - from >= entriesMin)) {
        parents.push(this.#writeEntries('intermediateIndex', level.slice(from, i + 1)));
        from = i + 1;
        bytes = 0;
      }
    }
    return parents;
  }

  #writeEntries(kind: BlockKind, entries: readonly Entry[]): Entry {
    const payload = encodeEntries(entries);
    this.indexBytes += payload.length;
    const place = this.#write(kind, payload);
    const [first] = entries as readonly [Entry];
    const dataBlocks = entries.reduce((sum, entry) => sum + entry.dataBlocks, 0);
    return { key: first.key, offset: place.offset, bytes: place.bytes, dataBlocks };
  }
}

function rootEntryBytes(entry: { readonly key: Buffer }): number {
  return 12 + vlongBytes(entry.key.length) + entry.key.length;
}

function rootBytes(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + rootEntryBytes(entry), 0);
}

/** Root entries, as the roots of indexes and bloom filters hold them. */
export function encodeRoot(entries: readonly (BlockPlace & { readonly key: Buffer })[]): Buffer {
  const size = entries.reduce((sum, entry) => sum + rootEntryBytes(entry), 0);
  const bytes = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const { key, offset, bytes: onDisk } of entries) {
    at = writeI64(bytes, offset, at);
    at = bytes.writeUInt32BE(onDisk, at);
    at = writeVlong(bytes, key.length, at);
    bytes.set(key, at);
    at += key.length;
  }
  return bytes;
}

function encodeEntries(entries: readonly Entry[]): Buffer {
  const base = 4 + 4 * (entries.length + 1);
  const size = entries.reduce((sum, entry) => sum + 12 + entry.key.length, base);
  const bytes = Buffer.allocUnsafeSlow(size);
  bytes.writeUInt32BE(entries.length, 0);
  let at = base;
  for (const [i, entry] of entries.entries()) {
    bytes.writeUInt32BE(at - base, 4 + 4 * i);
    at = writeI64(bytes, entry.offset, at);
    at = bytes.writeUInt32BE(entry.bytes, at);
    bytes.set(entry.key, at);
    at += entry.key.length;
  }
  bytes.writeUInt32BE(at - base, 4 + 4 * entries.length);
  return bytes;
}

/** Which leaf block and entry of it holds the middle data block. */
function middleOf(leaves: readonly Entry[]): Buffer {
  const total = leaves.reduce((sum, entry) => sum + entry.dataBlocks, 0);
  let rest = Math.floor((total - 1) / 2);
  for (const leaf of leaves) {
    if (rest < leaf.dataBlocks) {
      const bytes = Buffer.allocUnsafeSlow(16);
      writeI64(bytes, leaf.offset, 0);
      bytes.writeUInt32BE(leaf.bytes, 8);
      bytes.writeUInt32BE(rest, 12);
      return bytes;
    }
    rest -= leaf.dataBlocks;
  }
  return Buffer.alloc(0);
}
