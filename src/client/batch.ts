// Many operations at once: grouped by server and region, sent side by side, and only what failed for
// a passing reason sent again.
//
// Invariants:
// 1. Every operation has exactly one outcome, in the order of the operations.
// 2. An operation is sent again only if it failed; its nonce is the same then.
// Operations of one batch may be done in any order.

import { present } from '../base/assert.js';
import { asCadastreError, CadastreError } from '../base/errors.js';
import type { Get, Mutation } from '../base/operations.js';
import type { Address } from '../world/network.js';
import type { Action, MultiRequest, RegionActionResult } from '../wire/client-messages.js';
import { reactionTo } from './attempts.js';
import type { Attempts } from './attempts.js';
import { attemptsOf } from './context.js';
import type { ClientContext } from './context.js';
import { clientLimits } from './limits.js';
import type { Location } from './location-cache.js';
import { callMulti } from './region-calls.js';
import { rowOf } from './row.js';
import type { Row } from './row.js';

/** What came of one operation: the row of a get, increment or append, or why it failed. */
export type BatchOutcome =
  | { readonly kind: 'done'; readonly row: Row | undefined }
  | { readonly kind: 'failed'; readonly error: CadastreError };

export type BatchAction =
  | { readonly kind: 'get'; readonly get: Get }
  | { readonly kind: 'mutation'; readonly mutation: Mutation };

/** One request to one server: which operations, where, and for each region which. */
interface Portion {
  readonly server: Address;
  readonly regions: Map<Location, number[]>;
  bytes: number;
  count: number;
}

const doneWithout: BatchOutcome = { kind: 'done', row: undefined };

/** Never rejects for what one operation met; fails only when this client is closed. */
export async function runBatch(
  context: ClientContext,
  table: string,
  actions: readonly BatchAction[],
): Promise<BatchOutcome[]> {
  const run = new BatchRun(context, table, actions);
  return await run.toEnd();
}

class BatchRun {
  readonly #context: ClientContext;
  readonly #table: string;
  readonly #actions: readonly BatchAction[];
  readonly #outcomes: (BatchOutcome | undefined)[];
  readonly #attempts: Attempts;
  /** Why operations are sent again: the last reason. */
  #lastError: CadastreError | undefined;

  constructor(context: ClientContext, table: string, actions: readonly BatchAction[]) {
    this.#context = context;
    this.#table = table;
    this.#actions = actions;
    this.#outcomes = Array.from({ length: actions.length });
    this.#attempts = attemptsOf(context, `a batch of ${actions.length} to ${table}`);
  }

