// A client of the simulated cluster that makes one attempt after the other and never hides an unclear
// outcome: a history can be checked only if every attempt that may have had an effect is known.
//
// It uses the real client's look-ups and calls, but not its retries of what may have been done.

import { asCadastreError, CadastreError } from '../src/base/errors.js';
import type { Condition, Mutation } from '../src/base/operations.js';
import { Attempts, mayBeDone } from '../src/client/attempts.js';
import { Locator } from '../src/client/locator.js';
import type { Location } from '../src/client/location-cache.js';
import { MetaReader } from '../src/client/meta-reader.js';
import { getOf } from '../src/client/operations.js';
import { callGet, callMulti, callMutate } from '../src/client/region-calls.js';
import { Registry } from '../src/client/registry.js';
import type { ActionOutcome, CellResult, MutateResponse } from '../src/wire/client-messages.js';
import { RpcClient } from '../src/wire/rpc-client.js';
import type { Address } from '../src/world/network.js';
import type { World } from '../src/world/world.js';

/** What became of an operation. `unknown`: it may have been done, or may yet be. */
export type Outcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'refused'; readonly error: CadastreError }
  | { readonly kind: 'unknown'; readonly error: CadastreError };

const callTimeoutMs = 8_000;
const operationTimeoutMs = 30_000;

export class SimClient {
  readonly rpc: RpcClient;
  readonly world: World;
  readonly #locator: Locator;

  constructor(world: World, bootstrap: Address) {
    this.world = world;
    this.rpc = new RpcClient({ ...world, user: 'simulated', softwareVersion: 'simulated' });
    const registry = new Registry(this.rpc, [bootstrap], world.random);
    this.#locator = new Locator(new MetaReader(this.rpc, registry));
  }

  get(table: string, row: string): Promise<Outcome<CellResult>> {
    const get = getOf(row, {});
    return this.#atRegion(table, row, ({ name, server }, timeoutMs) => {
      const region = { kind: 'name', value: name } as const;
      return callGet(this.rpc, server, { region, get }, { timeoutMs });
    });
  }

  mutate(
    table: string,
    mutation: Mutation,
    condition?: Condition,
  ): Promise<Outcome<MutateResponse>> {
    return this.#atRegion(table, mutation.row.toString('utf8'), ({ name, server }, timeoutMs) => {
      const region = { kind: 'name', value: name } as const;
      return callMutate(this.rpc, server, { region, mutation, condition }, { timeoutMs });
    });
  }

  /** Mutations of one region in one request; the region is that of the first one's row. */
  async batch(
    table: string,
    mutations: readonly Mutation[],
  ): Promise<readonly Outcome<CellResult>[]> {
    const row = mutations[0]?.row.toString('utf8') ?? '';
    const outcome = await this.#atRegion(table, row, async ({ name, server }, timeoutMs) => {
      const region = { kind: 'name', value: name } as const;
      const actions = mutations.map((mutation, index) => ({
        kind: 'mutation' as const,
        index,
        mutation,
      }));
      const action = { region, isAtomic: false, condition: undefined, actions };
      const request = { regions: [action], hasRequestCondition: false };
      const { regions } = await callMulti(this.rpc, server, request, { timeoutMs });
      const [result] = regions;
      if (result === undefined) throw new CadastreError('internal', 'a batch has no answer');
      if (result.kind === 'error') throw result.error;
      return result.outcomes;
    });
    if (outcome.kind !== 'done') return mutations.map(() => outcome);
    return mutations.map((_, index) => outcomeAt(outcome.value, index));
  }

  close(): void {
    this.rpc.close();
  }

  async #atRegion<T>(
    table: string,
    row: string,
    call: (location: Location, timeoutMs: number) => Promise<T>,
  ): Promise<Outcome<T>> {
    const { clock, random } = this.world;
    const attempts = new Attempts({
      what: `an operation on ${table}`,
      clock,
      random,
      timeoutMs: operationTimeoutMs,
      isClosed: () => false,
    });
    for (;;) {
      let location: Location | undefined;
      try {
        location = await this.#locator.holding(table, Buffer.from(row), attempts);
        return { kind: 'done', value: await call(location, attempts.callTimeoutMs(callTimeoutMs)) };
      } catch (thrown) {
        const error = asCadastreError(thrown);
        try {
          if (location !== undefined) {
            await this.#locator.failed(table, location, error, attempts);
            if (mayBeDone(error)) return { kind: 'unknown', error };
          }
          await attempts.after(error);
        } catch (last) {
          return { kind: 'refused', error: asCadastreError(last) };
        }
      }
    }
  }
}

function outcomeAt(outcomes: readonly ActionOutcome[], index: number): Outcome<CellResult> {
  const outcome = outcomes.find((each) => each.index === index);
  if (outcome === undefined) {
    return { kind: 'unknown', error: new CadastreError('internal', 'an action has no answer') };
  }
  if (outcome.kind === 'error') return { kind: 'refused', error: outcome.error };
  const { result } = outcome;
  return {
    kind: 'done',
    value: result === undefined || result === 'empty' ? { cells: [] } : result,
  };
}
