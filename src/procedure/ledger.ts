// Where the engine meets its store: every change of procedures is drafted inside one transaction,
// applied to memory when that is queued, and acted upon when it is durable.
//
// Invariants:
// 1. If the transaction fails, nothing has changed in memory either: a draft is applied after it.
// 2. Locks are released, parents woken, results shown and steps run only once the record that says so
//    is durable (L4, race P14).
// 3. One transaction writes at most `recordBytesMax` of procedures' rows (L9).

import { CadastreError } from '../base/errors.js';
import type { ProcedureId } from '../base/ids.js';
import type { Core } from './core.js';
import type { ProcedureType } from './definition.js';
import { childOutcomesMax, recordBytesMax } from './limits.js';
import { Procedure } from './procedure.js';
import type { ChangeKind, PendingChange } from './procedure.js';
import type { ProcedureRecord } from './record.js';
import type { RemoteDispatcher } from './remote.js';
import type { Results } from './results.js';
import type { Committed, ProcedureStore, ProcedureWrites } from './store.js';
import { logEnd, logProgress } from './story.js';
import type { Waits } from './waits.js';

/** What one transaction makes of one procedure, and, once applied, what was there before. */
class Change implements PendingChange {
  kind: ChangeKind;
  readonly procedure: Procedure;
  record: ProcedureRecord;
  before: ProcedureRecord;
  /** Of the procedure's records, which one this is. */
  sequence = 0;

  constructor(kind: ChangeKind, procedure: Procedure, record: ProcedureRecord) {
    this.kind = kind;
    this.procedure = procedure;
    this.record = record;
    this.before = procedure.record;
  }
}

/** The changes of one transaction. Lives only inside its body. */
export class Draft {
  readonly #core: Core;
  readonly #writes: ProcedureWrites;
  /** Each procedure's is found by its `change`: a map for each transaction is what costs most of one. */
  readonly changes: Change[] = [];
  #nonces: Map<string, Procedure> | undefined;
  #bytes = 0;

  constructor(core: Core, writes: ProcedureWrites) {
    this.#core = core;
    this.#writes = writes;
  }

  /** Its row as this transaction has it so far. */
  current(procedure: Procedure): ProcedureRecord {
    return procedure.change?.record ?? procedure.record;
  }

  /** Who was given this nonce, here or before. */
  nonce(nonce: string): { readonly id: ProcedureId; readonly record: ProcedureRecord } | undefined {
    return this.#nonces?.get(nonce) ?? this.#core.nonces.get(nonce);
  }

  allocateNumber(): number {
    return this.#writes.allocateId();
  }

  create(
    record: ProcedureRecord,
    type: ProcedureType<unknown>,
    input: unknown,
    parent: Procedure | undefined,
  ): Procedure {
    const id = this.#writes.allocateId() as ProcedureId;
    const procedure = new Procedure(id, record, type, input, parent, this.#core.log);
    this.#put(procedure, 'create', record);
    if (record.nonce !== '') {
      this.#nonces ??= new Map();
      this.#nonces.set(record.nonce, procedure);
    }
    return procedure;
  }

  progress(procedure: Procedure, record: ProcedureRecord): void {
    this.#put(procedure, 'progress', record);
  }

  touch(procedure: Procedure, record: ProcedureRecord): void {
    this.#put(procedure, procedure.change?.kind ?? 'touch', record);
  }

  /** `isKept`: the row stays, for a client or the parent to see. */
  end(procedure: Procedure, record: ProcedureRecord, isKept: boolean): void {
    if (isKept) this.#put(procedure, 'end', record);
    else {
      this.#writes.delete(procedure.id);
      this.#note(procedure, 'end', record);
    }
  }

  delete(id: ProcedureId): void {
    this.#writes.delete(id);
  }

  #put(procedure: Procedure, kind: ChangeKind, record: ProcedureRecord): void {
    const bytes = this.#core.encoder.encode(record);
    this.#bytes += bytes.length;
    if (this.#bytes > recordBytesMax) {
      throw new CadastreError(
        'request-too-big',
        `${procedure.title} would write more than ${recordBytesMax} bytes in one record`,
        { nextStep: 'keep less in its state, or do it in smaller steps' },
      );
    }
    this.#writes.put(procedure.id, bytes);
    this.#note(procedure, kind, record);
  }

