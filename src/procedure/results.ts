// What procedures ended with: kept until the client has it or it ages out, bounded (R-P6).
//
// Ended roots stay as rows, so that a client that asks again after a restart still gets its result;
// the sweep deletes them in batches. Whoever waits in this process is told once the end is durable.

import { CadastreError } from '../base/errors.js';
import type { ProcedureId } from '../base/ids.js';
import type { Clock } from '../world/clock.js';
import type { ProcedureResult } from './api.js';
import { acknowledgedResultMs, resultMs, resultsMax, sweepBatch } from './limits.js';
import type { ProcedureRecord } from './record.js';

interface Kept {
  readonly record: ProcedureRecord;
  readonly endedAt: number;
  acknowledgedAt: number | undefined;
}

export class Results {
  readonly #clock: Clock;
  /** In the order of their ends. */
  readonly #kept = new Map<ProcedureId, Kept>();
  readonly #listeners = new Map<ProcedureId, ((result: ProcedureResult) => void)[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Set by the engine: there are so many that the sweep must not wait for its time. */
  onOverfull: () => void = () => {};

  /** The end of a procedure is durable; `isKept` for roots. */
  ended(id: ProcedureId, record: ProcedureRecord, isKept: boolean): void {
    if (isKept) this.#kept.set(id, { record, endedAt: record.endedAt, acknowledgedAt: undefined });
    if (this.#kept.size >= resultsMax + sweepBatch) this.onOverfull();
    const listeners = this.#listeners.get(id);
    this.#listeners.delete(id);
    if (listeners === undefined) return;
    const result = resultOf(record);
    for (const listener of listeners) listener(result);
  }

  record(id: ProcedureId): ProcedureRecord | undefined {
    return this.#kept.get(id)?.record;
  }

  *records(): IterableIterator<readonly [ProcedureId, ProcedureRecord]> {
    for (const [id, { record }] of this.#kept) yield [id, record];
  }

  /** Throws `procedure-not-found`. */
  result(id: ProcedureId): ProcedureResult {
    const kept = this.#kept.get(id);
    if (kept !== undefined) return resultOf(kept.record);
    throw new CadastreError('procedure-not-found', `nothing is known of procedure ${id}`, {
      nextStep: 'its result was fetched or aged out: look at what it should have changed',
    });
  }

  listen(id: ProcedureId, done: (result: ProcedureResult) => void): void {
    const listeners = this.#listeners.get(id);
    if (listeners === undefined) this.#listeners.set(id, [done]);
    else listeners.push(done);
  }

  acknowledge(id: ProcedureId): void {
    const kept = this.#kept.get(id);
    if (kept !== undefined) kept.acknowledgedAt ??= this.#clock.now();
  }

  /** What may be forgotten now, at most one record's worth. */
  expired(): readonly ProcedureId[] {
    const now = this.#clock.now();
    const ids: ProcedureId[] = [];
    let excess = this.#kept.size - resultsMax;
    for (const [id, { endedAt, acknowledgedAt }] of this.#kept) {
      const isOld =
        now - endedAt > resultMs ||
        (acknowledgedAt !== undefined && now - acknowledgedAt > acknowledgedResultMs);
      // In the order of their ends: what follows is younger still.
      if (excess <= 0 && now - endedAt <= acknowledgedResultMs) break;
      if (!isOld && excess <= 0) continue;
      excess--;
      ids.push(id);
      if (ids.length === sweepBatch) break;
    }
    return ids;
  }

  forget(ids: readonly ProcedureId[]): void {
    for (const id of ids) this.#kept.delete(id);
  }
}

/** What an ended procedure's row says. */
export function resultOf(record: ProcedureRecord): ProcedureResult {
  switch (record.phase) {
    case 'succeeded':
      return { kind: 'succeeded', result: record.result };
    case 'bypassed':
      return { kind: 'bypassed' };
    case 'failed':
    case 'forward':
    case 'rolling-back':
      return {
        kind: 'failed',
        error:
          record.error ??
          new CadastreError('procedure-failed', `${record.type} failed without a reason`),
      };
  }
}
