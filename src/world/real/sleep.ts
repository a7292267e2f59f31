// `Clock.sleep` from a clock's timers: pure, and shared with the simulated clock.

import type { Timer } from '../clock.js';

/** Resolves after `ms` by these timers; rejects with the signal's reason when it aborts. */
export function sleepBy(
  timers: { timer(ms: number, run: () => void): Timer },
  ms: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = timers.timer(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
