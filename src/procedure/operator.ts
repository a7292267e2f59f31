// The operator's verbs. Each answers with what was done, or why not; none of them stops anything else.

import { CadastreError } from '../base/errors.js';
import type { ProcedureId } from '../base/ids.js';
import type { ProcedureOperator } from './api.js';
import type { Auditor } from './auditor.js';
import type { Core } from './core.js';
import type { Priority } from './definition.js';
import { explainProcedure, whoHoldsLock } from './explain.js';
import type { Ledger } from './ledger.js';
import { pageMax, procedureStride, sweepBatch } from './limits.js';
import { listLocks } from './list-locks.js';
import { formatLock } from './lock-request.js';
import type { Procedure } from './procedure.js';
import { copyRecord, withChanges } from './record.js';
import type { ProcedureRecord } from './record.js';
import type { Results } from './results.js';
import type { Runner } from './runner.js';
import { findProcedures, listProcedures, showProcedure, showRecord, treeOf } from './show.js';
import { withValue } from './store.js';
import type { Committed } from './store.js';
import { end } from './transition.js';
import type {
  BypassPlan,
  Explanation,
  LockFilter,
  LockPage,
  LockView,
  ProcedureFilter,
  ProcedurePage,
  ProcedureTree,
  ProcedureView,
  Verdict,
} from './views.js';
import type { Waits } from './waits.js';

export class Operator<Tx> implements ProcedureOperator {
  readonly #core: Core;
  readonly #results: Results;
  readonly #ledger: Ledger<Tx>;
  readonly #runner: Runner<Tx>;
  readonly #waits: Waits;
  readonly #auditor: Auditor;

  constructor(parts: {
    readonly core: Core;
    readonly results: Results;
    readonly ledger: Ledger<Tx>;
    readonly runner: Runner<Tx>;
    readonly waits: Waits;
    readonly auditor: Auditor;
  }) {
    this.#core = parts.core;
    this.#results = parts.results;
    this.#ledger = parts.ledger;
    this.#runner = parts.runner;
    this.#waits = parts.waits;
    this.#auditor = parts.auditor;
  }