  #note(procedure: Procedure, kind: ChangeKind, record: ProcedureRecord): void {
    const { change } = procedure;
    if (change === undefined) {
      const noted = new Change(kind, procedure, record);
      procedure.change = noted;
      this.changes.push(noted);
    } else {
      change.kind = kind;
      change.record = record;
    }
  }

  /** The transaction is over, whatever came of it. */
  finish(): void {
    for (const { procedure } of this.changes) procedure.change = undefined;
  }
}

export class Ledger<Tx> {
  readonly #core: Core;
  readonly #store: ProcedureStore<Tx>;
  readonly #waits: Waits;
  readonly #remote: RemoteDispatcher;
  readonly #results: Results;

  constructor(
    core: Core,
    store: ProcedureStore<Tx>,
    waits: Waits,
    remote: RemoteDispatcher,
    results: Results,
  ) {
    this.#core = core;
    this.#store = store;
    this.#waits = waits;
    this.#remote = remote;
    this.#results = results;
  }

  /** One record. What `body` throws comes out, and nothing has happened. */
  transact<T>(body: (tx: Tx, draft: Draft) => T): Committed<T> {
    let draft: Draft | undefined;
    let committed: Committed<T>;
    try {
      committed = this.#store.transact((tx, writes) => {
        // A store may run the body again, for what it first made of it cannot be written.
        draft?.finish();
        draft = new Draft(this.#core, writes);
        return body(tx, draft);
      });
    } finally {
      draft?.finish();
    }
    const changes = draft?.changes ?? [];
    if (changes.length === 0) return committed;
    for (const change of changes) this.#apply(change);
    committed.whenDurable(() => {
      if (this.#core.isStopped) return;
      for (const change of changes) this.#settle(change);
    });
    return committed;
  }

  /** A verdict that tells of the tail: durable once everything queued before it is. */
  verdict<T>(value: T): Committed<T> {
    return this.#store.transact(() => value);
  }

  #apply(change: Change): void {
    const { kind, procedure, record } = change;
    const core = this.#core;
    if (kind === 'touch') {
      procedure.record = record;
      return;
    }
    if (kind === 'create') {
      core.procedures.set(procedure.id, procedure);
      procedure.parent?.addChild(procedure);
    } else {
      core.detach(procedure);
    }
    procedure.record = record;
    procedure.hasBegun = record.holdsLocks;
    procedure.attempt = 0;
    procedure.isWoken = false;
    procedure.reply = undefined;
    procedure.lastError = undefined;
    core.setReason(procedure, 'storing');
    if (record.nonce !== '') core.nonces.set(record.nonce, { id: procedure.id, record });
    if (kind === 'end') keepOutcome(procedure);
    else this.#waits.enter(procedure);
    procedure.recordsInFlight++;
    change.sequence = ++procedure.sequence;
  }

  #settle({ kind, procedure, before, record, sequence }: Change): void {
    if (kind === 'touch') return;
    procedure.recordsInFlight--;
    if (kind !== 'create' && before.status.kind === 'wait' && before.status.on.remote) {
      const { server, number } = before.status.on.remote;
      this.#remote.release(server, number);
    }
    if (kind === 'end') {
      logEnd(procedure);
      this.#finish(procedure);
      return;
    }
    logProgress(procedure, kind === 'create' ? undefined : before, record);
    // A later record may be queued already; it will settle what is then true.
    if (procedure.sequence === sequence) this.#waits.settle(procedure);
  }

  #finish(procedure: Procedure): void {
    const core = this.#core;
    const { parent, record, id } = procedure;
    core.procedures.delete(id);
    core.locks.release(procedure);
    this.#results.ended(id, record, record.parent === undefined);
    if (parent === undefined) return;
    parent.removeChild(procedure);
    this.#waits.childEnded(parent);
  }
}

/** Whether a parent shall see how this child ended: failures and results, up to a bound. */
export function isOutcomeKept(record: ProcedureRecord, parent: Procedure): boolean {
  if (parent.outcomes.size >= childOutcomesMax) return false;
  return record.phase === 'failed' || record.result.length > 0;
}

/** The parent's copy of a child's end. */
export function keepOutcome({ id, record, parent }: Procedure): void {
  if (parent === undefined || !isOutcomeKept(record, parent)) return;
  parent.keepOutcome(
    record.phase === 'failed' && record.error !== undefined
      ? { id, kind: 'failed', error: record.error }
      : { id, kind: 'succeeded', result: record.result },
  );
}
