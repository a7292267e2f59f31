// The procedure engine, as the master uses it. `createProcedureEngine` in `engine.ts` makes one.
//
// Promises (tests cite them):
// 1. A step's transaction, its progress, its children, its lock changes and its parent's countdown
//    are one record (L1). Nothing is shown, sent or run on before that record is durable (L4).
// 2. A procedure never runs twice at once. Steps run at least once, transactions exactly once.
// 3. Every unfinished procedure has a recorded reason to wake; the auditor checks it (L7).
// 4. What cannot be decoded is quarantined with its locks and listed; the rest goes on (L10).

import type { CadastreError } from '../base/errors.js';
import type { Epoch, Incarnation, ProcedureId } from '../base/ids.js';
import type { Priority, ProcedureType } from './definition.js';
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
import type { Committed } from './store.js';

export interface SubmitOptions {
  /** Submitting again with the same nonce gives the first procedure; another request fails. */
  readonly nonce?: string;
  /** The user who asked. */
  readonly owner?: string;
}

/** What a procedure ended with. */
export type ProcedureResult =
  | { readonly kind: 'succeeded'; readonly result: Uint8Array }
  /** Undone, and why. */
  | { readonly kind: 'failed'; readonly error: CadastreError }
  /** An operator skipped the rest of it. */
  | { readonly kind: 'bypassed' };

export interface ProcedureSubmitter {
  /**
   * Fails with `nonce-reused` (another request had this nonce), `request-too-big`, or `bad-request`
   * for locks that do not fit.
   */
  submit<Input>(type: ProcedureType<Input>, input: Input, options?: SubmitOptions): ProcedureId;
}

export interface LoadReport {
  readonly unfinished: number;
  readonly ended: number;
  readonly quarantined: number;
}

/** An operation for a server, as it is sent. */
export interface RemoteOperation {
  readonly number: number;
  readonly procedure: ProcedureId;
  readonly parent: ProcedureId | undefined;
  /** 1 at first; rises with every sending. */
  readonly attempt: number;
  readonly kind: string;
  readonly body: Uint8Array;
}

export interface RemoteBatch {
  readonly epoch: Epoch;
  readonly server: Incarnation;
  /** Everything at or below is finished with: refuse it for ever, forget its results. */
  readonly floor: number;
  /** Numbers above the floor that are finished with too. */
  readonly voided: readonly number[];
  readonly operations: readonly RemoteOperation[];
}

/**
 * Delivers a batch; resolves when the server has taken it. Rejecting with `server-not-running` or
 * `call-queue-too-big` proves that nothing was executed; with anything else nothing is known, and
 * the same numbers are sent again.
 */
export type SendBatch = (batch: RemoteBatch) => Promise<void>;

export type RemoteOutcome =
  | { readonly kind: 'executed'; readonly body: Uint8Array }
  | { readonly kind: 'failed'; readonly error: CadastreError };

export interface ProcedureEngine<Tx> extends ProcedureOperator {
  /**
   * Reads all procedures, restores locks and nonces, quarantines what it cannot decode. Nothing runs
   * before `start`. `afterRestore` applies every type's `onRestore`.
   */
  load(options?: { readonly afterRestore?: boolean }): Promise<LoadReport>;
  /** Runs what is runnable. With `paused` everything stays paused until `resumeAll`. */
  start(options?: { readonly paused?: boolean }): void;
  /** Starts no more steps and waits for those under way. */
  drain(): Promise<void>;
  /** At once: async parts under way are told to give up, and what they return is ignored. */
  stop(): Promise<void>;

  submit<Input>(
    type: ProcedureType<Input>,
    input: Input,
    options?: SubmitOptions,
  ): Committed<ProcedureId>;
  /** A transaction of the caller's that also creates procedures, as one record. */
  transact<T>(body: (tx: Tx, procedures: ProcedureSubmitter) => T): Committed<T>;

