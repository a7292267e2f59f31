// Where the procedure engine and the catalog meet (L1): the engine's rows are records of the
// catalog, written in the same transaction as everything else a step changes.

import type { ProcedureId } from '../base/ids.js';
import type { Catalog, Transaction } from '../catalog/api.js';
import { procedureKind } from '../catalog/records/procedures.js';
import type { ProcedureStore, ProcedureWrites, StoredProcedure } from '../procedure/store.js';

/** The engine's store over a catalog. */
export function procedureStore(catalog: Catalog): ProcedureStore<Transaction> {
  return {
    transact: (body) => catalog.transact((tx) => body(tx, writesOf(catalog, tx))),
    load: () => rowsOf(catalog),
  };
}

function writesOf(catalog: Catalog, tx: Transaction): ProcedureWrites {
  return {
    allocateId: () => catalog.ids.allocate(tx),
    // The engine may reuse its buffer; the image keeps what it is given.
    put: (id, bytes) => tx.put(procedureKind, [id], Buffer.from(bytes)),
    delete: (id) => tx.delete(procedureKind, [id]),
  };
}

function* rowsOf(catalog: Catalog): Iterable<StoredProcedure> {
  for (const { key, value } of catalog.tail.scan(procedureKind)) {
    const [id]: readonly [ProcedureId] = key;
    yield { id, bytes: value };
  }
}
