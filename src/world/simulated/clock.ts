// A node's view of virtual time. Its wall clock may be set; its monotonic one runs evenly.

import type { Clock, Timer } from '../clock.js';
import { sleepBy } from '../real/sleep.js';
import type { SimLife } from './life.js';

/** What the wall clock shows when a simulation begins: 2026-01-01T00:00:00Z. */
const wallStartMs = 1_767_225_600_000;
/** What a turn of the event loop takes, so that a loop that only yields still moves time. */
const turnMs = 0.01;

export class SimClock implements Clock {
  readonly #life: SimLife;
  readonly #turns: (() => void)[] = [];
  #skewMs = 0;

  constructor(life: SimLife) {
    this.#life = life;
  }

  now(): number {
    return Math.floor(wallStartMs + this.#life.nowMs + this.#skewMs);
  }

  monotonic(): number {
    return this.#life.nowMs;
  }

  /** Sets the wall clock forward, or back by a negative number. */
  jump(ms: number): void {
    this.#skewMs += ms;
  }

  timer(ms: number, run: () => void): Timer {
    // Node fires timers late, never early, and counts in whole milliseconds.
    return this.#life.schedule(Math.max(1, ms), 'timer', run);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepBy(this, ms, signal);
  }

  nextTurn(run: () => void): void {
    // Whichever event comes first takes the first of the queue: turns keep their order.
    this.#turns.push(run);
    this.#life.schedule(turnMs, 'turn', () => this.#turns.shift()?.());
  }

  yield(): Promise<void> {
    return new Promise((resolve) => this.nextTurn(resolve));
  }
}
