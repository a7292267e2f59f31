// Procedures as plain data for operators: one, a page of many, a tree.

import type { CadastreError } from '../base/errors.js';
import type { ProcedureId } from '../base/ids.js';
import type { Core } from './core.js';
import { lookedAtMax, pageMax, procedureStride } from './limits.js';
import { formatLock } from './lock-request.js';
import { Procedure } from './procedure.js';
import type { ProcedureRecord } from './record.js';
import type { Results } from './results.js';
import { describeWait } from './story.js';
import type {
  ErrorView,
  ProcedureFilter,
  ProcedurePage,
  ProcedurePhase,
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
    phase: phaseOf(procedure),
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

/**
 * In one turn, so it looks at a bounded number of procedures (L9): behind a filter that few match, a
 * page is short, and `next` says where to go on.
 */
export function listProcedures(
  core: Core,
  results: Results,
  filter: ProcedureFilter,
): ProcedurePage {
  const page = new Page(core, filter);
  let looked = 0;
  for (const [id, found] of inOrder(core, results)) {
    if (id <= page.after) continue;
    if (page.isFull || looked++ === lookedAtMax) return page.unfinished();
    page.take(id, found);
  }
  return page.finished();
}

/** A whole page, looked for in as many turns as it takes. What ends meanwhile may be missing. */
export async function findProcedures(
  core: Core,
  results: Results,
  filter: ProcedureFilter,
): Promise<ProcedurePage> {
  const page = new Page(core, filter);
  let looked = 0;
  for (const [id, found] of inOrder(core, results)) {
    if (++looked % procedureStride === 0) await core.clock.yield();
    if (id <= page.after) continue;
    if (page.isFull) return page.unfinished();
    page.take(id, found);
  }
  return page.finished();
}

class Page {
  readonly after: number;
  readonly #core: Core;
  readonly #filter: ProcedureFilter;
  readonly #limit: number;
  readonly #now: number;
  readonly #views: ProcedureView[] = [];
  #last: ProcedureId | undefined;

  constructor(core: Core, filter: ProcedureFilter) {
    this.after = filter.after ?? -1;
    this.#core = core;
    this.#filter = filter;
    this.#limit = Math.min(filter.limit ?? pageDefault, pageMax);
    this.#now = core.clock.now();
  }

  get isFull(): boolean {
    return this.#views.length === this.#limit;
  }

  take(id: ProcedureId, found: Procedure | ProcedureRecord): void {
    this.#last = id;
    if (!matches(found, this.#filter, this.#now)) return;
    const isLive = found instanceof Procedure;
    this.#views.push(isLive ? showProcedure(this.#core, found) : showRecord(id, found));
  }

  unfinished(): ProcedurePage {
    return { procedures: this.#views, next: this.#last };
  }

  finished(): ProcedurePage {
    return { procedures: this.#views, next: undefined };
  }
}

/** Unfinished ones, and the rows of those that ended, in order of ids. */
function* inOrder(
  core: Core,
  results: Results,
): IterableIterator<readonly [ProcedureId, Procedure | ProcedureRecord]> {
  const ended = [...results.records()].sort(([a], [b]) => a - b);
  let next = 0;
  for (const procedure of core.procedures.values()) {
    for (let at = ended[next]; at !== undefined && at[0] < procedure.id; at = ended[++next]) {
      yield at;
    }
    yield [procedure.id, procedure];
  }
  yield* ended.slice(next);
}

/** Before anything is made of it: most of a million do not match. */
function matches(
  found: Procedure | ProcedureRecord,
  filter: ProcedureFilter,
  now: number,
): boolean {
  const { types, phases, reasons, parent, rootsOnly, owner, stuckForMs } = filter;
  const live = found instanceof Procedure && !found.isEnded ? found : undefined;
  const record = found instanceof Procedure ? found.record : found;
  if (types !== undefined && !types.includes(record.type)) return false;
  if (parent !== undefined && record.parent !== parent) return false;
  if (rootsOnly === true && record.parent !== undefined) return false;
  if (owner !== undefined && record.owner !== owner) return false;
  if (phases !== undefined && !phases.includes(phaseOf(found))) return false;
  if (reasons !== undefined && (live === undefined || !reasons.includes(live.reason))) return false;
  if (stuckForMs === undefined) return true;
  return live !== undefined && now - live.since >= stuckForMs;
}

function phaseOf(found: Procedure | ProcedureRecord): ProcedurePhase {
  if (!(found instanceof Procedure)) return found.phase;
  return found.quarantine === undefined ? found.record.phase : 'quarantined';
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