  list(filter: ProcedureFilter = {}): ProcedurePage {
    return listProcedures(this.#core, this.#results, filter);
  }

  find(filter: ProcedureFilter): Promise<ProcedurePage> {
    return findProcedures(this.#core, this.#results, filter);
  }

  show(id: ProcedureId): ProcedureView {
    const record = this.#results.record(id);
    if (record !== undefined) return showRecord(id, record);
    return showProcedure(this.#core, this.#core.get(id));
  }

  tree(id: ProcedureId, limit = pageMax): ProcedureTree {
    const record = this.#results.record(id);
    if (record !== undefined) {
      return { procedure: showRecord(id, record), children: [], omitted: 0 };
    }
    let root = this.#core.get(id);
    while (root.parent !== undefined) root = root.parent;
    return treeOf(this.#core, root, limit);
  }

  explain(id: ProcedureId): Explanation {
    return explainProcedure(this.#core, this.#core.get(id));
  }

  whoHolds(kind: LockView['kind'], name: string): string | undefined {
    return whoHoldsLock(this.#core, kind, name);
  }

  exclusiveHolder(kind: LockView['kind'], name: string): ProcedureId | undefined {
    return this.#core.locks.look({ kind, name })?.exclusive?.id;
  }

  locks(filter: LockFilter = {}): Promise<LockPage> {
    return listLocks(this.#core, filter);
  }

  faults(): readonly string[] {
    return this.#auditor.faults;
  }

  cancel(id: ProcedureId): Committed<Verdict> {
    const ended = this.#endedAlready(id);
    return ended === undefined ? this.#runner.cancel(this.#core.get(id)) : this.#verdict(ended);
  }

  retryNow(id: ProcedureId): Verdict {
    const ended = this.#endedAlready(id);
    if (ended !== undefined) return ended;
    const procedure = this.#core.get(id);
    const { title, reason } = procedure;
    if (procedure.quarantine !== undefined) {
      return { kind: 'refused', reason: `${title} is quarantined: it cannot run` };
    }
    if (reason === 'back-off') {
      this.#core.enqueue(procedure);
      return { kind: 'done', text: `${title} is tried now` };
    }
    if (procedure.isWaiting && reason !== 'storing' && reason !== 'remote') {
      this.#waits.wake(procedure, { kind: 'signal', signal: 'retry' });
      return { kind: 'done', text: `${title} looks now` };
    }
    return { kind: 'refused', reason: `${title} is '${reason}': there is nothing to try again` };
  }

  pause(id: ProcedureId): Committed<Verdict> {
    return this.#change(id, (record) => withChanges(record, { isPaused: true }), 'paused');
  }

  resume(id: ProcedureId): Committed<Verdict> {
    const committed = this.#change(
      id,
      (record) => withChanges(record, { isPaused: false }),
      'resumed',
    );
    committed.whenDurable(() => this.#unpark());
    return committed;
  }

  pauseType(type: string): void {
    this.#core.pausedTypes.add(type);
  }

  resumeType(type: string): void {
    this.#core.pausedTypes.delete(type);
    this.#unpark();
  }

  pauseAll(): void {
    this.#core.isAllPaused = true;
  }

  resumeAll(): void {
    this.#core.isAllPaused = false;
    this.#unpark();
  }

  setPriority(id: ProcedureId, priority: Priority): Committed<Verdict> {
    const committed = this.#change(
      id,
      (record) => withChanges(record, { priority }),
      `now '${priority}'`,
    );
    const procedure = this.#core.procedures.get(id);
    if (procedure === undefined || committed.value.kind === 'refused') return committed;
    const isReady = procedure.isQueued || procedure.reason === 'place';
    if (isReady) this.#core.detach(procedure);
    procedure.priority = priority;
    if (isReady) this.#core.enqueue(procedure);
    return committed;
  }

  bypassPlan(id: ProcedureId): BypassPlan {
    const ended = this.#endedAlready(id);
    if (ended !== undefined) {
      const text = ended.kind === 'refused' ? [ended.reason] : [];
      return { id, text, needsRecursive: false, needsOverride: false, isPossible: false };
    }
    const procedure = this.#core.get(id);
    const all = [...descendants(procedure), procedure];
    return {
      id,
      text: all.slice(-pageMax).map(skipped),
      needsRecursive: procedure.children.size > 0,
      needsOverride: all.some((one) => one.reason === 'running'),
      isPossible: true,
    };
  }

  bypass(
    id: ProcedureId,
    options: { readonly recursive?: boolean; readonly override?: boolean } = {},
  ): Committed<Verdict> {
    const ended = this.#endedAlready(id);
    if (ended !== undefined) return this.#verdict(ended);
    const procedure = this.#core.get(id);
    const all = [...descendants(procedure), procedure];
    if (all.length > 1 && options.recursive !== true) {
      const reason = `${procedure.title} has ${all.length - 1} unfinished descendants: bypass it recursively`;
      return this.#verdict({ kind: 'refused', reason });
    }
    const running = all.find((one) => one.reason === 'running');
    if (running !== undefined && options.override !== true) {
      const reason = `${running.title} is running its async part: bypass with override abandons it`;
      return this.#verdict({ kind: 'refused', reason });
    }
    let committed: Committed<unknown> = this.#ledger.verdict(undefined);
    for (let from = 0; from < all.length; from += sweepBatch) {
      committed = this.#bypassSome(all.slice(from, from + sweepBatch));
    }
    const text = `bypassed: ${all.slice(-pageMax).map(skipped).join('; ')}`;
    return withValue(committed, { kind: 'done', text });
  }

  #bypassSome(some: readonly Procedure[]): Committed<void> {
    for (const procedure of some) {
      procedure.runToken++;
      procedure.abort?.abort(new CadastreError('procedure-cancelled', 'bypassed'));
    }
    return this.#ledger.transact((_tx, draft) => {
      for (const procedure of some) {
        if (procedure.isEnded) continue;
        end(this.#core, draft, procedure, copyRecord(draft.current(procedure)), 'bypassed');
      }
    });
  }

  /** Whether it has ended, in words; the row may be on its way to be durable still. */
  #endedAlready(id: ProcedureId): Verdict | undefined {
    const record = this.#results.record(id) ?? this.#core.procedures.get(id)?.record;
    if (record?.status.kind !== 'ended') return undefined;
    return { kind: 'refused', reason: `${record.type} (pid=${id}) has ended: ${record.phase}` };
  }

  #change(
    id: ProcedureId,
    change: (record: ProcedureRecord) => ProcedureRecord,
    what: string,
  ): Committed<Verdict> {
    const ended = this.#endedAlready(id);
    if (ended !== undefined) return this.#verdict(ended);
    const procedure = this.#core.get(id);
    if (procedure.quarantine !== undefined) {
      const reason = `${procedure.title} is quarantined: its row is left as it is`;
      return this.#verdict({ kind: 'refused', reason });
    }
    return this.#ledger.transact((_tx, draft): Verdict => {
      draft.touch(procedure, change(draft.current(procedure)));
      return { kind: 'done', text: `${procedure.title} is ${what}` };
    });
  }

  #verdict(verdict: Verdict): Committed<Verdict> {
    return this.#ledger.verdict(verdict);
  }

  /** What nothing pauses any more goes on, a few in each turn: it may be a million (L9). */
  #unpark(): void {
    const core = this.#core;
    const next = core.paused.values();
    core.unparking++;
    const some = (): void => {
      for (let count = 0; count < procedureStride && !core.isStopped; count++) {
        const { done, value: procedure } = next.next();
        if (done === true) {
          core.unparking--;
          return;
        }
        if (core.isPaused(procedure)) continue;
        core.paused.delete(procedure);
        core.enqueue(procedure);
      }
      if (!core.isStopped) core.clock.nextTurn(some);
    };
    some();
  }
}

/** Unfinished ones below, deepest first. */
function* descendants(procedure: Procedure): IterableIterator<Procedure> {
  for (const child of procedure.children) {
    yield* descendants(child);
    yield child;
  }
}

/** What skipping the rest of it means. */
function skipped(procedure: Procedure): string {
  const { title, record, needs, locksHeld } = procedure;
  const step = record.phase === 'rolling-back' ? 'the undo of' : 'the rest from step';
  const what =
    record.phase === 'rolling-back'
      ? [...record.executed].reverse().join(', ')
      : `${record.step} (nothing it did is undone)`;
  const locks = needs.slice(0, locksHeld).map(formatLock);
  const released = locks.length === 0 ? '' : `; releases ${locks.join(', ')}`;
  return `${title}: skips ${step} ${what}${released}`;
}
