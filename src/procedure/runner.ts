// Runs what is runnable: acquires locks, runs steps and undos, contains what they do wrong (L10).
//
// Where others may act: between an async part's start and its end. So its outcome counts only if the
// procedure's `runToken` is still the one it started with, and whoever wants the procedure meanwhile
// finds it `running`. Synchronous parts and their transaction are one turn.

import { asCadastreError, CadastreError } from '../base/errors.js';
import type { Core } from './core.js';
import { priorities } from './definition.js';
import type { Priority, ProcedureType, RunnableStep, Undo } from './definition.js';
import type { Ledger } from './ledger.js';
import { procedureStride, runningMax, sliceMs } from './limits.js';
import type { Reply } from './next.js';
import type { Procedure } from './procedure.js';
import { copyRecord, withChanges } from './record.js';
import { ProcedureRun } from './step-run.js';
import { withValue } from './store.js';
import type { Committed } from './store.js';
import { advance, rollBack, typeOf, undoInChildren, undone, withStep } from './transition.js';
import type { Verdict } from './views.js';
import type { Waits } from './waits.js';

/** Looking at the clock costs as much as a poll: it is done once in so many. */
const pollsPerLook = 16;

export class Runner<Tx> {
  readonly #core: Core;
  readonly #ledger: Ledger<Tx>;
  readonly #waits: Waits;
  #isStarted = false;
  #isPumpPlanned = false;
  #isPumping = false;
  readonly #running: Record<Priority, number> = { crash: 0, region: 0, table: 0, background: 0 };
  readonly #idle: (() => void)[] = [];

  constructor(core: Core, ledger: Ledger<Tx>, waits: Waits) {
    this.#core = core;
    this.#ledger = ledger;
    this.#waits = waits;
    core.onRunnable = () => this.#plan();
  }

  start(): void {
    this.#isStarted = true;
    this.#plan();
  }

  /** Starts no more steps; resolves when none is under way. */
  async drain(): Promise<void> {
    this.#isStarted = false;
    if (!this.#isIdle()) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** One pump after all that this turn makes runnable, so that its steps share a group commit. */
  #plan(): void {
    if (this.#isPumpPlanned || this.#isPumping || !this.#isStarted) return;
    this.#isPumpPlanned = true;
    queueMicrotask(() => {
      this.#isPumpPlanned = false;
      this.#pump();
    });
  }

  #pump(): void {
    const { clock, scheduler } = this.#core;
    this.#isPumping = true;
    try {
      const until = clock.monotonic() + sliceMs;
      for (let polls = 1; this.#isStarted && !this.#core.isStopped; polls++) {
        if (polls % pollsPerLook === 0 && clock.monotonic() >= until) break;
        const procedure = scheduler.poll();
        if (procedure === undefined) break;
        this.#run(procedure);
      }
    } finally {
      this.#isPumping = false;
    }
    if (scheduler.size > 0 && this.#isStarted) {
      this.#isPumpPlanned = true;
      clock.nextTurn(() => {
        this.#isPumpPlanned = false;
        this.#pump();
      });
    }
  }

  #run(procedure: Procedure): void {
    const core = this.#core;
    if (core.isPaused(procedure)) {
      // Paused after it became runnable.
      core.enqueue(procedure);
      return;
    }
    if (!core.locks.acquire(procedure)) {
      core.setReason(procedure, 'lock');
      return;
    }
    procedure.attempt++;
    try {
      if (procedure.isForward) this.#runForward(procedure);
      else this.#runRollback(procedure);
    } catch (error) {
      this.#waits.backOff(procedure, asCadastreError(error));
    }
  }

