import { describe, expect, it } from 'vitest';
import { noState } from './codec.js';
import { lockTable } from './lock-request.js';
import { done } from './next.js';
import { lookedAtMax } from './limits.js';
import { EngineWorld } from './testing/engine-world.js';
import { Count, define, plain, sampleTypes } from './testing/sample-types.js';
import type { LockFilter, LockView } from './views.js';

/** Holds a table until the world says `go`. */
const HoldTable = define({
  type: 'HoldTable',
  version: 1,
  onRestore: 'resume',
  priority: 'table',
  input: plain<{ table: string; mode: 'shared' | 'exclusive' }>(),
  state: noState,
  initial: () => undefined,
  locks: ({ table, mode }) => [lockTable({ namespace: 'default', qualifier: table }, mode)],
  group: () => '',
  first: 'hold',
  finalSteps: {
    hold: {
      before: async (run) => {
        while (run.context.outside.get('go') === undefined) await run.clock.sleep(10);
      },
      commit: () => done(),
    },
  },
});

async function booted(): Promise<EngineWorld> {
  const world = new EngineWorld([...sampleTypes, HoldTable], { isQuiet: true });
  await world.boot();
  return world;
}

async function allPages(world: EngineWorld, filter: LockFilter): Promise<LockView[][]> {
  const pages: LockView[][] = [];
  let after: LockFilter['after'];
  do {
    const page = await world.engine.locks({ ...filter, ...(after !== undefined && { after }) });
    pages.push([...page.locks]);
    after = page.next;
  } while (after !== undefined);
  return pages;
}

describe('the list of locks (R-P7)', () => {
  it('pages in order of kind and name, whatever the order of their making', async () => {
    const world = await booted();
    for (const table of ['c', 'a', 'd', 'b']) {
      world.engine.submit(HoldTable, { table, mode: 'exclusive' });
    }
    await world.run(100);
    const pages = await allPages(world, { limit: 2 });
    expect(pages.map((page) => page.map(({ kind, name }) => `${kind} ${name}`))).toEqual([
      ['namespace default', 'table default:a'],
      ['table default:b', 'table default:c'],
      ['table default:d'],
    ]);
    expect(pages[0]?.[0]).toMatchObject({ mode: 'shared', holderCount: 4, waiterCount: 0 });
  });

  it('names a bounded number of holders and waiters, and counts all', async () => {
    const world = await booted();
    for (let index = 0; index < 60; index++) {
      world.engine.submit(HoldTable, { table: 't', mode: 'shared' });
    }
    await world.run(100);
    for (let index = 0; index < 150; index++) {
      world.engine.submit(HoldTable, { table: 't', mode: 'exclusive' });
    }
    await world.run(100);
    const [lock] = (await world.engine.locks({ contendedOnly: true, kinds: ['table'] })).locks;
    expect(lock).toMatchObject({ name: 'default:t', mode: 'shared', waiterCount: 150 });
    expect(lock?.holders).toHaveLength(lock?.holderCount ?? 0);
    expect(lock?.waiters).toHaveLength(100);
    expect(world.engine.whoHolds('table', 'default:t')).toContain('HoldTable');
    expect(world.engine.whoHolds('table', 'default:none')).toBeUndefined();
  });
});

describe('the list of procedures (R-P7)', () => {
  it('looks at a bounded number in one call, and says where to go on', async () => {
    const world = await booted();
    world.engine.pauseAll();
    const total = lookedAtMax + 10;
    for (let from = 0; from < total; from += 500) {
      world.engine.transact((_tx, procedures) => {
        for (let index = from; index < Math.min(total, from + 500); index++) {
          const owner = index === total - 1 ? 'ada' : 'bob';
          procedures.submit(Count, { key: `k${index}` }, { owner });
        }
      });
    }
    const first = world.engine.list({ owner: 'ada' });
    expect(first.procedures).toEqual([]);
    if (first.next === undefined) throw new Error('the first page is not the last one');
    const second = world.engine.list({ owner: 'ada', after: first.next });
    expect(second.procedures.map(({ owner }) => owner)).toEqual(['ada']);
    expect(second.next).toBeUndefined();
    const found = await world.settle(world.engine.find({ owner: 'ada' }));
    expect(found).toEqual(second);
  });
});

describe('resuming everything (R-P7)', () => {
  it('lets a large number go on over many turns, without a fault', async () => {
    const world = await booted();
    world.engine.pauseAll();
    const ids = world.engine.transact((_tx, procedures) =>
      Array.from({ length: 2_000 }, (_, index) => procedures.submit(Count, { key: `k${index}` })),
    ).value;
    await world.run(1_000);
    world.engine.resumeAll();
    const ready = world.engine.list({ reasons: ['paused'], limit: 1_000 }).procedures;
    expect(ready.length).toBeGreaterThan(500);
    await world.settle(Promise.all(ids.map((id) => world.engine.ended(id))));
    await world.run(30_000);
    expect(world.engine.faults()).toEqual([]);
  });
});
