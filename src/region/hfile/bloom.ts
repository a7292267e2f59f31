// Bloom filters of store files, as HBase makes them: chunks of a fixed size, each covering a run of
// keys, written between data blocks; a list of the chunks stands in the load-on-open section.
//
//   key of a row filter: the row.  key of a row-and-column filter: the first possible key of the
//   column, without its family.
//
// Source of the layout and the arithmetic: HBase's BloomFilterUtil, BloomFilterChunk,
// CompoundBloomFilterWriter and its MurmurHash (Austin Appleby's MurmurHash2, in the public domain).

import type { BloomFilterKind } from '../../base/table.js';
import { ByteReader, writeI64 } from './bytes.js';
import type { BlockPlace, IndexBlock } from './index-block.js';
import { readRootIndex } from './index-block.js';
import { encodeRoot } from './index-writer.js';

export type BloomKind = Exclude<BloomFilterKind, 'none'>;

/** HBase's number of the one hash that is written. */
export const murmurHash = 1;
const metaVersion = 3;
const errorRate = Math.fround(0.01);
/** Chunk sizes are multiples of 2^7, so that a chunk with few keys can be folded. */
const foldMax = 7;
const rowColumnComparator = 'org.apache.hadoop.hbase.CellComparatorImpl';

/** The 32-bit hash of the bytes [start, start + length) under `seed`, as a signed integer. */
export function murmur(bytes: Buffer, start: number, length: number, seed: number): number {
  const multiplier = 0x5bd1e995;
  let hash = seed ^ length;
  let at = start;
  for (const whole = start + (length & ~3); at < whole; at += 4) {
    let word =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    word = Math.imul(word, multiplier);
    word ^= word >>> 24;
    hash = Math.imul(hash, multiplier) ^ Math.imul(word, multiplier);
  }
  const left = start + length - at;
  if (left > 0) {
    // HBase's bytes are signed, and so are these, or its filters would not match.
    if (left === 3) hash ^= ((bytes[at + 2] as number) << 24) >> 8;
    if (left >= 2) hash ^= ((bytes[at + 1] as number) << 24) >> 16;
    hash ^= ((bytes[at] as number) << 24) >> 24;
    hash = Math.imul(hash, multiplier);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, multiplier);
  return hash ^ (hash >>> 15);
}

/** Whether the chunk may hold the key. */
export function chunkContains(chunk: Buffer, key: Buffer, hashes: number): boolean {
  const bits = chunk.length * 8;
  if (bits === 0) return true;
  const first = murmur(key, 0, key.length, 0);
  const step = murmur(key, 0, key.length, first);
  for (let i = 0, at = first; i < hashes; i++, at = (at + step) | 0) {
    const bit = Math.abs(at % bits);
    if (((chunk[bit >>> 3] as number) & (1 << (bit & 7))) === 0) return false;
  }
  return true;
}

/** A chunk under construction. */
class Chunk {
  readonly firstKey: Buffer;
  bits: Buffer;
  keys = 0;
  keysMax: number;

  constructor(firstKey: Buffer, bytes: number, keysMax: number) {
    this.firstKey = firstKey;
    this.bits = Buffer.alloc(bytes);
    this.keysMax = keysMax;
  }

  add(bytes: Buffer, start: number, length: number, hashes: number): void {
    const bits = this.bits.length * 8;
    const first = murmur(bytes, start, length, 0);
    const step = murmur(bytes, start, length, first);
    for (let i = 0, at = first; i < hashes; i++, at = (at + step) | 0) {
      const bit = Math.abs(at % bits);
      this.bits[bit >>> 3] = (this.bits[bit >>> 3] as number) | (1 << (bit & 7));
    }
    this.keys++;
  }

  /** Halves the chunk while its keys fit, which loses nothing: positions are modulo the size. */
  fold(): void {
    while (this.bits.length % 2 === 0 && this.keysMax > 2 * this.keys) {
      const half = this.bits.length / 2;
      for (let i = 0; i < half; i++) {
        this.bits[i] = (this.bits[i] as number) | (this.bits[half + i] as number);
      }
      this.bits = this.bits.subarray(0, half);
      this.keysMax = Math.floor(this.keysMax / 2);
    }
  }
}

