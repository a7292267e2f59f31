// The one interface through which the engine meets storage. The engine knows nothing of the catalog;
// the adapter over its transactions is in master/.

import type { ProcedureId } from '../base/ids.js';

/** A transaction that was queued: applied to the tail, not yet durable. */
export interface Committed<T> {
  readonly value: T;
  /**
   * Calls `done` when the record is durable, at once if it is. Never called if the write fails: a
   * failed write ends the process (L4).
   */
  whenDurable(done: () => void): void;
  durable(): Promise<void>;
}

/** The same record, told of with another value. */
export function withValue<T>(committed: Committed<unknown>, value: T): Committed<T> {
  return {
    value,
    whenDurable: (done) => committed.whenDurable(done),
    durable: () => committed.durable(),
  };
}

/** The procedures' own rows, written in the same record as everything else in the transaction. */
export interface ProcedureWrites {
  /** Larger than every id allocated before, never used again (L5). Also numbers operations. */
  allocateId(): number;
  /** `bytes` are the engine's again when this returns: what is kept is a copy. */
  put(id: ProcedureId, bytes: Uint8Array): void;
  delete(id: ProcedureId): void;
}

export interface StoredProcedure {
  readonly id: ProcedureId;
  readonly bytes: Uint8Array;
}

export interface ProcedureStore<Tx> {
  /**
   * One record. If `body` throws, nothing is written and the error comes out. Records become durable
   * in the order of these calls.
   */
  transact<T>(body: (tx: Tx, writes: ProcedureWrites) => T): Committed<T>;
  /** Every row, in order of ids. Called once, before the first `transact`. */
  load(): AsyncIterable<StoredProcedure> | Iterable<StoredProcedure>;
}
