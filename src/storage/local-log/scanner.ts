// Walks the frames of a log on a disk, in order, across segments.
//
// A segment has no end mark: it ended where the next segment's first frame goes on with the very
// next sequence number. Where no frame goes on, the walk stops; what that means is for the caller to
// say (a torn tail, or damage).

import type { DiskFile } from '../../world/disk.js';
import { logLimits } from '../limits.js';
import type { Frame } from '../log-frame.js';
import { frameBytesToRead, frameHeaderBytes, readFrame } from '../log-frame.js';
import type { LogPosition } from '../log.js';
import type { LogFiles } from './files.js';

const nothing = Buffer.alloc(0);

/** One open segment and the part of it that was read last. */
class SegmentWindow {
  readonly number: number;
  readonly file: DiskFile;
  readonly #nameCrc: number;
  #bytes: Buffer = nothing;
  #start = 0;

  constructor(number: number, file: DiskFile, nameCrc: number) {
    this.number = number;
    this.file = file;
    this.#nameCrc = nameCrc;
  }

  async frameAt(offset: number): Promise<Frame | undefined> {
    const header = await this.#read(offset, frameHeaderBytes);
    const needed = frameBytesToRead(this.#bytes, header);
    if (needed === undefined) return undefined;
    const at = await this.#read(offset, needed);
    return readFrame(this.#bytes, at, this.#nameCrc, this.number, offset);
  }

  /** Sees to it that `length` bytes at `offset` are there, if the file has them; returns where. */
  async #read(offset: number, length: number): Promise<number> {
    const at = offset - this.#start;
    if (at >= 0 && at + length <= this.#bytes.length) return at;
    const chunk = Math.max(length, logLimits.readChunkBytes);
    this.#bytes = await this.file.read(offset, chunk);
    this.#start = offset;
    return 0;
  }
}

export class LogScanner {
  readonly #files: LogFiles;
  readonly #segments: readonly number[];
  readonly #syncs: boolean;
  #window: SegmentWindow | undefined;
  #segment: number;
  #offset: number;
  #sequence: number;
  #isStart = true;

  /**
   * Begins at `start`, which may be a record in the middle of a frame. With `syncs`, every segment
   * that was read is made durable before the walk leaves it or `close` resolves.
   */
  constructor(
    files: LogFiles,
    segments: readonly number[],
    start: LogPosition,
    options: { readonly syncs: boolean },
  ) {
    this.#files = files;
    this.#segments = segments;
    this.#segment = start.segment;
    this.#offset = start.offset;
    this.#sequence = start.sequence;
    this.#syncs = options.syncs;
  }

  /** Where the next frame is looked for. */
  get position(): LogPosition {
    return { segment: this.#segment, offset: this.#offset, sequence: this.#sequence };
  }

  /** The next frame; undefined where none goes on. */
  async next(): Promise<Frame | undefined> {
    let frame = await this.#goesOn(this.#segment, this.#offset);
    if (frame === undefined && this.#segments.includes(this.#segment + 1)) {
      frame = await this.#goesOn(this.#segment + 1, 0);
    }
    if (frame === undefined) return undefined;
    this.#isStart = false;
    this.#segment = frame.segment;
    this.#offset = frame.offset + frame.bytes;
    this.#sequence = frame.firstSequence + frame.count;
    return frame;
  }

  async #goesOn(segment: number, offset: number): Promise<Frame | undefined> {
    const window = await this.#open(segment);
    const frame = await window?.frameAt(offset);
    if (frame === undefined) return undefined;
    const continues = this.#isStart
      ? frame.firstSequence <= this.#sequence
      : frame.firstSequence === this.#sequence;
    return continues ? frame : undefined;
  }

  async #open(segment: number): Promise<SegmentWindow | undefined> {
    if (this.#window?.number === segment) return this.#window;
    if (!this.#segments.includes(segment)) return undefined;
    await this.close();
    const file = await this.#files.disk.open(this.#files.segment(segment), 'read');
    this.#window = new SegmentWindow(segment, file, this.#files.nameCrc);
    return this.#window;
  }

  /** Lets go of the open segment; `next` may be called again, and reads it anew. */
  async close(): Promise<void> {
    const window = this.#window;
    this.#window = undefined;
    if (window === undefined) return;
    try {
      if (this.#syncs) await window.file.sync();
    } finally {
      await window.file.close();
    }
  }
}
