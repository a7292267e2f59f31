// Group commit: collects records while one write is in flight and hands them over as one group.
// Where the groups go is the sink's business, so all kinds of log share this.
//
// Invariants:
// 1. One group is with the sink at a time, in order of sequence.
// 2. A waiter is called only after the sink said that its group is durable; never after a failure.
// 3. After the first failure nothing is taken or acknowledged any more.
// No promise and no allocation for each record: a callback in its group's list is all (measured:
// promises alone cost more than the rest of an append together).

import { assert } from '../base/assert.js';
import { CadastreError } from '../base/errors.js';
import type { Clock } from '../world/clock.js';
import { Group } from './log-frame.js';
import { logLimits } from './limits.js';

const sparesMax = 2;

/** Where groups become durable. */
export interface GroupSink {
  /** Writes the group, then calls `done` once; with an error if it may not be acknowledged. */
  write(group: Group, done: (error: CadastreError | undefined) => void): void;
  /** Frees what the sink holds; nothing is being written. */
  close(): Promise<void>;
}

export interface GroupCommitOptions {
  readonly logName: string;
  readonly clock: Clock;
  readonly sink: GroupSink;
  /** Wait so long for company before a write starts; 0: until the event loop's next turn. */
  readonly lingerMs: number;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  /** Not yet with the sink; the last one takes records. */
  readonly #queue: Group[] = [];
  readonly #spares: Group[] = [];
  readonly #failureHandlers: ((error: Error) => void)[] = [];
  #writing: Group | undefined;
  #isScheduled = false;
  #failure: CadastreError | undefined;
  #closing: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;
  #appended = 0;
  #durable = 0;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  get appended(): number {
    return this.#appended;
  }
  get durable(): number {
    return this.#durable;
  }
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  append(parts: readonly Uint8Array[]): number {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closing !== undefined) {
      throw new CadastreError('stopped', `the writer of log ${this.#options.logName} was closed`);
    }
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    if (bytes > logLimits.recordBytesMax) throw recordTooLarge(this.#options.logName, bytes);
    const sequence = ++this.#appended;
    let group = this.#queue.at(-1);
    if (group === undefined || group.isFull) {
      group = this.#spares.pop() ?? new Group();
      this.#queue.push(group);
    }
    group.add(sequence, parts, bytes);
    if (this.#writing === undefined) this.#schedule();
    return sequence;
  }

  whenDurable(sequence: number, done: () => void): void {
    if (sequence <= this.#durable) {
      done();
      return;
    }
    assert(sequence <= this.#appended, 'only records that were appended are waited for');
    if (this.#failure !== undefined) return;
    this.#groupOf(sequence).waiters.push(done);
  }

  #groupOf(sequence: number): Group {
    for (let i = this.#queue.length - 1; i >= 0; i--) {
      const group = this.#queue[i];
      if (group !== undefined && group.firstSequence <= sequence) return group;
    }
    assert(this.#writing !== undefined, 'a record is durable, being written, or queued');
    return this.#writing;
  }

  onFailure(handler: (error: Error) => void): void {
    if (this.#failure === undefined) this.#failureHandlers.push(handler);
    else handler(this.#failure);
  }

  /** Ends the writer; also called by sinks whose background work failed. */
  fail(error: CadastreError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#queue.length = 0;
    for (const handler of this.#failureHandlers.splice(0)) handler(error);
    if (this.#writing === undefined) this.#whenIdle?.();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#writing !== undefined || this.#queue.length > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    await this.#options.sink.close();
    if (this.#failure !== undefined && this.#durable < this.#appended) throw this.#failure;
  }

  /**
   * Starts a write in a later turn: what other callbacks of this turn append goes along. (256 in
   * flight would otherwise settle into a group of one followed by one of 255.)
   */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const { clock, lingerMs } = this.#options;
    if (lingerMs > 0) clock.timer(lingerMs, this.#start);
    else clock.nextTurn(this.#start);
  }

  readonly #start = (): void => {
    this.#isScheduled = false;
    if (this.#writing !== undefined) return;
    const group = this.#queue.shift();
    if (group === undefined) return;
    this.#writing = group;
    this.#options.sink.write(group, this.#finished);
  };

  readonly #finished = (error: CadastreError | undefined): void => {
    const group = this.#writing;
    assert(group !== undefined, 'a sink reports each group once');
    this.#writing = undefined;
    if (error !== undefined) this.fail(error);
    // A failure in the background, while the write was in flight: whether it counts is not known.
    if (this.#failure !== undefined) {
      this.#whenIdle?.();
      return;
    }
    this.#durable = group.lastSequence;
    for (const done of group.waiters) done();
    group.reset();
    if (this.#spares.length < sparesMax && group.isWorthKeeping) this.#spares.push(group);
    if (this.#queue.length > 0) this.#schedule();
    else this.#whenIdle?.();
  };
}

function recordTooLarge(logName: string, bytes: number): CadastreError {
  const max = logLimits.recordBytesMax;
  return new CadastreError(
    'request-too-big',
    `a record of ${bytes} bytes for log ${logName} is larger than ${max} bytes`,
    { nextStep: 'Send the change in smaller batches.' },
  );
}