/** Collects keys into chunks; full ones wait to be written at the next data block's end. */
export class BloomWriter {
  readonly #kind: BloomKind;
  readonly #chunkBytes: number;
  readonly #hashes: number;
  readonly #keysMax: number;
  #current: Chunk | undefined;
  #ready: Chunk[] = [];
  readonly #written: (BlockPlace & { readonly key: Buffer })[] = [];
  #keys = 0;
  #totalBytes = 0;
  #totalKeysMax = 0;

  constructor(kind: BloomKind, chunkBytes: number) {
    this.#kind = kind;
    this.#chunkBytes = Math.ceil(chunkBytes / 2 ** foldMax) * 2 ** foldMax;
    // A look-up by column asks twice (for the row's delete markers too), so each must err less.
    const rate = kind === 'row' ? errorRate : Math.fround(1 - Math.sqrt(1 - errorRate));
    const bits = this.#chunkBytes * 8;
    const keysIdeal = Math.floor(bits * (Math.LN2 ** 2 / -Math.log(rate)));
    this.#hashes = Math.ceil(Math.LN2 * Math.floor(bits / Math.max(keysIdeal, 1)));
    const perKey = Math.log(1 - Math.exp(Math.log(rate) / this.#hashes));
    this.#keysMax = Math.max(1, Math.floor((-bits / this.#hashes) * perKey));
  }

  /** Adds the key in the bytes, one that differs from the last; what is kept of it is copied. */
  add(bytes: Buffer, start: number, length: number): void {
    if (this.#current !== undefined && this.#current.keys >= this.#keysMax)
      this.#close(this.#current);
    if (this.#current === undefined) {
      const firstKey = Buffer.from(bytes.subarray(start, start + length));
      this.#current = new Chunk(firstKey, this.#chunkBytes, this.#keysMax);
    }
    this.#current.add(bytes, start, length, this.#hashes);
    this.#keys++;
  }

  /** The chunks to write now, oldest first; with `isLast` also the one under construction. */
  take(isLast: boolean): readonly { readonly firstKey: Buffer; readonly bits: Buffer }[] {
    if (isLast && this.#current !== undefined) this.#close(this.#current);
    const chunks = this.#ready;
    if (chunks.length > 0) this.#ready = [];
    return chunks;
  }
  noteWritten(firstKey: Buffer, place: BlockPlace): void {
    this.#written.push({ key: firstKey, offset: place.offset, bytes: place.bytes });
  }

  /** The payload of the filter's load-on-open block; undefined if there are no keys. */
  meta(): Buffer | undefined {
    if (this.#written.length === 0) return undefined;
    const head = Buffer.allocUnsafeSlow(40);
    let at = head.writeUInt32BE(metaVersion, 0);
    at = writeI64(head, this.#totalBytes, at);
    at = head.writeUInt32BE(this.#hashes, at);
    at = head.writeUInt32BE(murmurHash, at);
    at = writeI64(head, this.#keys, at);
    at = writeI64(head, this.#totalKeysMax, at);
    head.writeUInt32BE(this.#written.length, at);
    const comparator = this.#kind === 'row' ? '' : rowColumnComparator;
    // The comparator's length is a vint of one byte.
    const name = Buffer.from(String.fromCharCode(comparator.length) + comparator, 'latin1');
    return Buffer.concat([head, name, encodeRoot(this.#written)]);
  }

  #close(chunk: Chunk): void {
    chunk.fold();
    this.#totalBytes += chunk.bits.length;
    this.#totalKeysMax += chunk.keysMax;
    this.#ready.push(chunk);
    this.#current = undefined;
  }
}

/** A filter's load-on-open block. */
export interface BloomMeta {
  readonly hashes: number;
  readonly hashType: number;
  readonly keys: number;
  readonly chunks: IndexBlock;
}

/** Reads the payload of a filter's load-on-open block. Throws `corruption`. */
export function readBloomMeta(payload: Buffer, kind: BloomKind): BloomMeta | undefined {
  const reader = new ByteReader(payload);
  if (reader.u32() !== metaVersion) return undefined;
  reader.u64();
  const hashes = reader.u32();
  const hashType = reader.u32();
  const keys = reader.u64();
  reader.u64();
  const count = reader.u32();
  reader.bytes(reader.vlong());
  const chunks = readRootIndex(reader, count, kind === 'row' ? 'bytes' : 'cell-key');
  return { hashes, hashType, keys, chunks };
}
