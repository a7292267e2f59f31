// From what a step returned to the records that say so: pure planning into a draft, inside the step's
// own transaction. Throwing here fails the transaction whole, so nonsense leaves no trace (L10).

import { CadastreError } from '../base/errors.js';
import type { Core } from './core.js';
import { priorities } from './definition.js';
import type { Priority, ProcedureType, RunnableStep } from './definition.js';
import { isOutcomeKept } from './ledger.js';
import type { Draft } from './ledger.js';
import { childrenPerRecordMax, historyMax } from './limits.js';
import { normalizeLocks } from './lock-request.js';
import type { LockRequest } from './lock-request.js';
import type { ChildSpec, Next, WaitFor } from './next.js';
import { lockConflict } from './procedure.js';
import type { Procedure } from './procedure.js';
import { copyRecord, noBytes, withChanges } from './record.js';
import type { NextRecord, ProcedureRecord, Status, StoredPhase, StoredWait } from './record.js';
import type { StepTiming } from './views.js';

const ready: Status = { kind: 'ready', reply: undefined };
const ended: Status = { kind: 'ended' };
const noSteps: readonly string[] = [];
const noLocks: readonly LockRequest[] = [];

/** The row of a new procedure. */
export function createProcedure(
  core: Core,
  draft: Draft,
  typeName: string,
  inputBytes: Uint8Array,
  from: { readonly parent?: Procedure; readonly owner: string; readonly nonce: string },
): Procedure {
  const type = core.types.get(typeName);
  if (type === undefined) {
    throw new CadastreError('internal', `procedures of type ${typeName} are not registered`, {
      nextStep: 'give the type to the engine when it is made',
    });
  }
  // Decoded from its bytes, as after a restart.
  const input = type.input.decode(inputBytes, type.version);
  const locks = normalizeLocks(type.locks(input));
  const { parent } = from;
  const conflict = parent && lockConflict(locks, parent);
  if (conflict !== undefined) {
    throw new CadastreError('internal', `${type.type} cannot be a child here: ${conflict}`, {
      nextStep: 'lock less in the child, or more in its parent',
    });
  }
  const now = core.clock.now();
  const record: ProcedureRecord = {
    type: type.type,
    version: type.version,
    parent: parent?.id,
    owner: from.owner,
    nonce: from.nonce,
    phase: 'forward',
    step: type.first,
    input: inputBytes,
    state: type.state.encode(type.initial(input)),
    executed: noSteps,
    status: ready,
    locks,
    holdsLocks: false,
    isPastPointOfNoReturn: type.steps.get(type.first)?.isFinal === true,
    error: undefined,
    errorOrigin: '',
    result: noBytes,
    isPaused: false,
    isCancelRequested: false,
    priority: parent === undefined ? type.priority : higher(type.priority, parent.record.priority),
    submittedAt: now,
    stepSince: now,
    endedAt: 0,
    history: [],
    childrenStarted: 0,
    childrenFailed: 0,
  };
  return draft.create(record, type, input, parent);
}

/** Children of a crash's recovery are as urgent as it is. */
function higher(a: Priority, b: Priority): Priority {
  return priorities.indexOf(a) <= priorities.indexOf(b) ? a : b;
}

/** The procedure's next record after `step` returned `next`. */
export function advance(
  core: Core,
  draft: Draft,
  procedure: Procedure,
  step: RunnableStep,
  next: Next<string, unknown>,
): void {
  if (!isNext(next)) throw nonsense(procedure, step, `returned ${JSON.stringify(next)}`);
  const current = draft.current(procedure);
  const isPast = current.isPastPointOfNoReturn || step.undo === 'point-of-no-return';
  const record = copyRecord(current);
  record.holdsLocks = true;
  record.isPastPointOfNoReturn = isPast;
  record.executed = isPast ? noSteps : withStep(current.executed, step);
  endStep(core, record, step.name, false);
  record.error = undefined;
  record.errorOrigin = '';
  if (next.kind === 'done') {
    if (procedure.children.size > 0) throw nonsense(procedure, step, 'ended before its children');
    record.result = next.result ?? noBytes;
    end(core, draft, procedure, record, 'succeeded');
    return;
  }
  if (next.kind === 'failed') {
    if (isPast) throw nonsense(procedure, step, 'failed past its point of no return', next.error);
    rollBack(core, draft, procedure, record, next.error);
    return;
  }
  checkTarget(procedure, step, next.step, isPast);
  if ('state' in next) record.state = typeOf(procedure).state.encode(next.state);
  record.step = next.step;
  switch (next.kind) {
    case 'step':
      record.status = ready;
      draft.progress(procedure, record);
      return;
    case 'wait':
      record.status = { kind: 'wait', on: stored(draft, procedure, step, next.on) };
      draft.progress(procedure, record);
      return;
    case 'children':
      record.childrenStarted += next.specs.length;
      record.status = { kind: 'children', atMost: next.atMost, failedBefore: undefined };
      draft.progress(procedure, record);
      startChildren(core, draft, procedure, next.specs);
      return;
  }
}

/**
 * The record that begins a rollback, or ends it where there is nothing to undo. `record` is what it
 * starts from.
 */
export function rollBack(
  core: Core,
  draft: Draft,
  procedure: Procedure,
  record: NextRecord,
  error: CadastreError,
): void {
  record.phase = 'rolling-back';
  record.error = error;
  record.errorOrigin = `${record.type} pid=${procedure.id} step ${record.step}`;
  if (procedure.children.size > 0) {
    // They end first: cancelled, or finished where they cannot be.
    record.status = { kind: 'children', atMost: 0, failedBefore: undefined };
    draft.progress(procedure, record);
  } else continueRollback(core, draft, procedure, record);
}

