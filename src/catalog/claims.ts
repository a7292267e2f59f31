// Objects that a running procedure has declared as inputs or outputs (L6, page 6 "Collector").
//
// A claim is a live reference. A procedure claims an output's name *before* it writes the object, and
// drops its claims in the transaction that ends its use of them: what something refers to by then
// lives on, the rest becomes candidates. So neither a crash nor a rollback leaks an object.

import type { Revision } from '../base/ids.js';
import type { Transaction } from './api.js';
import { claimKind } from './records/deletion.js';

export interface ClaimedObject {
  readonly object: string;
  /** 0 if it is not known yet. */
  readonly bytes: number;
  /** Of an input; undefined for an output, which nothing referred to before. */
  readonly birth: Revision | undefined;
}

/** Claims an object for a holder, such as `procedure/12`. Throws `object-missing` while it is deleted. */
export function claimObject(tx: Transaction, holder: string, claimed: ClaimedObject): void {
  const { object, bytes, birth = tx.revision } = claimed;
  tx.put(claimKind, [holder, object], { object, bytes, birth });
}

/** Drops all claims of a holder. */
export function dropClaims(tx: Transaction, holder: string): void {
  for (const { key } of tx.scan(claimKind, { prefix: [holder] })) tx.delete(claimKind, key);
}
