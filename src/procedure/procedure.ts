// A live procedure: its newest row (the tail's) and what only memory knows of it.
//
// Invariants:
// 1. `reason` is what will make it go on (L7), and the registry it names really holds it.
// 2. It runs at most once at a time: only what is `runnable` is polled, and a step that is under way
//    is `running` or `storing` (race P3).

import type { CadastreError } from '../base/errors.js';
import type { ProcedureId } from '../base/ids.js';
import type { Timer } from '../world/clock.js';
import type { Logger } from '../world/log.js';
import type { ChildOutcome, Priority, ProcedureType } from './definition.js';
import type { Lock, LockOwner } from './lock-table.js';
import { compareLocks, formatLock } from './lock-request.js';
import type { LockRequest } from './lock-request.js';
import type { Reply } from './next.js';
import type { ProcedureRecord } from './record.js';
import type { Schedulable } from './scheduler.js';
import type { WakeReason } from './views.js';

export type ChangeKind =
  /** A new procedure. */
  | 'create'
  /** Its own next record: it goes on from there. */
  | 'progress'
  /** A property of it; what it does or waits for stays. */
  | 'touch'
  | 'end';

/** What an open transaction makes of a procedure (ledger.ts). */
export interface PendingChange {
  kind: ChangeKind;
  record: ProcedureRecord;
}

const noChildren: ReadonlySet<Procedure> = new Set();
const noOutcomes: ReadonlyMap<ProcedureId, ChildOutcome> = new Map();

export class Procedure implements Schedulable, LockOwner {
  readonly id: ProcedureId;
  /** Undefined if it is quarantined for its type. */
  readonly type: ProcedureType<unknown> | undefined;
  readonly parent: Procedure | undefined;
  readonly input: unknown;
  readonly group: string;
  readonly needs: readonly LockRequest[];
  /** Not this procedure's: a line about it names it. */
  readonly rootLog: Logger;
  record: ProcedureRecord;
  /** What the transaction that is open makes of it. */
  change: PendingChange | undefined;

  // Most procedures never have children: what holds them is made for the first.
  #children: Set<Procedure> | undefined;
  #outcomes: Map<ProcedureId, ChildOutcome> | undefined;
  #log: Logger | undefined;

  reason: WakeReason = 'storing';
  /** Wall clock, when `reason` began. */
  since = 0;
  /** Why it cannot run at all; undefined unless quarantined. */
  quarantine: string | undefined;
  /** Not even its row could be read: nothing may be written over it. */
  isUnreadable = false;
  /** It was there when the engine started: it may have run before. */
  isLoaded = false;

  priority: Priority;
  hasBegun: boolean;
  isQueued = false;
  nextQueued: Schedulable | undefined;

  locksHeld = 0;
  locks: Lock[] | undefined;
  isWaitingForLock = false;
  nextWaiting: LockOwner | undefined;

  /** Runs of the present step or undo since it became current, or since the restart. */
  attempt = 0;
  lastError: CadastreError | undefined;
  nextRetryAt: number | undefined;
  timer: Timer | undefined;
  /** How the wait ended, for the step after it. */
  reply: Reply | undefined;
  /** The wait of the row is over, though the row still says that it waits. */
  isWoken = false;
  /** Came while it ran: ends its next wait. */
  pendingSignal: string | undefined;
  /** Raised to abandon the async part that is running. */
  runToken = 0;
  abort: AbortController | undefined;
  /** Records of its own handed over; the newest one's durability settles it. */
  sequence = 0;
  /** Of those, how many are not durable. */
  recordsInFlight = 0;

  constructor(
    id: ProcedureId,
    record: ProcedureRecord,
    type: ProcedureType<unknown> | undefined,
    input: unknown,
    parent: Procedure | undefined,
    rootLog: Logger,
  ) {
    this.id = id;
    this.record = record;
    this.type = type;
    this.input = input;
    this.parent = parent;
    this.rootLog = rootLog;
    this.needs = withoutInherited(record.locks, parent);
    this.priority = record.priority;
    this.hasBegun = record.holdsLocks;
    this.group = type?.group(input) ?? '';
  }

  /** Carries `pid` and `ppid`. Made when it is asked for: it costs as much as storing a step. */
  get log(): Logger {
    this.#log ??= this.rootLog.with({ pid: this.id, ppid: this.record.parent });
    return this.#log;
  }

  /** Unfinished children, the tail's. */
  get children(): ReadonlySet<Procedure> {
    return this.#children ?? noChildren;
  }

  /** What is kept of ended children, the tail's. */
  get outcomes(): ReadonlyMap<ProcedureId, ChildOutcome> {
    return this.#outcomes ?? noOutcomes;
  }

  addChild(child: Procedure): void {
    this.#children ??= new Set();
    this.#children.add(child);
  }

  removeChild(child: Procedure): void {
    this.#children?.delete(child);
  }

  keepOutcome(outcome: ChildOutcome): void {
    this.#outcomes ??= new Map();
    this.#outcomes.set(outcome.id, outcome);
  }

  get isForward(): boolean {
    return this.record.phase === 'forward';
  }

  get isEnded(): boolean {
    return this.record.status.kind === 'ended';
  }

  /** It stands in a wait that a reply can end. */
  get isWaiting(): boolean {
    return this.record.status.kind === 'wait' && !this.isWoken;
  }

  /** What it is doing, for a sentence: `AssignRegion t1 (pid=12), step dispatch`. */
  get title(): string {
    const about = this.about === '' ? '' : ` ${this.about}`;
    return `${this.record.type}${about} (pid=${this.id})`;
  }

  get about(): string {
    return this.quarantine === undefined ? (this.type?.describe(this.input) ?? '') : '';
  }
}

/** The locks that no ancestor holds. */
function withoutInherited(
  locks: readonly LockRequest[],
  parent: Procedure | undefined,
): readonly LockRequest[] {
  if (parent === undefined || !locks.some((request) => isInherited(request, parent))) return locks;
  return locks.filter((request) => !isInherited(request, parent));
}

/**
 * Why a child with these locks could wait for ever, if it could: it must not upgrade what an ancestor
 * holds, and asks only for what comes after all that its ancestors hold (race P12).
 */
export function lockConflict(locks: readonly LockRequest[], parent: Procedure): string | undefined {
  for (const request of withoutInherited(locks, parent)) {
    for (let at: Procedure | undefined = parent; at !== undefined; at = at.parent) {
      const last = at.record.locks.at(-1);
      if (last === undefined || compareLocks(request, last) > 0) continue;
      return `the lock '${formatLock(request)}' does not come after '${formatLock(last)}' of ${at.title}`;
    }
  }
  return undefined;
}

function isInherited(request: LockRequest, from: Procedure): boolean {
  for (let at: Procedure | undefined = from; at !== undefined; at = at.parent) {
    if (at.record.locks.some((held) => covers(held, request))) return true;
  }
  return false;
}

function covers(held: LockRequest, request: LockRequest): boolean {
  if (compareLocks(held, request) !== 0) return false;
  return held.mode === 'exclusive' || request.mode === 'shared';
}