/** The undo of the last executed step is done. */
export function undone(core: Core, draft: Draft, procedure: Procedure): void {
  const current = draft.current(procedure);
  const name = current.executed.at(-1) ?? '';
  const record = copyRecord(current);
  record.executed = current.executed.slice(0, -1);
  endStep(core, record, name, true);
  continueRollback(core, draft, procedure, record);
}

/** The undo of the last executed step goes on in children. */
export function undoInChildren(
  core: Core,
  draft: Draft,
  procedure: Procedure,
  specs: readonly ChildSpec[],
): void {
  const current = draft.current(procedure);
  const record = copyRecord(current);
  record.childrenStarted += specs.length;
  record.status = { kind: 'children', atMost: 0, failedBefore: current.childrenFailed };
  draft.progress(procedure, record);
  startChildren(core, draft, procedure, specs);
}

function continueRollback(
  core: Core,
  draft: Draft,
  procedure: Procedure,
  record: NextRecord,
): void {
  if (record.executed.length === 0) {
    end(core, draft, procedure, record, 'failed');
    return;
  }
  record.status = ready;
  draft.progress(procedure, record);
}

/** The last record: what nobody needs any more is left out of it. */
export function end(
  core: Core,
  draft: Draft,
  procedure: Procedure,
  record: NextRecord,
  phase: Extract<StoredPhase, 'succeeded' | 'failed' | 'bypassed'>,
): void {
  record.phase = phase;
  record.status = ended;
  record.state = noBytes;
  record.executed = noSteps;
  record.holdsLocks = false;
  record.locks = noLocks;
  record.endedAt = core.clock.now();
  for (const id of procedure.outcomes.keys()) draft.delete(id);
  const { parent } = procedure;
  if (parent === undefined) {
    draft.end(procedure, record, record.parent === undefined);
    return;
  }
  draft.end(procedure, record, isOutcomeKept(record, parent));
  if (phase !== 'failed' || parent.isUnreadable) return;
  const ofParent = draft.current(parent);
  draft.touch(parent, withChanges(ofParent, { childrenFailed: ofParent.childrenFailed + 1 }));
}

function startChildren(
  core: Core,
  draft: Draft,
  procedure: Procedure,
  specs: readonly ChildSpec[],
): void {
  if (specs.length > childrenPerRecordMax) {
    throw new CadastreError(
      'internal',
      `${procedure.title} starts ${specs.length} children in one record; ${childrenPerRecordMax} are allowed`,
      { nextStep: 'keep a cursor in its state and start them window by window' },
    );
  }
  const { owner } = procedure.record;
  for (const { type, input } of specs) {
    createProcedure(core, draft, type, input, { parent: procedure, owner, nonce: '' });
  }
}

/** The step is now one to undo, once. */
export function withStep(executed: readonly string[], step: RunnableStep): readonly string[] {
  if (step.undo === 'none' || step.undo === 'point-of-no-return') return executed;
  return executed.includes(step.name) ? executed : [...executed, step.name];
}

/** Notes in `record` that `step`, or its undo, ends now and what follows begins. */
function endStep(core: Core, record: NextRecord, step: string, isUndo: boolean): void {
  const now = core.clock.now();
  const timing: StepTiming = { step, isUndo, startedAt: record.stepSince, endedAt: now };
  const { history } = record;
  const kept = history.length < historyMax ? history : history.slice(1 - historyMax);
  // Not spread into a literal, which takes room for sixteen more.
  record.history = kept.concat([timing]);
  record.stepSince = now;
}

/** Past the point of no return there is no way back among the steps that could be undone. */
function checkTarget(
  procedure: Procedure,
  step: RunnableStep,
  name: string,
  isPast: boolean,
): void {
  const target = typeOf(procedure).steps.get(name);
  if (target === undefined) throw nonsense(procedure, step, `goes to '${name}', which is no step`);
  if (target.isFinal && !isPast) {
    throw nonsense(procedure, step, `goes to '${name}' without passing a point of no return`);
  }
  if (isPast && target.undo !== 'point-of-no-return') {
    throw nonsense(procedure, step, `goes back to '${name}' past its point of no return`);
  }
}

function stored(
  draft: Draft,
  procedure: Procedure,
  step: RunnableStep,
  { remote, ...others }: WaitFor,
): StoredWait {
  const on: StoredWait = remote
    ? { ...others, remote: { ...remote, number: draft.allocateNumber() } }
    : others;
  if (Object.keys(on).length === 0) throw nonsense(procedure, step, 'waits for nothing');
  return on;
}

/** The type of a procedure that runs: quarantined ones do not. */
export function typeOf(procedure: Procedure): ProcedureType<unknown> {
  if (procedure.type !== undefined) return procedure.type;
  throw new CadastreError('internal', `${procedure.title} is quarantined and cannot run`);
}

const nextKinds: ReadonlySet<unknown> = new Set(['step', 'children', 'wait', 'done', 'failed']);

/** Steps are compiled against the types, but a cast or plain JavaScript may still return anything. */
function isNext(value: unknown): value is Next<string, unknown> {
  return (
    typeof value === 'object' && value !== null && 'kind' in value && nextKinds.has(value.kind)
  );
}

function nonsense(
  procedure: Procedure,
  step: RunnableStep,
  what: string,
  cause?: unknown,
): CadastreError {
  return new CadastreError('internal', `step '${step.name}' of ${procedure.title} ${what}`, {
    nextStep: 'this is a fault in Cadastre: report it with the procedure exported',
    cause,
  });
}
