// Live references and the birth of deletion candidates (L6).
//
// Nobody counts by hand: a kind of record says which objects its values keep alive, and every
// transaction settles the difference that it made before it is written. So a record cannot be
// dropped without its object becoming a candidate, nor an object be referred to that is being
// deleted.
//
// Invariants:
// 1. An object with no live reference that once had one has a candidate row, from the transaction
//    that dropped the last reference until the collector has deleted the object.
// 2. An object with a live reference has no candidate row. In particular none is DELETING.
// 3. The counts are those of the tail. They are rebuilt from the records at load.

import { assert } from '../base/assert.js';
import { CadastreError } from '../base/errors.js';
import type { Revision } from '../base/ids.js';
import type { LiveReferences, ObjectReference, Transaction } from './api.js';
import type { Stored } from './image.js';
import { Quarantined } from './image.js';
import type { AnyKind } from './kind.js';
import type { Write } from './record-codec.js';
import { candidateKind, objectCandidate } from './records/deletion.js';
import { sortedLogKind } from './records/logs.js';

/** How many references to an object a transaction added, less those it dropped. */
export interface ReferenceChange {
  readonly object: string;
  net: number;
  /** Of a reference that was dropped, where there was one. */
  bytes: number;
  birth: Revision;
}

export class ReferenceCounts implements LiveReferences {
  readonly #counts = new Map<string, number>();
  readonly #unreadable = new Set<string>();

  count(object: string): number {
    return this.#counts.get(object) ?? 0;
  }

  get isComplete(): boolean {
    return this.#unreadable.size === 0;
  }

  /** Counts what one loaded record keeps alive. */
  addLoaded(key: string, kind: AnyKind | undefined, value: Stored): void {
    // A record of an unknown kind may refer to anything.
    if (value instanceof Quarantined) {
      if (kind === undefined || kind.references !== undefined) this.#unreadable.add(key);
      return;
    }
    for (const { object } of kind?.references?.(value) ?? []) {
      this.#counts.set(object, this.count(object) + 1);
    }
  }

  /** Takes over what a transaction changed, once it is in the log. */
  apply(changes: Iterable<ReferenceChange>, writes: Iterable<Write>): void {
    for (const { object, net } of changes) {
      const count = this.count(object) + net;
      if (count === 0) this.#counts.delete(object);
      else this.#counts.set(object, count);
    }
    if (this.#unreadable.size === 0) return;
    // What was written over or deleted by a repair is unreadable no more.
    for (const { key } of writes) this.#unreadable.delete(key);
  }
}

const noChanges: readonly ReferenceChange[] = [];

/**
 * Ends a transaction's body: finds the references that it added and dropped, and writes, or takes
 * away, the candidates. Throws `object-missing` if it refers to an object that is being deleted.
 */
export function settleReferences(
  tx: Transaction,
  writes: Iterable<Write>,
  counts: ReferenceCounts,
): readonly ReferenceChange[] {
  // Most transactions write no kind that refers to objects.
  let changes: Map<string, ReferenceChange> | undefined;
  for (const { kind, before, after } of writes) {
    if (kind.references === undefined) continue;
    changes ??= new Map();
    if (before !== undefined && !(before instanceof Quarantined)) {
      for (const reference of kind.references(before)) note(changes, reference, -1);
    }
    if (after !== undefined) {
      for (const reference of kind.references(after)) note(changes, reference, 1);
    }
  }
  if (changes === undefined) return noChanges;
  const settled = [...changes.values()].filter(({ net }) => net !== 0);
  for (const change of settled) settle(tx, change, counts);
  return settled;
}

function note(
  changes: Map<string, ReferenceChange>,
  { object, bytes, birth }: ObjectReference,
  by: 1 | -1,
): void {
  const change = changes.get(object) ?? { object, net: 0, bytes, birth };
  change.net += by;
  if (by < 0) Object.assign(change, { bytes, birth });
  changes.set(object, change);
}

function settle(tx: Transaction, change: ReferenceChange, counts: ReferenceCounts): void {
  const { object, net } = change;
  const live = counts.count(object) + net;
  assert(live >= 0, `L6: ${object} has ${live} live references`);
  if (net > 0) {
    refuseDeleting(tx, object);
    tx.delete(candidateKind, objectCandidate(object));
  } else if (live === 0) {
    const sorted = tx.get(sortedLogKind, [object]);
    tx.delete(sortedLogKind, [object]);
    const { bytes, birth } = sorted ?? change;
    tx.put(candidateKind, objectCandidate(object), {
      birth,
      death: tx.revision,
      state: 'waiting',
      bytes,
      until: undefined,
    });
  }
}

/** Whether the collector may be deleting the object now, so that nothing may refer to it any more. */
export function isDeleting(tx: Transaction, object: string): boolean {
  return tx.get(candidateKind, objectCandidate(object))?.state === 'deleting';
}

function refuseDeleting(tx: Transaction, object: string): void {
  if (!isDeleting(tx, object)) return;
  throw new CadastreError('object-missing', `the object ${object} is being deleted`, {
    nextStep: 'write the data to a new object',
  });
}

/**
 * Makes an object that was written, and to which nothing refers, a candidate: the output of a
 * refused commit, or of work that was given up. No effect if something refers to it.
 */
export function abandonObject(
  tx: Transaction,
  live: LiveReferences,
  object: string,
  bytes: number,
): void {
  const key = objectCandidate(object);
  if (live.count(object) > 0 || tx.get(candidateKind, key) !== undefined) return;
  tx.put(candidateKind, key, {
    birth: tx.revision,
    death: tx.revision,
    state: 'waiting',
    bytes,
    until: undefined,
  });
}
