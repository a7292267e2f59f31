// The nonces of increments and appends that were applied, so that a retry is not (R-D1, races W11, W19).
//
// A nonce is remembered for ten minutes of the wall clock, HBase's window. The window is made of
// what log records and flush commits carry, so it survives crashes and moves.

import type { Nonce } from '../base/operations.js';
import type { UsedNonce } from '../base/store-file.js';
import type { Clock } from '../world/clock.js';

/** HBase's `hbase.regionserver.hashNonce.ttl`: clients retry for no longer. */
const windowMs = 10 * 60_000;
/** Some 1,700 increments a second for ten minutes; above it the oldest are forgotten (L9). */
const noncesMax = 1_000_000;

export class NonceWindow {
  readonly #clock: Clock;
  /** In order of use, as maps are. */
  readonly #used = new Map<string, UsedNonce>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether an operation with this nonce was applied. */
  has(nonce: Nonce): boolean {
    const used = this.#used.get(keyOf(nonce));
    return used !== undefined && used.usedAtMs >= this.#clock.now() - windowMs;
  }

  add(nonce: Nonce, usedAtMs: number): void {
    const key = keyOf(nonce);
    // Replayed edits and flush commits may both carry one: the later use counts.
    this.#used.delete(key);
    this.#used.set(key, { group: nonce.group, nonce: nonce.nonce, usedAtMs });
    this.#forgetOld();
  }

  /** What is still in the window, oldest first. */
  live(): readonly UsedNonce[] {
    this.#forgetOld();
    return [...this.#used.values()];
  }

  #forgetOld(): void {
    const oldest = this.#clock.now() - windowMs;
    for (const [key, { usedAtMs }] of this.#used) {
      if (usedAtMs >= oldest && this.#used.size <= noncesMax) return;
      this.#used.delete(key);
    }
  }
}

/** HBase's clients send zero for "no nonce". */
export function isRealNonce(nonce: Nonce | undefined): nonce is Nonce {
  return nonce !== undefined && nonce.nonce !== '0';
}

function keyOf(nonce: Nonce): string {
  return `${nonce.group}:${nonce.nonce}`;
}