  /**
   * A report for the procedure that waits for `key`. `taken` once durable means that the report is
   * not needed again: the following step has run (if it has no `before`, in the same record), or the
   * report is stored. `stale`: that procedure does not wait for it (never did, or no more).
   */
  deliver(id: ProcedureId, key: string, payload: Uint8Array): Committed<'taken' | 'stale'>;
  /** Wakes what waits for the event. Call it once what it tells of is durable. */
  signal(event: string): void;
  /**
   * Ends the procedure's wait or back-off with `signal`. While it runs the signal is kept for its
   * next wait. False if it is not there or has ended.
   */
  interrupt(id: ProcedureId, signal: string): boolean;

  /** The incarnation takes operations from now on. */
  serverJoined(server: Incarnation): void;
  /** Declared crashed or stopped: all its operations end at once with `server-died`. */
  serverDied(server: Incarnation): void;
  /**
   * A result from a server. Acknowledge it once this is durable if it was `taken` or is `stale`
   * (nobody needs it). `later`: neither is sure yet, so the server keeps it and reports it again.
   */
  remoteResult(
    server: Incarnation,
    number: number,
    outcome: RemoteOutcome,
  ): Committed<'taken' | 'stale' | 'later'>;
  /** The floor to answer a server's report of results with. */
  remoteFloor(server: Incarnation): number;

  /** Undefined while unfinished. Fails with `procedure-not-found` once forgotten. */
  result(id: ProcedureId): ProcedureResult | undefined;
  /** Calls `done` when it has ended, at once if it has. */
  whenEnded(id: ProcedureId, done: (result: ProcedureResult) => void): void;
  ended(id: ProcedureId): Promise<ProcedureResult>;
  /** The client has the result; it may be forgotten soon. */
  acknowledge(id: ProcedureId): void;
}

/** What operators do; all of it is safe while procedures run. */
export interface ProcedureOperator {
  /** Now, of what a bounded look sees: behind a filter that few match pages are short. */
  list(filter?: ProcedureFilter): ProcedurePage;
  /** As `list`, in as many turns as a full page takes. */
  find(filter: ProcedureFilter): Promise<ProcedurePage>;
  show(id: ProcedureId): ProcedureView;
  /** The whole tree that `id` belongs to, at most `limit` nodes (default 1,000). */
  tree(id: ProcedureId, limit?: number): ProcedureTree;
  /** Why it does not go on: who waits for whom, since when, the next retry, what one can do. */
  explain(id: ProcedureId): Explanation;
  /** One sentence for a client that has to wait for whoever holds this lock. */
  whoHolds(kind: LockView['kind'], name: string): string | undefined;
  /** The id of whoever holds this lock exclusively. */
  exclusiveHolder(kind: LockView['kind'], name: string): ProcedureId | undefined;
  /** A page of the locks that are held or waited for, each as it is when the page is made. */
  locks(filter?: LockFilter): Promise<LockPage>;
  /** Broken invariants that the auditor found, newest last, bounded. */
  faults(): readonly string[];

  cancel(id: ProcedureId): Committed<Verdict>;
  /** Ends its back-off. */
  retryNow(id: ProcedureId): Verdict;
  pause(id: ProcedureId): Committed<Verdict>;
  resume(id: ProcedureId): Committed<Verdict>;
  /** Until `resumeType` or a restart. */
  pauseType(type: string): void;
  resumeType(type: string): void;
  pauseAll(): void;
  resumeAll(): void;
  setPriority(id: ProcedureId, priority: Priority): Committed<Verdict>;
  bypassPlan(id: ProcedureId): BypassPlan;
  /**
   * Ends it as if done, skipping what `bypassPlan` says. `recursive` includes its children;
   * `override` also abandons an async part that is running.
   */
  bypass(
    id: ProcedureId,
    options?: { readonly recursive?: boolean; readonly override?: boolean },
  ): Committed<Verdict>;
}
