// Transactions on their way to the disk: queued in log order, each with who waits for it.
//
// Invariants:
// 1. Entries become durable in order, each applied before anyone is told about it (L4).
// 2. One callback is with the log writer at a time, not one a record: a group of any size costs one.

import type { Revision } from '../base/ids.js';
import type { Logger } from '../world/log.js';
import type { LogWriter } from '../storage/log.js';
import type { Committed } from './api.js';
import type { Write } from './record-codec.js';

/** A transaction whose record is in the log's queue. */
export interface Queued {
  readonly revision: Revision;
  readonly sequence: number;
  readonly writes: readonly Write[];
  /** Undefined while nobody waits, which is the common case. */
  waiters: (() => void)[] | undefined;
}

export class CommitQueue {
  readonly #writer: LogWriter;
  readonly #log: Logger;
  readonly #apply: (entry: Queued) => void;
  #entries: Queued[] = [];
  /** Entries before it are done. */
  #head = 0;
  #armed = false;
  #settling = false;

  constructor(writer: LogWriter, log: Logger, apply: (entry: Queued) => void) {
    this.#writer = writer;
    this.#log = log;
    this.#apply = apply;
  }

  /** The newest transaction that is not durable yet. */
  get last(): Queued | undefined {
    return this.#head < this.#entries.length ? this.#entries.at(-1) : undefined;
  }

  add(entry: Queued): void {
    this.#entries.push(entry);
    this.#arm();
  }

  #arm(): void {
    const first = this.#entries[this.#head];
    // While settling, the writer could call back at once, and entries would be told out of order.
    if (this.#armed || this.#settling || first === undefined) return;
    this.#armed = true;
    this.#writer.whenDurable(first.sequence, () => {
      this.#armed = false;
      this.#settle();
    });
  }

  #settle(): void {
    this.#settling = true;
    // A waiter may add transactions, and the writer may have gone on meanwhile: look each time.
    for (;;) {
      const entry = this.#entries[this.#head];
      if (entry === undefined || entry.sequence > this.#writer.durable) break;
      this.#head++;
      this.#apply(entry);
      for (const waiter of entry.waiters ?? []) this.contain(waiter);
    }
    if (this.#head === this.#entries.length) {
      this.#entries = [];
      this.#head = 0;
    } else if (this.#head > this.#entries.length / 2) {
      this.#entries.splice(0, this.#head);
      this.#head = 0;
    }
    this.#settling = false;
    this.#arm();
  }

  /** Runs someone's callback. It throws for its own reasons: the others are told all the same. */
  contain(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#log.error('a callback of the catalog threw', {}, error);
    }
  }
}

export class CommittedTransaction<T> implements Committed<T> {
  readonly value: T;
  readonly revision: Revision;
  readonly #entry: Queued | undefined;
  readonly #isDurable: (revision: Revision) => boolean;

  /** `entry`: the newest queued transaction that it shows; undefined if there is none. */
  constructor(
    value: T,
    revision: Revision,
    entry: Queued | undefined,
    isDurable: (revision: Revision) => boolean,
  ) {
    this.value = value;
    this.revision = revision;
    this.#entry = entry;
    this.#isDurable = isDurable;
  }

  whenDurable(done: () => void): void {
    if (this.#entry === undefined || this.#isDurable(this.revision)) done();
    else (this.#entry.waiters ??= []).push(done);
  }

  durable(): Promise<void> {
    return new Promise((resolve) => {
      this.whenDurable(resolve);
    });
  }
}
