// Procedures as plain data for operators: one, a page of many, a tree.

import type { CadastreError } from '../base/errors.js';
import type { ProcedureId } from '../base/ids.js';
import type { Core } from './core.js';
import { pageMax } from './limits.js';
import { formatLock } from './lock-request.js';
import type { Procedure } from './procedure.js';
import type { ProcedureRecord } from './record.js';
import type { Results } from './results.js';
import { describeWait } from './story.js';
import type {
  ErrorView,
  ProcedureFilter,
  ProcedurePage,
  ProcedureTree,
  ProcedureView,
} from './views.js';

const pageDefault = 100;

export function showProcedure(core: Core, procedure: Procedure): ProcedureView {
  const { record, reason } = procedure;
  const error = procedure.lastError ?? record.error;
  const overdueMs = procedure.type?.overdueMs ?? Infinity;
  return {
    ...showRecord(procedure.id, record),
    about: procedure.about,
    phase: procedure.quarantine === undefined ? record.phase : 'quarantined',
    reason: procedure.isEnded ? undefined : reason,
    waitsFor: procedure.isEnded ? undefined : waitsFor(procedure),
    since: procedure.since,
    attempt: procedure.attempt,
    nextRetryAt: procedure.nextRetryAt,
    isOverdue: reason === 'running' && core.clock.now() - procedure.since > overdueMs,
    priority: procedure.priority,
    error: error && showError(error),
    holdsLocks: procedure.needs.length > 0 && procedure.locksHeld === procedure.needs.length,
    childrenLive: procedure.children.size,
  };
}

/** What a row alone tells: all there is of an ended procedure. */
export function showRecord(id: ProcedureId, record: ProcedureRecord): ProcedureView {
  return {
    id,
    parent: record.parent,
    type: record.type,
    about: '',
    owner: record.owner,
    phase: record.phase,
    reason: undefined,
    waitsFor: undefined,
    since: record.endedAt,
    step: record.step,
    attempt: 0,
    nextRetryAt: undefined,
    isOverdue: false,
    isPaused: record.isPaused,
    isPastPointOfNoReturn: record.isPastPointOfNoReturn,
    priority: record.priority,
    error: record.error && showError(record.error),
    locks: record.locks,
    holdsLocks: false,
    childrenStarted: record.childrenStarted,
    childrenLive: 0,
    submittedAt: record.submittedAt,
    endedAt: record.endedAt === 0 ? undefined : record.endedAt,
    history: record.history,
  };
}

function showError({ code, message, nextStep }: CadastreError): ErrorView {
  return { code, message, nextStep };
}

/** In words, what has to happen before it goes on. */
export function waitsFor(procedure: Procedure): string | undefined {
  const { status } = procedure.record;
  switch (procedure.reason) {
    case 'lock': {
      const request = procedure.needs[procedure.locksHeld];
      return request && formatLock(request);
    }
    case 'children':
      return `${procedure.children.size} children`;
    case 'event':
    case 'report':
    case 'remote':
    case 'timer':
      return status.kind === 'wait' ? describeWait(status.on) : undefined;
    case 'back-off':
      return `its next attempt, after: ${procedure.lastError?.message ?? ''}`;
    case 'place':
      return 'a place for its async part';
    case 'running':
      return 'its own async part';
    case 'storing':
      return 'its record to be durable';
    case 'paused':
      return 'being resumed';
    case 'quarantined':
      return procedure.quarantine;
    case 'runnable':
      return 'its turn';
  }
}

export function listProcedures(
  core: Core,
  results: Results,
  filter: ProcedureFilter,
): ProcedurePage {
  const limit = Math.min(filter.limit ?? pageDefault, pageMax);
  const after = filter.after ?? -1;
  const ended = [...results.records()].filter(([id]) => id > after);
  ended.sort(([a], [b]) => a - b);
  const page: ProcedureView[] = [];
  let nextEnded = 0;
  const take = (view: ProcedureView): void => {
    if (matches(core, view, filter)) page.push(view);
  };
  const takeEndedBelow = (id: number): void => {
    for (let at = ended[nextEnded]; at !== undefined && at[0] < id; at = ended[++nextEnded]) {
      if (page.length > limit) return;
      take(showRecord(at[0], at[1]));
    }
  };
  for (const procedure of core.procedures.values()) {
    if (procedure.id <= after) continue;
    takeEndedBelow(procedure.id);
    if (page.length > limit) break;
    take(showProcedure(core, procedure));
  }
  takeEndedBelow(Infinity);
  const procedures = page.slice(0, limit);
  return { procedures, next: page.length > limit ? procedures.at(-1)?.id : undefined };
}

function matches(core: Core, view: ProcedureView, filter: ProcedureFilter): boolean {
  const { types, phases, reasons, parent, rootsOnly, owner, stuckForMs } = filter;
  if (types !== undefined && !types.includes(view.type)) return false;
  if (phases !== undefined && !phases.includes(view.phase)) return false;
  if (reasons !== undefined && (view.reason === undefined || !reasons.includes(view.reason))) {
    return false;
  }
  if (parent !== undefined && view.parent !== parent) return false;
  if (rootsOnly === true && view.parent !== undefined) return false;
  if (owner !== undefined && view.owner !== owner) return false;
  if (stuckForMs === undefined) return true;
  return view.endedAt === undefined && core.clock.now() - view.since >= stuckForMs;
}

/** The tree below `root`, cut after `limit` nodes. */
export function treeOf(core: Core, root: Procedure, limit: number): ProcedureTree {
  let left = Math.min(limit, pageMax);
  const node = (procedure: Procedure): ProcedureTree => {
    left--;
    const children: ProcedureTree[] = [];
    for (const child of procedure.children) {
      if (left <= 0) break;
      children.push(node(child));
    }
    const omitted = procedure.children.size - children.length;
    return { procedure: showProcedure(core, procedure), children, omitted };
  };
  return node(root);
}
