// The machine's clocks and Node's timers, as a Clock.

import type { Clock, Timer } from '../clock.js';
import { sleepBy } from './sleep.js';

/** Node takes a longer delay for 1 ms; longer ones are waited for in parts. */
const delayMaxMs = 2 ** 31 - 1;

export class NodeClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  timer(ms: number, run: () => void): Timer {
    const untilMs = performance.now() + ms;
    const arm = (): NodeJS.Timeout => {
      const leftMs = untilMs - performance.now();
      return setTimeout(
        () => {
          // Node counts in whole milliseconds since some start, so it may be early by a part of one.
          if (performance.now() >= untilMs) run();
          else timeout = arm();
        },
        Math.min(leftMs, delayMaxMs),
      ).unref();
    };
    let timeout = arm();
    return { cancel: () => clearTimeout(timeout) };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepBy(this, ms, signal);
  }

  nextTurn(run: () => void): void {
    setImmediate(run);
  }

  yield(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}
