// How long the event loop was not free, while something ran (L9).

import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface LoopDelay {
  readonly p999Ms: number;
  readonly maxMs: number;
}

const nsPerMs = 1e6;

/** Samples once a millisecond; a sample includes that millisecond, so a free loop shows about 1 ms. */
export async function withLoopDelay<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly delay: LoopDelay }> {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  const result = await work();
  // A stall at the very end is seen by the sample after it.
  await new Promise((resolve) => setTimeout(resolve, 2));
  histogram.disable();
  const delay = { p999Ms: histogram.percentile(99.9) / nsPerMs, maxMs: histogram.max / nsPerMs };
  return { result, delay };
}
