// State after a crash at any moment = the fold of all acknowledged transactions and of some prefix of
// those that were queued.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Catalog } from './api.js';
import { settingKind } from './records/system.js';
import { SimulatedCatalog } from './testing/simulated-catalog.js';

type Change = readonly (readonly [key: string, value: string | undefined])[];

const change = fc.array(
  fc.tuple(
    fc.nat(12).map((n) => `key ${n}`),
    fc.option(
      fc.nat(99).map((n) => `${n}-${'x'.repeat(n)}`),
      { nil: undefined },
    ),
  ),
  { minLength: 1, maxLength: 4 },
);

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('transact' as const), change }) },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant('run' as const),
      ms: fc.integer({ min: 0, max: 40 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('checkpoint' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('crash' as const),
      power: fc.boolean(),
      during: fc.integer({ min: 0, max: 60 }),
    }),
  },
);

function apply(state: ReadonlyMap<string, string>, change: Change): Map<string, string> {
  const next = new Map(state);
  for (const [key, value] of change) {
    if (value === undefined) next.delete(key);
    else next.set(key, value);
  }
  return next;
}

function stateOf(catalog: Catalog): Map<string, string> {
  const entries = [...catalog.durable.scan(settingKind)];
  return new Map(entries.map(({ key, value }) => [key[0], value]));
}

function sorted(state: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  return [...state].sort(([a], [b]) => (a < b ? -1 : 1));
}

class Trial {
  readonly #world: SimulatedCatalog;
  #catalog: Catalog | undefined;
  /** States after each queued transaction; the first one is what the reign began with. */
  #states: Map<string, string>[] = [new Map()];
  #acknowledged = 0;

  constructor(seed: number) {
    this.#world = new SimulatedCatalog(seed);
  }

  async act(step: typeof action extends fc.Arbitrary<infer Step> ? Step : never): Promise<void> {
    this.#catalog ??= await this.#open();
    if (step.what === 'transact') this.#transact(this.#catalog, step.change);
    else if (step.what === 'checkpoint') void this.#catalog.checkpoint();
    else if (step.what === 'run') await this.#world.simulation.runFor(step.ms / 10);
    else await this.crash(step.power, step.during);
  }

  #transact(catalog: Catalog, change: Change): void {
    const number = this.#states.length;
    this.#states.push(apply(this.#states.at(-1) ?? new Map(), change));
    const committed = catalog.transact((tx) => {
      for (const [key, value] of change) {
        if (value === undefined) tx.delete(settingKind, [key]);
        else tx.put(settingKind, [key], value);
      }
    });
    committed.whenDurable(() => {
      this.#acknowledged = Math.max(this.#acknowledged, number);
    });
  }

  /** Ends the master, lets its successor begin to open, ends that one too, and checks the next. */
  async crash(power: boolean, during: number): Promise<void> {
    this.#end(power);
    const interrupted = this.#world.start();
    interrupted.reign.catch(() => undefined);
    await this.#world.simulation.runFor(during);
    this.#end(power);
    this.#catalog = await this.#open();
  }

  #end(power: boolean): void {
    const { simulation } = this.#world;
    if (power) simulation.crashMachine();
    else this.#world.killAll();
  }

  async #open(): Promise<Catalog> {
    const { catalog } = await this.#world.open({ checkpointLogBytes: 2_000 });
    const found = sorted(stateOf(catalog));
    const possible = this.#states.slice(this.#acknowledged).map((state) => sorted(state));
    expect(possible).toContainEqual(found);
    this.#states = [new Map(found)];
    this.#acknowledged = 0;
    return catalog;
  }
}

describe('a catalog that is crashed', () => {
  it('holds all that was acknowledged, and of the rest a prefix', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.array(action, { minLength: 5, maxLength: 60 }),
        async (seed, steps) => {
          const trial = new Trial(seed);
          for (const step of steps) await trial.act(step);
          await trial.crash(true, 0);
        },
      ),
      { numRuns: 40 },
    );
  });
});
