// How long a read may go on before it must say so. The clock is asked only every so many cells.

import type { Clock } from '../world/clock.js';

/** Cells between two looks at the clock: some 20 µs. */
const cellsPerLook = 64;

export class ReadBudget {
  readonly #clock: Clock;
  #untilMs = Infinity;
  #left = cellsPerLook;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A new page: until this time of `clock.monotonic()`. */
  renew(untilMonotonicMs: number): void {
    this.#untilMs = untilMonotonicMs;
    this.#left = cellsPerLook;
  }

  /** To be asked once for each cell looked at. */
  isSpent(): boolean {
    if (--this.#left > 0) return false;
    this.#left = cellsPerLook;
    return this.#untilMs !== Infinity && this.#clock.monotonic() >= this.#untilMs;
  }
}
