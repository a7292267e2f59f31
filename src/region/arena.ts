// Memory for the cells of a memstore, off the JavaScript heap: chunks that are filled and never
// moved, so that a window on a cell stays valid as long as someone holds its chunk.
//
// An entry is 8-byte aligned: f64 sequence | u32 cell length | cell in KeyValue layout. It is named
// by a handle: 14 bits of chunk number, 18 bits of offset / 8. Chunks start small and double, so that
// ten thousand nearly empty regions cost little.

import { assert } from '../base/assert.js';

const chunkBytesFirst = 8 * 1024;
const chunkBytesMax = 2 * 1024 * 1024;
const chunksMax = 2 ** 14;
/** Bytes of an entry before its cell. */
const entryHeaderBytes = 12;

/** One piece of memory and its views. */
interface ArenaChunk {
  readonly bytes: Buffer;
  readonly words: Uint32Array;
  readonly doubles: Float64Array;
}

export class Arena {
  readonly #chunks: ArenaChunk[] = [];
  #used = 0;
  #capacity = 0;
  #bytes = 0;

  /** Bytes of all entries. The chunks hold at most twice as much, or 2 MiB more. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Copies a cell in and returns its handle. */
  add(source: Buffer, start: number, length: number, sequence: number): number {
    const needed = (entryHeaderBytes + length + 7) & ~7;
    if (this.#used + needed > this.#capacity) this.#grow(needed);
    const index = this.#chunks.length - 1;
    const chunk = this.#chunks[index] as ArenaChunk;
    const at = this.#used;
    this.#used = at + needed;
    this.#bytes += needed;
    chunk.doubles[at >> 3] = sequence;
    chunk.words[(at >> 2) + 2] = length;
    source.copy(chunk.bytes, at + entryHeaderBytes, start, start + length);
    return ((index << 18) | (at >> 3)) >>> 0;
  }

  bufferOf(handle: number): Buffer {
    return (this.#chunks[handle >>> 18] as ArenaChunk).bytes;
  }

  /** Where the cell starts in {@link bufferOf}. */
  offsetOf(handle: number): number {
    return ((handle & 0x3ffff) << 3) + entryHeaderBytes;
  }

  lengthOf(handle: number): number {
    const chunk = this.#chunks[handle >>> 18] as ArenaChunk;
    return chunk.words[((handle & 0x3ffff) << 1) + 2] as number;
  }

  sequenceOf(handle: number): number {
    return (this.#chunks[handle >>> 18] as ArenaChunk).doubles[handle & 0x3ffff] as number;
  }

  #grow(needed: number): void {
    assert(this.#chunks.length < chunksMax, 'L9: a memstore is flushed long before 32 GiB');
    const doubled = chunkBytesFirst * 2 ** Math.min(this.#chunks.length, 16);
    // A cell larger than a chunk has one of its own; offsets within it beyond the first are not used.
    const size = Math.max(Math.min(doubled, chunkBytesMax), needed);
    const bytes = Buffer.allocUnsafeSlow(size);
    this.#chunks.push({
      bytes,
      words: new Uint32Array(bytes.buffer, bytes.byteOffset, size >> 2),
      doubles: new Float64Array(bytes.buffer, bytes.byteOffset, size >> 3),
    });
    this.#used = 0;
    this.#capacity = size;
  }
}
