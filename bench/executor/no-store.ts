// A store that keeps nothing, as HBase's NoopProcedureStore in the same comparison: what is left is the
// engine's own work. (Ours still encodes every row, which HBase's does not.)

import type { Committed, ProcedureStore, ProcedureWrites } from '../../src/procedure/store.js';

const nothing: readonly never[] = [];

export class NoStore implements ProcedureStore<undefined> {
  #lastId = 0;
  readonly #writes: ProcedureWrites = {
    allocateId: () => ++this.#lastId,
    put: () => {},
    delete: () => {},
  };

  load(): readonly never[] {
    return nothing;
  }

  /** Durable at once. */
  transact<T>(body: (tx: undefined, writes: ProcedureWrites) => T): Committed<T> {
    const value = body(undefined, this.#writes);
    return { value, whenDurable: (done) => done(), durable: () => Promise.resolve() };
  }
}
