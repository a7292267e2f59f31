// The writer of a log on a disk: groups go to segments, and count only while the log is open.
//
// Invariants:
// 1. A group is acknowledged only if OPEN was still there after its write had become durable. The
//    sealer removes OPEN before it looks for the end, so what is acknowledged lies below every end.
//    (Present, not "no SEALED": also a log that was sealed and collected stops its writer, race W3.)
// 2. A failed write ends the writer; the file is never written again.

import { CadastreError, asCadastreError } from '../../base/errors.js';
import type { Clock } from '../../world/clock.js';
import { hasErrorCode } from '../error-code.js';
import type { GroupSink } from '../group-commit.js';
import { GroupCommit } from '../group-commit.js';
import type { Group } from '../log-frame.js';
import type { LogPosition, LogWriter } from '../log.js';
import type { LogFiles } from './files.js';
import type { SegmentSizes } from './segment-file.js';
import { SegmentFile } from './segment-file.js';

type GroupDone = (error: CadastreError | undefined) => void;

interface SegmentSummary {
  readonly segment: number;
  readonly firstSequence: number;
  bytes: number;
}

export class LocalLogWriter implements LogWriter {
  readonly name: string;
  readonly #commit: GroupCommit;
  readonly #sink: SegmentSink;

  constructor(files: LogFiles, clock: Clock, first: SegmentFile, sizes: SegmentSizes) {
    this.name = files.name;
    this.#sink = new SegmentSink(files, first, sizes, () => this.#commit);
    this.#commit = new GroupCommit({ logName: files.name, clock, sink: this.#sink, lingerMs: 0 });
  }

  get appended(): number {
    return this.#commit.appended;
  }
  get durable(): number {
    return this.#commit.durable;
  }
  /** The offset is that of the frame that will hold the record, or of an earlier one not yet written. */
  get position(): LogPosition {
    return { ...this.#sink.place, sequence: this.#commit.appended + 1 };
  }
  get segments(): readonly Readonly<SegmentSummary>[] {
    return this.#sink.summaries();
  }
  append(...parts: readonly Uint8Array[]): number {
    return this.#commit.append(parts);
  }
  whenDurable(sequence: number, done: () => void): void {
    this.#commit.whenDurable(sequence, done);
  }
  onFailure(handler: (error: Error) => void): void {
    this.#commit.onFailure(handler);
  }
  isUnsealed(): boolean {
    return this.#sink.isOpen();
  }
  close(): Promise<void> {
    return this.#commit.close();
  }
}

class SegmentSink implements GroupSink {
  readonly #files: LogFiles;
  readonly #sizes: SegmentSizes;
  readonly #commit: () => GroupCommit;
  readonly #summaries: SegmentSummary[] = [];
  #current: SegmentFile;
  #next: SegmentFile | undefined;
  #preparing: Promise<void> | undefined;
  /** A group that waits for zeros or for the next segment. */
  #waiting: { readonly group: Group; readonly done: GroupDone } | undefined;

  constructor(files: LogFiles, first: SegmentFile, sizes: SegmentSizes, commit: () => GroupCommit) {
    this.#files = files;
    this.#sizes = sizes;
    this.#commit = commit;
    this.#current = first;
  }

  get place(): { readonly segment: number; readonly offset: number } {
    return { segment: this.#current.number, offset: this.#current.written };
  }

  isOpen(): boolean {
    return this.#files.disk.existsNow(this.#files.open);
  }

  /** Segments that hold records; ones that the collector has released meanwhile are dropped here. */
  summaries(): readonly SegmentSummary[] {
    for (let first = this.#summaries[0]; this.#summaries.length > 1; first = this.#summaries[0]) {
      if (first === undefined || this.#files.disk.existsNow(this.#files.segment(first.segment))) {
        break;
      }
      this.#summaries.shift();
    }
    return this.#summaries;
  }

  write(group: Group, done: GroupDone): void {
    this.#waiting = { group, done };
    this.#advance();
  }

  #advance(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const bytes = waiting.group.bytes;
    if (!this.#current.takes(bytes) && !this.#moveOn()) return;
    const segment = this.#current;
    if (segment.mustWait(bytes)) return;
    this.#waiting = undefined;
    this.#write(segment, waiting.group, waiting.done);
    segment.fillAhead(this.#filled);
    if (segment.isHalfFull) this.#prepareNext();
  }

  #write(segment: SegmentFile, group: Group, done: GroupDone): void {
    const synced = this.#commit().durable;
    const { number, written } = segment;
    const frame = group.finish(this.#files.nameCrc, number, written, synced);
    const last = this.#summaries.at(-1);
    if (last?.segment === number) last.bytes += frame.length;
    else {
      const firstSequence = group.firstSequence;
      this.#summaries.push({ segment: number, firstSequence, bytes: frame.length });
    }
    segment.write(frame, (error) => {
      if (error !== undefined) done(asCadastreError(error));
      else done(this.isOpen() ? undefined : this.#sealedFailure());
    });
  }

  #sealedFailure(): CadastreError {
    const message = `log ${this.#files.name} was sealed: this writer was succeeded`;
    return new CadastreError('sealed', message, {
      nextStep: 'Stop; whoever sealed the log has taken over.',
    });
  }

  readonly #filled = (error: CadastreError | undefined): void => {
    // Without room for zeros a group may still fit; if not, its own write says so.
    if (error !== undefined && error.code !== 'disk-full') this.#fail(error);
    else this.#advance();
  };

  /** Goes to the next segment; false if it is not ready yet. */
  #moveOn(): boolean {
    const next = this.#next;
    if (next === undefined) {
      this.#prepareNext();
      return false;
    }
    this.#next = undefined;
    const previous = this.#current;
    this.#current = next;
    // All of it is durable, so nothing depends on how closing ends; but it is not ours to hide.
    previous.close().catch((error: unknown) => this.#fail(asCadastreError(error)));
    return true;
  }

  #prepareNext(): void {
    if (this.#next !== undefined || this.#preparing !== undefined) return;
    this.#preparing = this.#prepare(this.#current.number + 1);
  }

  async #prepare(number: number): Promise<void> {
    try {
      // A writer that slept while its log was sealed and released must not litter its folder.
      if (!this.isOpen()) throw this.#sealedFailure();
      this.#next = await SegmentFile.create(this.#files, number, this.#sizes);
    } catch (error) {
      this.#preparing = undefined;
      const isNeeded = this.#waiting !== undefined;
      if (isNeeded || !hasErrorCode(error, 'disk-full')) this.#fail(asCadastreError(error));
      return;
    }
    this.#preparing = undefined;
    this.#advance();
  }

  /** Ends the writer, also when a group waits here rather than being written. */
  #fail(error: CadastreError): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#commit().fail(error);
    else waiting.done(error);
  }

  async close(): Promise<void> {
    await this.#preparing;
    await this.#current.close();
    await this.#next?.close();
  }
}
