// The data blocks of one cursor: taken from the cache or read, and read ahead of a cursor that moves
// on block by block, so that it finds the next block there.
//
// `stream` reads a window of several blocks with one read of the object; `pread` reads the block it
// needs and, ahead, one more. At most two windows are held: the one in use and the one to come.

import type { HFileCursorOptions } from './api.js';
import type { BlockSource } from './block-source.js';
import type { DataBlock } from './data-block.js';
import type { BlockPlace } from './index-block.js';
import type { IndexPath } from './index-path.js';

/** Bytes of one read of a stream: large against a store's latency, small against memory. */
const windowBytesMax = 256 * 1024;

/** Bytes [start, end) of the object. */
interface Window {
  readonly start: number;
  readonly end: number;
  bytes: Buffer | undefined;
  readonly ready: Promise<Buffer>;
}

export class ReadAhead {
  readonly #source: BlockSource;
  readonly #path: IndexPath;
  readonly #options: HFileCursorOptions;
  #windows: readonly Window[] = [];

  constructor(source: BlockSource, path: IndexPath, options: HFileCursorOptions) {
    this.#source = source;
    this.#path = path;
    this.#options = options;
  }

  /** The data block that the path stands on. Throws or rejects with `corruption`. */
  take(place: BlockPlace): DataBlock | Promise<DataBlock> {
    let window = this.#holding(place);
    if (window === undefined) {
      const isStream = this.#options.readType === 'stream';
      if (!isStream || this.#source.isCached(place)) {
        return this.#source.data(place, this.#options.cacheBlocks);
      }
      window = this.#open(place, 1);
    }
    if (window.bytes !== undefined) return this.#cut(window, window.bytes, place);
    const { ready } = window;
    const opened = window;
    return ready.then((bytes) => this.#cut(opened, bytes, place));
  }

  /** Starts to read what follows, unless it is there or under way. */
  prepareNext(): void {
    const next = this.#path.place(1);
    if (next === undefined || this.#holding(next) !== undefined) return;
    if (!this.#source.isCached(next)) this.#open(next, 2);
  }

  close(): void {
    this.#windows = [];
  }

  #holding(place: BlockPlace): Window | undefined {
    const end = place.offset + place.bytes;
    return this.#windows.find((window) => window.start <= place.offset && end <= window.end);
  }

  /** Reads a window that begins with `place`; the block after it is `following` ones on. */
  #open(place: BlockPlace, following: number): Window {
    const bytesMax = this.#options.readType === 'stream' ? windowBytesMax : 0;
    let end = place.offset + place.bytes;
    for (let i = following; ; i++) {
      const next = this.#path.place(i);
      if (next === undefined || next.offset + next.bytes - place.offset > bytesMax) break;
      // Places go up in a sound file; in another the range is refused or its blocks fail.
      end = Math.max(end, next.offset + next.bytes);
    }
    const ready = this.#source.range(place.offset, end);
    const window: Window = { start: place.offset, end, bytes: undefined, ready };
    const drop = () => {
      this.#windows = this.#windows.filter((held) => held !== window);
    };
    // A failed read is reported to the move that waits for it; later ones read again.
    ready.then((bytes) => (window.bytes = bytes), drop);
    this.#windows = [...this.#windows.slice(-1), window];
    return window;
  }

  #cut(window: Window, bytes: Buffer, place: BlockPlace): DataBlock {
    const start = place.offset - window.start;
    const frame = bytes.subarray(start, start + place.bytes);
    const { cacheBlocks } = this.#options;
    // A cached view would hold on to the whole window.
    const block = this.#source.parseData(cacheBlocks ? Buffer.from(frame) : frame, place);
    if (cacheBlocks) this.#source.keep(place, block);
    return block;
  }
}