  #runForward(procedure: Procedure): void {
    const { record } = procedure;
    const type = typeOf(procedure);
    const step = type.steps.get(record.step);
    if (step === undefined) {
      throw new CadastreError('internal', `${procedure.title} has no step '${record.step}'`, {
        nextStep: 'start the version that wrote it, or bypass it',
      });
    }
    if (record.isCancelRequested && !record.isPastPointOfNoReturn) {
      this.rollBack(procedure, cancelled(procedure));
      return;
    }
    const run = new ProcedureRun(this.#core, procedure, type, step.name, procedure.reply);
    if (step.before === undefined) {
      this.#commit(procedure, step, run, undefined);
      return;
    }
    const { before } = step;
    this.#runAsync(
      procedure,
      type,
      () => before(run),
      (prepared) => this.#commit(procedure, step, run, prepared),
      (error) => this.#fail(procedure, error),
    );
  }

  #commit(procedure: Procedure, step: RunnableStep, run: ProcedureRun, prepared: unknown): void {
    const { record } = procedure;
    if (record.isCancelRequested && !record.isPastPointOfNoReturn) {
      this.rollBack(procedure, cancelled(procedure));
      return;
    }
    try {
      this.#transact(procedure, step, run, prepared);
    } catch (error) {
      this.#fail(procedure, error);
    }
  }

  #transact(
    procedure: Procedure,
    step: RunnableStep,
    run: ProcedureRun,
    prepared: unknown,
  ): Committed<void> {
    const committed = this.#ledger.transact((tx, draft) => {
      advance(this.#core, draft, procedure, step, step.commit(run, tx, prepared));
    });
    this.cancelChildren(procedure);
    return committed;
  }

  /**
   * Runs the step after a wait at once, in one record with what ends the wait. Undefined if it
   * cannot: it has an async part, or threw; the reply is to be stored then.
   */
  runNow(procedure: Procedure, reply: Reply): Committed<void> | undefined {
    const { record, type } = procedure;
    const step = type?.steps.get(record.step);
    if (step === undefined || type === undefined || step.before !== undefined) return undefined;
    if (record.isCancelRequested || this.#core.isPaused(procedure)) return undefined;
    const attempt = procedure.attempt;
    procedure.attempt = 1;
    try {
      const run = new ProcedureRun(this.#core, procedure, type, step.name, reply);
      return this.#transact(procedure, step, run, undefined);
    } catch (error) {
      // Stored and tried again like any failed step; nothing of it was written.
      procedure.attempt = attempt;
      const { code, message } = asCadastreError(error);
      procedure.log.debug('the step after a reply failed', { step: step.name, code, message });
      return undefined;
    }
  }

  /** A step threw: it is retried, or the procedure fails. */
  #fail(procedure: Procedure, thrown: unknown): void {
    const { record } = procedure;
    if (record.isCancelRequested && !record.isPastPointOfNoReturn) {
      this.rollBack(procedure, cancelled(procedure));
      return;
    }
    const error = asCadastreError(thrown);
    const isHopeless = error.kind === 'fix-request' || error.kind === 'give-up';
    if (record.isPastPointOfNoReturn || !isHopeless || error.code === 'internal')
      this.#waits.backOff(procedure, error);
    else this.rollBack(procedure, error);
  }

  /**
   * Begins the rollback. A step with an async part may have had effects although no record of it is
   * there: it is undone too.
   */
  rollBack(procedure: Procedure, error: CadastreError): Committed<void> {
    const step = procedure.type?.steps.get(procedure.record.step);
    const committed = this.#ledger.transact((_tx, draft) => {
      const record = copyRecord(draft.current(procedure));
      const isBegun = step?.before !== undefined && !isNeverRun(procedure);
      if (isBegun) record.executed = withStep(record.executed, step);
      rollBack(this.#core, draft, procedure, record, error);
    });
    this.cancelChildren(procedure);
    return committed;
  }

  /** Asks for a rollback, or says why there can be none (race P16). */
  cancel(procedure: Procedure): Committed<Verdict> {
    const { record, quarantine, title } = procedure;
    const refused = (reason: string): Committed<Verdict> =>
      this.#ledger.verdict({ kind: 'refused', reason });
    if (quarantine !== undefined) {
      return refused(`${title} is quarantined (${quarantine}): it can only be bypassed`);
    }
    if (procedure.isEnded) return refused(`${title} has just ended`);
    if (record.isPastPointOfNoReturn) {
      return refused(`${title} is past its point of no return, in step ${record.step}`);
    }
    if (record.phase === 'rolling-back') {
      return this.#ledger.verdict({ kind: 'done', text: `${title} is being rolled back already` });
    }
    const verdict: Verdict = { kind: 'done', text: `${title} is being rolled back` };
    if (procedure.reason !== 'running') {
      return withValue(this.rollBack(procedure, cancelled(procedure)), verdict);
    }
    // Its async part has effects outside: the rollback begins when that has settled.
    const committed = this.#ledger.transact((_tx, draft) => {
      draft.touch(procedure, withChanges(draft.current(procedure), { isCancelRequested: true }));
      return verdict;
    });
    procedure.abort?.abort(cancelled(procedure));
    return committed;
  }

  /** The children of what is being rolled back end before anything is undone. */
  cancelChildren(procedure: Procedure): void {
    if (procedure.record.phase !== 'rolling-back' || procedure.children.size === 0) return;
    const { status } = procedure.record;
    // Children that undo are not cancelled.
    if (status.kind === 'children' && status.failedBefore !== undefined) return;
    const next = procedure.children.values();
    const some = (): void => {
      if (this.#core.isStopped) return;
      for (let count = 0; count < procedureStride; count++) {
        const child = next.next();
        if (child.done === true) return;
        this.cancel(child.value);
      }
      this.#core.clock.nextTurn(some);
    };
    some();
  }

  #runRollback(procedure: Procedure): void {
    const { record } = procedure;
    const type = typeOf(procedure);
    const { status } = record;
    if (status.kind === 'children' && status.failedBefore !== undefined) {
      if (record.childrenFailed <= status.failedBefore) {
        this.#ledger.transact((_tx, draft) => undone(this.#core, draft, procedure));
        return;
      }
      if (procedure.attempt === 1) {
        throw new CadastreError('procedure-failed', 'a child that undoes a step has failed', {
          nextStep: 'look at the child; the undo is tried again',
        });
      }
    }
    const name = record.executed.at(-1);
    const undo = name === undefined ? 'none' : type.steps.get(name)?.undo;
    if (undo === undefined) {
      throw new CadastreError('internal', `${procedure.title} has no step '${name}' to undo`, {
        nextStep: 'start the version that wrote it, or bypass it',
      });
    }
    const run = new ProcedureRun(this.#core, procedure, type, name ?? record.step, undefined);
    if (typeof undo !== 'object') {
      this.#commitUndo(procedure, undo, run);
      return;
    }
    this.#runAsync(
      procedure,
      type,
      () => undo.before(run),
      () => this.#commitUndo(procedure, undo.commit ?? 'none', run),
      (error) => this.#waits.backOff(procedure, asCadastreError(error)),
    );
  }

  #commitUndo(
    procedure: Procedure,
    undo: Exclude<Undo<ProcedureRun, unknown>, object> | UndoCommit,
    run: ProcedureRun,
  ): void {
    this.#ledger.transact((tx, draft) => {
      const next = typeof undo === 'function' ? undo(run, tx) : undefined;
      // An arrow function may return anything where nothing is asked for.
      if (next?.kind !== 'undo-children') undone(this.#core, draft, procedure);
      else undoInChildren(this.#core, draft, procedure, next.specs);
    });
  }

  /** Runs an async part: counted, shown as overdue when it takes long, abandoned by `runToken`. */
  #runAsync<T>(
    procedure: Procedure,
    type: ProcedureType<unknown>,
    part: () => Promise<T>,
    onDone: (prepared: T) => void,
    onError: (error: unknown) => void,
  ): void {
    const core = this.#core;
    const { priority } = procedure;
    if (this.#running[priority] >= runningMax) {
      procedure.attempt--;
      core.setReason(procedure, 'place');
      core.withoutPlace[priority].add(procedure);
      return;
    }
    core.setReason(procedure, 'running');
    const token = ++procedure.runToken;
    this.#running[priority]++;
    const overdue = core.clock.timer(type.overdueMs, () => {
      procedure.log.warn('step is overdue', {
        step: procedure.record.step,
        afterMs: type.overdueMs,
      });
    });
    const conclude = (act: () => void): void => {
      overdue.cancel();
      this.#leave(priority);
      if (procedure.runToken !== token || core.isStopped) return;
      procedure.abort = undefined;
      try {
        act();
      } catch (error) {
        this.#waits.backOff(procedure, asCadastreError(error));
      }
    };
    // Resolving with it contains what throws at once or is no promise (L10).
    new Promise<T>((resolve) => resolve(part())).then(
      (prepared) => conclude(() => onDone(prepared)),
      (error: unknown) => conclude(() => onError(error)),
    );
  }

  #leave(priority: Priority): void {
    this.#running[priority]--;
    for (const next of this.#core.withoutPlace[priority]) {
      this.#core.withoutPlace[priority].delete(next);
      this.#core.enqueue(next);
      break;
    }
    if (!this.#isIdle()) return;
    for (const done of this.#idle.splice(0)) done();
  }

  #isIdle(): boolean {
    return priorities.every((priority) => this.#running[priority] === 0);
  }
}

type UndoCommit = Extract<Undo<ProcedureRun, unknown>, (...args: never) => unknown>;

/** It has never run a step, in this life or an earlier one. */
function isNeverRun(procedure: Procedure): boolean {
  return !procedure.record.holdsLocks && procedure.attempt === 0 && !procedure.isLoaded;
}

function cancelled(procedure: Procedure): CadastreError {
  return new CadastreError('procedure-cancelled', `${procedure.title} was cancelled`, {
    nextStep: 'submit it again if that was not intended',
  });
}
