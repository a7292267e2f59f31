// What a step returns: what happens next. The engine writes it in the same record as the step's
// transaction (L1).

import type { CadastreError } from '../base/errors.js';
import type { Incarnation, ProcedureId } from '../base/ids.js';
import type { Codec } from './codec.js';

/** A child to start. Make it with {@link child}. */
export interface ChildSpec {
  readonly type: string;
  readonly input: Uint8Array;
}

/** An operation for one run of a region server; executed there at most once. */
export interface RemoteRequest {
  readonly server: Incarnation;
  /** What the server shall do; the engine does not look inside. */
  readonly kind: string;
  readonly body: Uint8Array;
}

/**
 * What a procedure waits for; the first to come ends the wait. With `remote` and `report` together
 * the report is what counts: the operation's own success ends nothing, its failure does.
 */
export interface WaitFor {
  readonly remote?: RemoteRequest;
  /** A report that `engine.deliver` brings under this key. */
  readonly report?: string;
  /** A name that `engine.signal` calls. A hint only: the next step must look for itself. */
  readonly event?: string;
  /** Ends the wait with `timeout`. Counted from the wait's start, and again after a restart. */
  readonly timeoutMs?: number;
}

/** How a wait ended, given to the step that follows it. */
export type Reply =
  /** The server executed the operation; its result. */
  | { readonly kind: 'remote'; readonly body: Uint8Array }
  /**
   * It did not succeed. `never` delivered is proof that no server executed it; `executed` means
   * that the server tried and this is its error.
   */
  | {
      readonly kind: 'remote-failed';
      readonly error: CadastreError;
      readonly delivered: 'never' | 'executed';
    }
  /** The incarnation was declared crashed (or is unknown); whether it executed is not known. */
  | { readonly kind: 'server-died'; readonly server: Incarnation }
  | { readonly kind: 'report'; readonly key: string; readonly payload: Uint8Array }
  | { readonly kind: 'event'; readonly event: string }
  | { readonly kind: 'timeout' }
  /** `engine.interrupt` was called, as a server crash does for the owners of its regions. */
  | { readonly kind: 'signal'; readonly signal: string }
  /** The master restarted during the wait: everything is tried at once (L7). */
  | { readonly kind: 'restart' };

/** A failure of a child, as its parent sees it. */
export interface ChildFailure {
  readonly id: ProcedureId;
  readonly error: CadastreError;
}

export type Next<Name extends string, State> =
  | { readonly kind: 'step'; readonly step: Name; readonly state?: State }
  | {
      readonly kind: 'children';
      readonly specs: readonly ChildSpec[];
      readonly step: Name;
      readonly atMost: number;
      readonly state?: State;
    }
  | { readonly kind: 'wait'; readonly on: WaitFor; readonly step: Name; readonly state?: State }
  | { readonly kind: 'done'; readonly result?: Uint8Array }
  | { readonly kind: 'failed'; readonly error: CadastreError };

/** Goes on with another step (or the same again). Without `state` the state stays as it is. */
export function step<const Name extends string>(name: Name): Next<Name, never>;
export function step<const Name extends string, State>(name: Name, state: State): Next<Name, State>;
export function step(name: string, ...state: readonly unknown[]): Next<string, unknown> {
  return { kind: 'step', step: name, ...stateOf(state) };
}

/**
 * Starts children (at most 1,000 at once) and goes on when at most `atMost` of this procedure's
 * children are unfinished (0 unless told). A fan-out too large for one record returns to its own
 * step with a cursor in its state and a window as `atMost`, and ends with `atMost` 0.
 * A child's failure does not end the parent: `run.children` tells the step, which decides.
 */
export function children<const Name extends string>(
  specs: readonly ChildSpec[],
  then: Name,
  options?: { readonly atMost?: number },
): Next<Name, never>;
export function children<const Name extends string, State>(
  specs: readonly ChildSpec[],
  then: Name,
  options: { readonly atMost?: number; readonly state: State },
): Next<Name, State>;
export function children(
  specs: readonly ChildSpec[],
  then: string,
  options: { readonly atMost?: number; readonly state?: unknown } = {},
): Next<string, unknown> {
  const state = 'state' in options ? [options.state] : [];
  return { kind: 'children', specs, step: then, atMost: options.atMost ?? 0, ...stateOf(state) };
}

/** Waits without holding a worker, then goes on with `then`, which finds the {@link Reply}. */
export function wait<const Name extends string>(on: WaitFor, then: Name): Next<Name, never>;
export function wait<const Name extends string, State>(
  on: WaitFor,
  then: Name,
  state: State,
): Next<Name, State>;
export function wait(
  on: WaitFor,
  then: string,
  ...state: readonly unknown[]
): Next<string, unknown> {
  return { kind: 'wait', on, step: then, ...stateOf(state) };
}

/** Ends well. The result is kept until it is acknowledged or ages out. */
export function done(result?: Uint8Array): Next<never, never> {
  return result === undefined ? { kind: 'done' } : { kind: 'done', result };
}

/** Ends badly: what was done is undone, newest first. Not allowed past the point of no return. */
export function failed(error: CadastreError): Next<never, never> {
  return { kind: 'failed', error };
}

/** A child of `type`, a declared procedure type. */
export function child<Input>(
  type: { readonly type: string; readonly input: Codec<Input> },
  input: Input,
): ChildSpec {
  return { type: type.type, input: type.input.encode(input) };
}

function stateOf(given: readonly unknown[]): { readonly state?: unknown } {
  return given.length === 0 ? {} : { state: given[0] };
}
