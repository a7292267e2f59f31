// Background work of a region that must come to an end: repeated with growing pauses until it
// succeeds or the region stops.

import { asCadastreError, CadastreError } from '../base/errors.js';
import type { Clock } from '../world/clock.js';
import type { Logger } from '../world/log.js';
import type { Random } from '../world/random.js';

const pauseMsFirst = 50;
const pauseMsMax = 10_000;

export class Retry {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Logger;
  readonly #stop: AbortSignal;

  constructor(
    world: { readonly clock: Clock; readonly random: Random; readonly log: Logger },
    stop: AbortSignal,
  ) {
    this.#clock = world.clock;
    this.#random = world.random;
    this.#log = world.log;
    this.#stop = stop;
  }

  get isStopped(): boolean {
    return this.#stop.aborted;
  }

  /** The result of `work`, however often it takes. Rejects with `stopped` once stopped. */
  async run<T>(what: string, work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      this.#assertRunning(what);
      try {
        return await work();
      } catch (error) {
        // Whatever failed is tried again: the edits are in memory and in the log meanwhile.
        if (this.#stop.aborted) throw error;
        const bound = Math.min(pauseMsMax, pauseMsFirst * 2 ** Math.min(attempt, 10));
        const pauseMs = bound * (0.5 + this.#random.float() / 2);
        const { code, message } = asCadastreError(error);
        this.#log.warn(`${what} failed and will be tried again`, {
          code,
          error: message,
          attempt: attempt + 1,
          pauseMs: Math.round(pauseMs),
        });
        await this.#sleep(pauseMs);
      }
    }
  }

  async #sleep(ms: number): Promise<void> {
    try {
      await this.#clock.sleep(ms, this.#stop);
    } catch {
      // Woken to stop: the loop sees it.
    }
  }

  #assertRunning(what: string): void {
    if (this.#stop.aborted) throw new CadastreError('stopped', `${what} was given up: it stops`);
  }
}

/** Gives the event loop back every few milliseconds (L9). */
export class Slice {
  readonly #clock: Clock;
  readonly #sliceMs: number;
  #since: number;

  constructor(clock: Clock, sliceMs: number) {
    this.#clock = clock;
    this.#sliceMs = sliceMs;
    this.#since = clock.monotonic();
  }

  /** A promise if it is time to yield. */
  pause(): Promise<void> | undefined {
    if (this.#clock.monotonic() - this.#since < this.#sliceMs) return undefined;
    return this.#clock.yield().then(() => {
      this.#since = this.#clock.monotonic();
    });
  }
}
