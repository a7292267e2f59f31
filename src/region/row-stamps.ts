// The timestamps a region gives where a client asked for "latest".
//
// A delete marker hides puts of its own millisecond, so on HBase a put that follows a delete within
// a millisecond vanishes (research/wire-trace.md, 7.13). Here later writes win:
// 1. Stamps of a region never fall, even if the clock does.
// 2. A put to a row whose marker was stamped in this millisecond (or in a future one, by this rule)
//    is stamped one millisecond after it; a later marker of that row is not before that put.
// Only rows that were deleted from just now run ahead of the clock, each by a millisecond for every
// pair of delete and put.

import type { Clock } from '../world/clock.js';

interface RowStamp {
  readonly ms: number;
  readonly isDelete: boolean;
}

export class RowStamps {
  readonly #clock: Clock;
  #now = 0;
  /** Rows with markers at or after `#now`, and the newest of all their stamps. */
  readonly #rows = new Map<string, RowStamp>();
  #newest = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The clock, never falling. */
  now(): number {
    const now = this.#clock.now();
    if (now > this.#now) this.#now = now;
    return this.#now;
  }

  /** For a put, at least `atLeastMs`. */
  put(row: Buffer, atLeastMs = 0): number {
    const now = Math.max(this.now(), atLeastMs);
    if (this.#rows.size === 0) return now;
    this.#forgetPast();
    const key = row.toString('latin1');
    const last = this.#rows.get(key);
    if (last === undefined) return now;
    const ms = Math.max(now, last.isDelete ? last.ms + 1 : last.ms);
    this.#note(key, { ms, isDelete: false });
    return ms;
  }

  /** For a delete marker. */
  delete(row: Buffer): number {
    const now = this.now();
    this.#forgetPast();
    const key = row.toString('latin1');
    const ms = Math.max(now, this.#rows.get(key)?.ms ?? 0);
    this.#note(key, { ms, isDelete: true });
    return ms;
  }

  #note(key: string, stamp: RowStamp): void {
    this.#rows.set(key, stamp);
    if (stamp.ms > this.#newest) this.#newest = stamp.ms;
  }

  #forgetPast(): void {
    if (this.#now <= this.#newest) return;
    this.#rows.clear();
  }
}
