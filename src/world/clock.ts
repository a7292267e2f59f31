// Time and timers, as the world gives them (L8).

/** A timer that has not fired or been cancelled. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall clock, milliseconds since 1970; may jump either way. */
  now(): number;
  /** Milliseconds that never go back, fractional; for intervals only. */
  monotonic(): number;
  /** Calls `run` once, after at least `ms`. The process may end with timers pending. */
  timer(ms: number, run: () => void): Timer;
  /** Resolves after at least `ms`; rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `run` in a later turn of the event loop, after I/O that is ready now. */
  nextTurn(run: () => void): void;
  /** Lets I/O that is ready run; long loops await it (L9). */
  yield(): Promise<void>;
}
