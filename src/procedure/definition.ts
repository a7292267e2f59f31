// How a procedure type is declared: on one screen, so that a reader sees its steps, its locks, what
// undoes what, and where the point of no return is.
//
//   const define = procedureDefiner<MasterContext, Transaction>();
//   export const DropTable = define({
//     type: 'DropTable', version: 1, onRestore: 'resume', priority: 'table',
//     input: dropTableInput, state: noState, initial: () => undefined,
//     locks: ({ table }) => [lockTable(table, 'exclusive')], group: ({ table }) => format(table),
//     first: 'prepare',
//     steps: {
//       prepare: { commit: (run, tx) => …step('drop'), undo: 'none' },
//       drop: { commit: (run, tx) => …step('clean'), undo: 'point-of-no-return' },
//     },
//     finalSteps: { clean: { commit: (run, tx) => done() } },
//   });
//
// The compiler asks for `undo` of everything in `steps` and refuses it in `finalSteps`. Steps read
// best as named functions below the declaration; where a type has only `finalSteps` it must be so, as
// nothing else there tells the compiler the steps' names.

import { assert } from '../base/assert.js';
import type { CadastreError } from '../base/errors.js';
import type { ProcedureId } from '../base/ids.js';
import type { Clock } from '../world/clock.js';
import type { Logger } from '../world/log.js';
import type { Codec } from './codec.js';
import type { LockRequest } from './lock-request.js';
import type { ChildFailure, ChildSpec, Next, Reply } from './next.js';

/** Shares of the scheduler, by weight and not strictly, so that nothing starves. */
export const priorities = ['crash', 'region', 'table', 'background'] as const;
export type Priority = (typeof priorities)[number];

/** What becomes of an unfinished procedure in a restored system (page 2). */
export type OnRestore =
  /** Goes on. */
  | 'resume'
  /** Is cancelled: rolled back, or finished if past its point of no return. */
  | 'abort'
  /** Vanishes without undo, with its children. */
  | 'drop';

/** What became of a procedure's children. At most 1,000 outcomes with content are kept. */
export interface ChildOutcomes {
  /** Ever started. */
  readonly started: number;
  /** Unfinished now. */
  readonly live: number;
  readonly failed: number;
  readonly firstFailure: ChildFailure | undefined;
  /** Outcomes kept (failures and results that are not empty), oldest id first, a page at a time. */
  page(after: ProcedureId | undefined, limit: number): readonly ChildOutcome[];
}

export type ChildOutcome =
  | { readonly id: ProcedureId; readonly kind: 'succeeded'; readonly result: Uint8Array }
  | { readonly id: ProcedureId; readonly kind: 'failed'; readonly error: CadastreError };

/** What a step is given. */
export interface StepRun<Input, State, Context> {
  readonly id: ProcedureId;
  readonly parent: ProcedureId | undefined;
  readonly owner: string;
  readonly step: string;
  readonly input: Input;
  readonly state: State;
  readonly context: Context;
  /** How the wait before this step ended; undefined if there was none. Kept through retries. */
  readonly reply: Reply | undefined;
  readonly children: ChildOutcomes;
  /** 1 at first, then rises with each retry of this step; 1 again after a restart. */
  readonly attempt: number;
  /** Why it is being rolled back; undefined on the way forward. */
  readonly failure: CadastreError | undefined;
  readonly clock: Clock;
  /** Carries `pid` and `ppid`. */
  readonly log: Logger;
  /** Aborts when the procedure shall stop: a `before` that can give up early should. */
  readonly signal: AbortSignal;
}

/**
 * One step. It is run at least once: what `before` does must be safe to do twice.
 *
 * Throwing is a retry with backoff, except for a CadastreError of kind `fix-request` or `give-up`
 * (other than `internal`) before the point of no return: that fails the procedure.
 */
interface StepParts<Run, Tx, Name extends string, State, Prepared> {
  /** Idempotent effects outside the catalog, and reads that must wait. */
  readonly before?: (run: Run) => Promise<Prepared>;
  /**
   * Synchronous: checks preconditions on the tail, writes the transaction, says what is next. All
   * or nothing: if it throws, nothing is written. Annotate `prepared` where there is a `before`.
   */
  readonly commit: (run: Run, tx: Tx, prepared: Prepared) => Next<NoInfer<Name>, NoInfer<State>>;
}

/** What undoing may need beyond its transaction: children whose end completes it. */
export interface UndoWithChildren {
  readonly kind: 'undo-children';
  readonly specs: readonly ChildSpec[];
}

/** Undoes by running children. If one of them fails, the undo is tried again. */
export function undoChildren(specs: readonly ChildSpec[]): UndoWithChildren {
  return { kind: 'undo-children', specs };
}

export type UndoFunction<Run, Tx> = (run: Run, tx: Tx) => UndoWithChildren | void;

/** `none`: the step leaves nothing to undo. */
export type Undo<Run, Tx> =
  | 'none'
  | 'point-of-no-return'
  | UndoFunction<Run, Tx>
  | {
      /** Idempotent effects outside the catalog, such as removing what was written. */
      readonly before: (run: Run) => Promise<void>;
      readonly commit?: UndoFunction<Run, Tx>;
    };

