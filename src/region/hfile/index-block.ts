// Blocks of the index: sorted keys, each with the place of the block below that begins there.
//
// The root stands in the load-on-open section, the others (intermediate, leaf) are read when needed.
// A key may be shorter than the first key of its block: it sorts after everything before the block
// and at or before everything in it.
//
//   root entry:     u64 offset | u32 bytes on disk | vint key length | key
//   root of levels: … | u64 middle leaf's offset | u32 its bytes | u32 the middle entry in it
//   non-root:       u32 entries | u32 × (entries + 1) where each starts | entries: u64 | u32 | key
//
// Source of the layout: HBase's HFileBlockIndex.

import { CadastreError } from '../../base/errors.js';
import { ByteReader } from './bytes.js';
import { compareKeyBytes, isKey } from './key.js';

/** Where a block is in its object. */
export interface BlockPlace {
  readonly offset: number;
  readonly bytes: number;
}

/** Rejects keys that are not cells' keys; blooms over rows index by plain rows instead. */
export type KeyForm = 'cell-key' | 'bytes';

export class IndexBlock {
  readonly kind = 'index';
  readonly buffer: Buffer;
  readonly count: number;
  readonly #keys: Uint32Array;
  readonly #keyLengths: Uint32Array;
  readonly #offsets: Float64Array;
  readonly #sizes: Uint32Array;

  constructor(buffer: Buffer, count: number) {
    this.buffer = buffer;
    this.count = count;
    this.#keys = new Uint32Array(count);
    this.#keyLengths = new Uint32Array(count);
    this.#offsets = new Float64Array(count);
    this.#sizes = new Uint32Array(count);
  }

  get memoryBytes(): number {
    return this.buffer.length + 20 * this.count + 400;
  }
  offsetAt(entry: number): number {
    return this.#offsets[entry] as number;
  }
  bytesAt(entry: number): number {
    return this.#sizes[entry] as number;
  }
  /** A view. */
  keyAt(entry: number): Buffer {
    const start = this.#keys[entry] as number;
    return this.buffer.subarray(start, start + (this.#keyLengths[entry] as number));
  }

  set(entry: number, offset: number, bytes: number, key: number, keyLength: number): void {
    this.#offsets[entry] = offset;
    this.#sizes[entry] = bytes;
    this.#keys[entry] = key;
    this.#keyLengths[entry] = keyLength;
  }

  /** The last entry whose key is at or before the given one; -1 if there is none. */
  floor(buffer: Buffer, key: number, keyLength: number): number {
    return this.#search(buffer, key, keyLength, 0);
  }
  /** The last entry whose key is before the given one; -1 if there is none. */
  below(buffer: Buffer, key: number, keyLength: number): number {
    return this.#search(buffer, key, keyLength, -1);
  }

  /** The last entry whose key compares to the given one as at most `limit`. */
  #search(buffer: Buffer, key: number, keyLength: number, limit: 0 | -1): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareKeyBytes(
        this.buffer,
        this.#keys[middle] as number,
        this.#keyLengths[middle] as number,
        buffer,
        key,
        keyLength,
      );
      if (order <= limit) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** Reads `count` root entries and leaves the reader behind them. Throws `corruption`. */
export function readRootIndex(reader: ByteReader, count: number, form: KeyForm): IndexBlock {
  // An entry has at least 13 bytes, which bounds what a wrong count can make us allocate.
  if (count > reader.left / 13) throw tooMany(count);
  const block = new IndexBlock(reader.buffer, count);
  for (let i = 0; i < count; i++) {
    const offset = reader.u64();
    const bytes = reader.u32();
    const length = reader.vlong();
    setChecked(block, i, offset, bytes, reader.skip(length), length, form);
  }
  return block;
}

/** Reads a leaf or intermediate block's payload. Throws `corruption`. */
export function readIndexBlock(payload: Buffer): IndexBlock {
  const reader = new ByteReader(payload);
  const count = reader.u32();
  if (count === 0 || count > reader.left / 16) throw tooMany(count);
  const block = new IndexBlock(payload, count);
  let start = reader.u32();
  const base = 4 + 4 * (count + 1);
  for (let i = 0; i < count; i++) {
    const end = reader.u32();
    const entry = new ByteReader(payload, base + start, payload.length);
    const offset = entry.u64();
    const bytes = entry.u32();
    const length = end - start - 12;
    setChecked(block, i, offset, bytes, entry.skip(length), length, 'cell-key');
    start = end;
  }
  if (base + start !== payload.length) {
    throw new CadastreError('corruption', `${payload.length - base - start} bytes are left over`);
  }
  return block;
}

function setChecked(
  block: IndexBlock,
  entry: number,
  offset: number,
  bytes: number,
  key: number,
  keyLength: number,
  form: KeyForm,
): void {
  if (form === 'cell-key' && !isKey(block.buffer, key, keyLength)) {
    throw new CadastreError('corruption', `entry ${entry} has no key of a cell`);
  }
  block.set(entry, offset, bytes, key, keyLength);
}

function tooMany(count: number): CadastreError {
  return new CadastreError('corruption', `${count} entries do not fit`);
}