  async toEnd(): Promise<BatchOutcome[]> {
    let left = this.#actions.map((_, index) => index);
    while (left.length > 0) {
      const portions = await this.#portionsOf(left);
      await Promise.all(portions.map((portion) => this.#send(portion)));
      left = left.filter((index) => this.#outcomes[index] === undefined);
      if (left.length === 0) break;
      try {
        await this.#attempts.after(
          present(this.#lastError, 'what is left of a batch failed for some reason'),
        );
      } catch (error) {
        for (const index of left) this.#fail(index, asCadastreError(error));
        break;
      }
    }
    return this.#outcomes.map((outcome) => present(outcome, 'every operation has an outcome'));
  }

  async #portionsOf(indices: readonly number[]): Promise<Portion[]> {
    const filled: Portion[] = [];
    const open = new Map<string, Portion>();
    for (const index of indices) {
      const location = await this.#locationOf(index);
      if (location === undefined) continue;
      const { host, port } = location.server;
      const place = `${host}:${port}`;
      const bytes = sizeOf(this.#actions[index] as BatchAction);
      let portion = open.get(place);
      const { batchActionsMax, batchBytesMax } = clientLimits;
      const isFull =
        portion !== undefined &&
        (portion.count >= batchActionsMax || portion.bytes + bytes > batchBytesMax);
      if (portion === undefined || isFull) {
        portion = { server: location.server, regions: new Map(), bytes: 0, count: 0 };
        open.set(place, portion);
        filled.push(portion);
      }
      const known = portion.regions.get(location);
      if (known === undefined) portion.regions.set(location, [index]);
      else known.push(index);
      portion.bytes += bytes;
      portion.count += 1;
    }
    return filled;
  }

  /** Undefined if it is not known now: the operation then failed, for now or for good. */
  async #locationOf(index: number): Promise<Location | undefined> {
    const { locator } = this.#context;
    const row = rowKeyOf(this.#actions[index] as BatchAction);
    const known = locator.known(this.#table, row);
    if (known !== undefined) return known;
    try {
      return await locator.holding(this.#table, row, this.#attempts);
    } catch (error) {
      this.#failed(index, asCadastreError(error));
      return undefined;
    }
  }

  async #send({ server, regions }: Portion): Promise<void> {
    const request: MultiRequest = {
      hasRequestCondition: false,
      regions: [...regions].map(([{ name }, indices]) => ({
        region: { kind: 'name', value: name },
        isAtomic: false,
        condition: undefined,
        actions: indices.map((index): Action => ({
          ...(this.#actions[index] as BatchAction),
          index,
        })),
      })),
    };
    try {
      const timeoutMs = this.#attempts.callTimeoutMs();
      const answer = await callMulti(this.#context.rpc, server, request, { timeoutMs });
      let at = 0;
      for (const [location, indices] of regions) {
        await this.#take(location, indices, answer.regions[at++]);
      }
    } catch (thrown) {
      const error = asCadastreError(thrown);
      for (const [location, indices] of regions) await this.#failedAt(location, indices, error);
    }
  }

  async #take(
    location: Location,
    indices: readonly number[],
    result: RegionActionResult | undefined,
  ): Promise<void> {
    if (result === undefined || result.kind === 'error') {
      const silent = new CadastreError('internal', 'a batch was answered in part only');
      await this.#failedAt(location, indices, result?.error ?? silent);
      return;
    }
    const failures = new Map<string, { error: CadastreError; indices: number[] }>();
    for (const outcome of result.outcomes) {
      const { index } = outcome;
      if (outcome.kind === 'done') {
        const cells =
          outcome.result === undefined || outcome.result === 'empty' ? [] : outcome.result.cells;
        const row = rowOf(cells);
        this.#outcomes[index] = row === undefined ? doneWithout : { kind: 'done', row };
        continue;
      }
      const same = failures.get(outcome.error.code);
      if (same === undefined)
        failures.set(outcome.error.code, { error: outcome.error, indices: [index] });
      else same.indices.push(index);
    }
    for (const { error, indices: failed } of failures.values()) {
      await this.#failedAt(location, failed, error);
    }
  }

  async #failedAt(
    location: Location,
    indices: readonly number[],
    error: CadastreError,
  ): Promise<void> {
    let reason = error;
    try {
      await this.#context.locator.failed(this.#table, location, error, this.#attempts);
    } catch (cause) {
      reason = asCadastreError(cause);
    }
    for (const index of indices) this.#failed(index, reason);
  }

  #failed(index: number, error: CadastreError): void {
    if (reactionTo(error) === 'give-up') this.#fail(index, error);
    else this.#lastError = error;
  }

  #fail(index: number, error: CadastreError): void {
    this.#outcomes[index] = { kind: 'failed', error };
  }
}

function rowKeyOf(action: BatchAction): Buffer {
  return action.kind === 'get' ? action.get.row : action.mutation.row;
}

/** About the bytes of its cells. */
function sizeOf(action: BatchAction): number {
  if (action.kind === 'get') return 64 + action.get.row.length;
  let bytes = 32 + action.mutation.row.length;
  for (const cell of action.mutation.cells) bytes += cell.length;
  return bytes;
}