type ReversibleStep<Run, Tx, Name extends string, State, Prepared> = StepParts<
  Run,
  Tx,
  Name,
  State,
  Prepared
> & { readonly undo: Undo<Run, Tx> };

type FinalStep<Run, Tx, Name extends string, State, Prepared> = StepParts<
  Run,
  Tx,
  Name,
  State,
  Prepared
> & { readonly undo?: never };

type Names<Steps, FinalSteps> = (keyof Steps | keyof FinalSteps) & string;

export interface Definition<Input, State, Context, Tx, Steps, FinalSteps> {
  /** Written in records: never renamed. */
  readonly type: string;
  /** Of the input and state codecs; raised when their bytes change. */
  readonly version: number;
  readonly input: Codec<Input>;
  readonly state: Codec<State>;
  readonly initial: (input: Input) => State;
  readonly onRestore: OnRestore;
  readonly priority: Priority;
  /** Acquired before the first step, held to the end, inherited by children. */
  readonly locks: (input: Input) => readonly LockRequest[];
  /** Procedures of one group take turns with those of others: the table's name, or ''. */
  readonly group: (input: Input) => string;
  /** One line for lists and logs, such as the table's name. */
  readonly describe?: (input: Input) => string;
  readonly first: NoInfer<Names<Steps, FinalSteps>>;
  /** An async part running longer is shown as overdue; default 60,000. */
  readonly overdueMs?: number;
  /**
   * Steps that can be undone, and at most one that is the point of no return. A procedure that cannot
   * be undone at all has only `finalSteps`.
   */
  readonly steps?: {
    readonly [K in keyof Steps]: ReversibleStep<
      StepRun<Input, State, Context>,
      Tx,
      Names<Steps, FinalSteps>,
      State,
      Steps[K]
    >;
  };
  /** Steps after the point of no return: they are retried until they succeed. */
  readonly finalSteps?: {
    readonly [K in keyof FinalSteps]: FinalStep<
      StepRun<Input, State, Context>,
      Tx,
      Names<Steps, FinalSteps>,
      State,
      FinalSteps[K]
    >;
  };
}

/** One step with its types erased, as the engine runs it. */
export interface RunnableStep {
  readonly name: string;
  readonly isFinal: boolean;
  readonly before: ((run: StepRun<unknown, unknown, unknown>) => Promise<unknown>) | undefined;
  readonly commit: (
    run: StepRun<unknown, unknown, unknown>,
    tx: unknown,
    prepared: unknown,
  ) => Next<string, unknown>;
  readonly undo: Undo<StepRun<unknown, unknown, unknown>, unknown>;
}

/** A declared type. `Input` is what is submitted. */
export interface ProcedureType<Input> {
  readonly type: string;
  readonly version: number;
  readonly input: Codec<Input>;
  readonly state: Codec<unknown>;
  readonly onRestore: OnRestore;
  readonly priority: Priority;
  readonly first: string;
  readonly overdueMs: number;
  readonly steps: ReadonlyMap<string, RunnableStep>;
  // Methods, not properties: a type of any input is a `ProcedureType<unknown>` to the engine, which
  // only ever gives it what its own codec decoded.
  initial(input: Input): unknown;
  locks(input: Input): readonly LockRequest[];
  group(input: Input): string;
  describe(input: Input): string;
}

const overdueMsDefault = 60_000;

/**
 * The function that declares types for one `Context` (the services steps use) and one `Tx` (what
 * their transactions write). Throws {@link AssertionFailure} for a contradictory declaration.
 */
export function procedureDefiner<Context, Tx>() {
  return <Input, State, Steps = object, FinalSteps = object>(
    definition: Definition<Input, State, Context, Tx, Steps, FinalSteps>,
  ): ProcedureType<Input> => {
    const { type, first } = definition;
    const steps = new Map<string, RunnableStep>();
    addSteps(steps, definition.steps ?? {}, false);
    addSteps(steps, definition.finalSteps ?? {}, true);
    const all = [...steps.values()];
    assert(steps.has(first), `${type}: there is no first step '${first}'`);
    assert(
      all.filter((step) => step.undo === 'point-of-no-return' && !step.isFinal).length <= 1,
      `${type}: one point of no return at most`,
    );
    return {
      type,
      version: definition.version,
      input: definition.input,
      state: definition.state,
      onRestore: definition.onRestore,
      priority: definition.priority,
      first,
      overdueMs: definition.overdueMs ?? overdueMsDefault,
      steps,
      initial: definition.initial,
      locks: definition.locks,
      group: definition.group,
      describe: definition.describe ?? (() => ''),
    };
  };
}

function addSteps(into: Map<string, RunnableStep>, steps: object, isFinal: boolean): void {
  for (const [name, parts] of Object.entries(steps)) {
    assert(!into.has(name), `step '${name}' is declared once`);
    // The definition's own type checked the parts; here their types are erased on purpose.
    const { before, commit, undo } = parts as Omit<RunnableStep, 'name' | 'isFinal'>;
    into.set(name, {
      name,
      isFinal,
      before,
      commit,
      undo: isFinal ? 'point-of-no-return' : undo,
    });
  }
}
