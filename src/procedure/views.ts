// What operators see of procedures: plain data, so that HTTP, CLI and console can pass it on.

import type { ProcedureId } from '../base/ids.js';
import type { Priority } from './definition.js';
import type { LockKind, LockMode } from './lock-request.js';

/** Why an unfinished procedure is not running now, or that it is (L7). */
export type WakeReason =
  | 'runnable'
  /** Its async part waits for one of the places for those of its priority. */
  | 'place'
  | 'running'
  | 'storing'
  | 'lock'
  | 'back-off'
  | 'timer'
  | 'children'
  | 'event'
  | 'report'
  | 'remote'
  | 'paused'
  | 'quarantined';

export type ProcedurePhase =
  'forward' | 'rolling-back' | 'succeeded' | 'failed' | 'bypassed' | 'quarantined';

export interface ErrorView {
  readonly code: string;
  readonly message: string;
  readonly nextStep: string | undefined;
}

/** One stay in a step. Times are wall-clock milliseconds. */
export interface StepTiming {
  readonly step: string;
  readonly isUndo: boolean;
  readonly startedAt: number;
  readonly endedAt: number;
}

export interface ProcedureView {
  readonly id: ProcedureId;
  readonly parent: ProcedureId | undefined;
  readonly type: string;
  /** The type's own line about the input. */
  readonly about: string;
  readonly owner: string;
  readonly phase: ProcedurePhase;
  /** Undefined once ended. */
  readonly reason: WakeReason | undefined;
  /** What exactly it waits for, in words. */
  readonly waitsFor: string | undefined;
  /** When the present reason began. */
  readonly since: number;
  readonly step: string;
  readonly attempt: number;
  /** When the back-off ends. */
  readonly nextRetryAt: number | undefined;
  /** Its async part runs longer than its type expects. */
  readonly isOverdue: boolean;
  readonly isPaused: boolean;
  readonly isPastPointOfNoReturn: boolean;
  readonly priority: Priority;
  /** The last failure of a step or undo, or what the procedure failed with. */
  readonly error: ErrorView | undefined;
  readonly locks: readonly {
    readonly kind: LockKind;
    readonly name: string;
    readonly mode: LockMode;
  }[];
  readonly holdsLocks: boolean;
  readonly childrenStarted: number;
  readonly childrenLive: number;
  readonly submittedAt: number;
  readonly endedAt: number | undefined;
  /** The last 32 steps. */
  readonly history: readonly StepTiming[];
}

export interface ProcedureFilter {
  readonly types?: readonly string[];
  readonly phases?: readonly ProcedurePhase[];
  readonly reasons?: readonly WakeReason[];
  readonly parent?: ProcedureId;
  readonly rootsOnly?: boolean;
  readonly owner?: string;
  /** In this reason for at least so long. */
  readonly stuckForMs?: number;
  /** Ids above this one; for the next page. */
  readonly after?: ProcedureId;
  /** Default 100, at most 1,000. */
  readonly limit?: number;
}

/** May hold fewer than the limit, even none, and still not be the last one. */
export interface ProcedurePage {
  readonly procedures: readonly ProcedureView[];
  /** Give it as `after` for the next page; undefined at the end. */
  readonly next: ProcedureId | undefined;
}

export interface ProcedureTree {
  readonly procedure: ProcedureView;
  readonly children: readonly ProcedureTree[];
  /** Children that did not fit the limit. */
  readonly omitted: number;
}

export interface Explanation {
  /** From the procedure asked about to the one that everything waits for; sentences. */
  readonly chain: readonly { readonly id: ProcedureId; readonly text: string }[];
  /** What an operator can do about it. */
  readonly advice: readonly string[];
}

export interface LockView {
  readonly kind: LockKind;
  readonly name: string;
  readonly mode: LockMode | 'free';
  /** At most 100. */
  readonly holders: readonly ProcedureId[];
  readonly holderCount: number;
  /** In the order they will get it, at most 100. */
  readonly waiters: readonly { readonly id: ProcedureId; readonly mode: LockMode }[];
  /** Counted up to 10,000. */
  readonly waiterCount: number;
}

export interface LockFilter {
  readonly kinds?: readonly LockKind[];
  /** Only locks that somebody waits for. */
  readonly contendedOnly?: boolean;
  /** Locks after this one, in the order of kinds and then of names; for the next page. */
  readonly after?: { readonly kind: LockKind; readonly name: string };
  /** Default 100, at most 1,000. */
  readonly limit?: number;
}

export interface LockPage {
  readonly locks: readonly LockView[];
  /** Give it as `after` for the next page; undefined at the end. */
  readonly next: { readonly kind: LockKind; readonly name: string } | undefined;
}

/** What became of an operator's request; `refused` says why. */
export type Verdict =
  | { readonly kind: 'done'; readonly text: string }
  | { readonly kind: 'refused'; readonly reason: string };

export interface BypassPlan {
  readonly id: ProcedureId;
  readonly text: readonly string[];
  readonly needsRecursive: boolean;
  readonly needsOverride: boolean;
  readonly isPossible: boolean;
}
