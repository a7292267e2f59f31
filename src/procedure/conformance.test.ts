import { describe, expect, it } from 'vitest';
import type { Incarnation } from '../base/ids.js';
import { jsonCodec, noState } from './codec.js';
import type { ProcedureType } from './definition.js';
import { done, step } from './next.js';
import { EngineWorld } from './testing/engine-world.js';
import {
  assertAllTypesCovered,
  checkConformance,
  decodeGolden,
  goldenOf,
} from './testing/harness.js';
import type { ConformanceHooks, ConformanceScenario, ConformanceWorld } from './testing/harness.js';
import type { MemoryTx } from './testing/memory-store.js';
import {
  Clear,
  Count,
  define,
  FanOut,
  Ladder,
  Open,
  plain,
  sampleTypes,
  WaitForKey,
} from './testing/sample-types.js';
import { SimulatedServers } from './testing/simulated-servers.js';

const server = 7 as Incarnation;

function world(
  hooks: ConformanceHooks<MemoryTx>,
  types: readonly ProcedureType<unknown>[] = sampleTypes,
): ConformanceWorld<MemoryTx> {
  const master = new EngineWorld(types, { hooks });
  const servers = new SimulatedServers(master.clock, () => Buffer.from('opened'), hooks.answers);
  servers.add(server);
  master.send = (batch) => servers.send(batch);
  return {
    boot: async () => {
      await master.boot({ servers: servers.ids });
      servers.connect(master.clock, master.engine);
      // What WaitForKey waits for comes by itself.
      master.clock.timer(50, () => {
        const put = master.store.transact((tx) => tx.put('x', '1'));
        put.whenDurable(() => master.engine.signal('key-x'));
      });
      return master.engine;
    },
    kill: () => master.kill(),
    drive: (isDone) => master.driveUntil(isDone),
    state: () => {
      // A region that was never there and one that is closed again are the same to everybody.
      const lines = master.state().split('\n');
      return lines.filter((line) => !/=CLOSED$|^x=/.test(line)).join('\n');
    },
  };
}

const scenarios: readonly ConformanceScenario<MemoryTx>[] = [
  {
    name: 'one step',
    type: Count,
    world: (hooks) => world(hooks),
    submit: (engine, options) => engine.submit(Count, { key: 'a' }, options),
  },
  {
    name: 'deletes keys',
    type: Clear,
    world: (hooks) => world(hooks),
    submit: (engine, options) => engine.submit(Clear, { prefix: 'k' }, options),
  },
  {
    name: 'async parts, children, point of no return',
    type: Ladder,
    world: (hooks) => world(hooks),
    submit: (engine, options) => engine.submit(Ladder, { table: 't' }, options),
  },
  {
    name: 'fails late and is undone',
    type: Ladder,
    world: (hooks) => world(hooks),
    submit: (engine, options) =>
      engine.submit(Ladder, { table: 't', failAt: 'flip', children: 1 }, options),
    ends: 'failed',
  },
  {
    name: 'an operation on a server',
    type: Open,
    world: (hooks) => world(hooks),
    submit: (engine, options) => engine.submit(Open, { region: 1, server }, options),
  },
  {
    name: 'an event',
    type: WaitForKey,
    world: (hooks) => world(hooks),
    submit: (engine, options) => engine.submit(WaitForKey, { key: 'x' }, options),
  },
  {
    name: 'children window by window',
    type: FanOut,
    // Finished children are not undone, and this type's undo leaves what they counted.
    world: (hooks) => ({ ...world(hooks), state: () => '' }),
    submit: (engine, options) =>
      engine.submit(FanOut, { prefix: 'k', count: 6, window: 3 }, options),
  },
];

const common = {
  version: 1,
  onRestore: 'resume',
  priority: 'table',
  input: plain<Record<string, never>>(),
  state: noState,
  initial: () => undefined,
  locks: () => [],
  group: () => '',
  first: 'first',
} as const;

function scenarioOf(type: ProcedureType<Record<string, never>>): ConformanceScenario<MemoryTx> {
  return {
    name: 'faulty',
    type,
    world: (hooks) => world(hooks, [type]),
    submit: (engine, options) => engine.submit(type, {}, options),
  };
}

describe('conformance of the sample types (races P1, P2, P5, P16)', () => {
  for (const scenario of scenarios) {
    it(`${scenario.type.type}, ${scenario.name}: any kill, repeat, loss or cancel changes nothing`, async () => {
      await checkConformance(scenario);
    });
  }

  it('the harness finds an undo that forgets something', async () => {
    const Forgetful = define({
      ...common,
      type: 'Forgetful',
      steps: {
        first: {
          commit: (_run, tx) => {
            tx.put('a', '1');
            return step('second');
          },
          undo: 'none',
        },
        second: { commit: () => done(), undo: 'none' },
      },
    });
    await expect(checkConformance(scenarioOf(Forgetful))).rejects.toThrow('cancelAfter');
  });

  it('the harness finds an async part that is not safe to run twice', async () => {
    const Careless = define({
      ...common,
      type: 'Careless',
      steps: {
        first: {
          before: (run) => {
            run.context.outside.set('n', (run.context.outside.get('n') ?? 0) + 1);
            return Promise.resolve();
          },
          commit: () => done(),
          undo: 'none',
        },
      },
    });
    await expect(checkConformance(scenarioOf(Careless))).rejects.toThrow('isTwice');
  });

  it('golden files of old versions are decoded, and upcast', async () => {
    const first = define({
      ...common,
      type: 'Grown',
      input: plain<{ table: string }>(),
      steps: { first: { commit: () => done(), undo: 'none' } },
    });
    const golden = goldenOf(first, { table: 't' });
    await expect(golden).toMatchFileSnapshot('testdata/Grown-v1.golden');
    const second = define({
      ...common,
      type: 'Grown',
      version: 2,
      input: jsonCodec((value, version) => {
        const input = value as { table: string; isForced?: boolean };
        return version === 1 ? { ...input, isForced: false } : input;
      }),
      steps: { first: { commit: () => done(), undo: 'none' } },
    });
    expect(decodeGolden(second, 1, golden).input).toEqual({ table: 't', isForced: false });
    expect(() => decodeGolden(second, 1, 'junk')).toThrow('has its form');
  });

  it('a type without a scenario is found', () => {
    expect(() => assertAllTypesCovered(sampleTypes, scenarios)).not.toThrow();
    expect(() => assertAllTypesCovered(sampleTypes, scenarios.slice(1))).toThrow('Count');
  });
});
