// One segment as its writer sees it: a file that is filled with zeros ahead of the records, so that
// a group's write changes no metadata and costs one flush of the disk.
//
// Invariants:
// 1. The file and its directory entry are durable before a record is written to it.
// 2. A fill never touches bytes of a record: a group that would reach into a fill under way waits.

import type { CadastreError } from '../../base/errors.js';
import { asCadastreError } from '../../base/errors.js';
import type { DiskFile } from '../../world/disk.js';
import type { LogFiles } from './files.js';

export interface SegmentSizes {
  readonly segmentBytes: number;
  /** What a fill writes. */
  readonly zeros: Buffer;
}

export class SegmentFile {
  readonly number: number;
  readonly #file: DiskFile;
  readonly #sizes: SegmentSizes;
  #written = 0;
  #filled = 0;
  #isFilling = false;

  private constructor(number: number, file: DiskFile, sizes: SegmentSizes) {
    this.number = number;
    this.#file = file;
    this.#sizes = sizes;
  }

  /** Makes the file, its first stretch of zeros and its directory entry durable. */
  static async create(files: LogFiles, number: number, sizes: SegmentSizes): Promise<SegmentFile> {
    const path = files.segment(number);
    const file = await files.disk.open(path, 'durable-writes');
    const segment = new SegmentFile(number, file, sizes);
    try {
      await new Promise<void>((resolve, reject) => {
        segment.#fill((error) => (error === undefined ? resolve() : reject(error)));
      });
      await files.disk.syncDirectory(files.directory);
      return segment;
    } catch (error) {
      // Nothing refers to it yet, and a full disk wants its bytes back.
      await file.close();
      await files.disk.unlink(path);
      throw error;
    }
  }

  /** Where the next frame goes. */
  get written(): number {
    return this.#written;
  }
  get isHalfFull(): boolean {
    return this.#written * 2 >= this.#sizes.segmentBytes;
  }

  /** Whether `bytes` more belong into this segment. A record larger than a segment has one to itself. */
  takes(bytes: number): boolean {
    return this.#written === 0 || this.#written + bytes <= this.#sizes.segmentBytes;
  }
  /** Whether a write of `bytes` would reach into zeros that are being written now. */
  mustWait(bytes: number): boolean {
    return this.#isFilling && this.#written + bytes > this.#filled;
  }

  /** Writes a frame, durably. Beyond the zeros too: the write then makes the new size durable. */
  write(frame: Buffer, done: (error: Error | undefined) => void): void {
    const offset = this.#written;
    this.#written = offset + frame.length;
    if (this.#written > this.#filled) this.#filled = this.#written;
    this.#file.write(frame, offset, done);
  }

  /** Starts a fill if the zeros run low. `done` is called when there is room again, or with an error. */
  fillAhead(done: (error: CadastreError | undefined) => void): void {
    const { segmentBytes, zeros } = this.#sizes;
    const isLow = this.#filled - this.#written < zeros.length / 2;
    if (isLow && !this.#isFilling && this.#filled < segmentBytes) this.#fill(done);
  }

  #fill(done: (error: CadastreError | undefined) => void): void {
    const start = this.#filled;
    const { zeros } = this.#sizes;
    this.#isFilling = true;
    this.#file.write(zeros, start, (error) => {
      this.#isFilling = false;
      if (error === undefined) this.#filled = start + zeros.length;
      done(error === undefined ? undefined : asCadastreError(error));
    });
  }

  /** Lets a fill under way finish. */
  close(): Promise<void> {
    return this.#file.close();
  }
}
