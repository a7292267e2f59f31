// Writes of one region that were handed to the log, until they are durable.
//
// Invariant (L4): acknowledged in order, each only when its record and all earlier ones of the
// region are durable; the read point rises just before. One registration with the log serves all
// writes of a group.

import type { SharedLog } from './shared-log.js';

interface Waiting {
  /** The log's record that must be durable. */
  readonly logNumber: number;
  /** The region's edit; the read point when it is acknowledged. */
  readonly sequence: number;
  readonly acknowledge: () => void;
}

export class AckQueue {
  readonly #log: SharedLog;
  #waiting: Waiting[] = [];
  /** How many at the front are acknowledged already. */
  #done = 0;
  #isRegistered = false;
  #readPoint: number;
  #idle: (() => void)[] = [];

  constructor(log: SharedLog, readPoint: number) {
    this.#log = log;
    this.#readPoint = readPoint;
  }

  get readPoint(): number {
    return this.#readPoint;
  }
  get isEmpty(): boolean {
    return this.#done === this.#waiting.length;
  }

  /** Calls `acknowledge` when record `logNumber` is durable and everything before was acknowledged. */
  push(logNumber: number, sequence: number, acknowledge: () => void): void {
    this.#waiting.push({ logNumber, sequence, acknowledge });
    this.#register();
  }

  /** Resolves when everything pushed so far was acknowledged; never if the log failed. */
  whenIdle(): Promise<void> {
    if (this.isEmpty) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #register(): void {
    const first = this.#waiting[this.#done];
    if (this.#isRegistered || first === undefined) return;
    this.#isRegistered = true;
    this.#log.whenDurable(first.logNumber, () => this.#drain());
  }

  #drain(): void {
    try {
      this.#acknowledge(this.#log.durable);
    } finally {
      // Also when a caller's callback threw: the others must not wait for ever.
      this.#isRegistered = false;
      this.#register();
    }
  }

  #acknowledge(durable: number): void {
    for (;;) {
      const first = this.#waiting[this.#done];
      if (first === undefined || first.logNumber > durable) break;
      this.#done++;
      this.#readPoint = first.sequence;
      first.acknowledge();
    }
    if (this.isEmpty) {
      this.#waiting = [];
      this.#done = 0;
      const idle = this.#idle;
      this.#idle = [];
      for (const resolve of idle) resolve();
    } else if (this.#done > 1024 && this.#done * 2 > this.#waiting.length) {
      this.#waiting.splice(0, this.#done);
      this.#done = 0;
    }
  }
}
