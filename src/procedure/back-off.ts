// How long to wait before trying again.

import type { Random } from '../world/random.js';
import { backOffFirstMs } from './limits.js';

/** Doubles with every attempt up to `maxMs`, minus up to a half, so that crowds spread. */
export function retryDelayMs(attempt: number, maxMs: number, random: Random): number {
  // 2^20 × 100 ms is far above every maximum; the bound keeps the power finite.
  const full = Math.min(maxMs, backOffFirstMs * 2 ** Math.min(attempt - 1, 20));
  return full * (1 - random.float() / 2);
}
