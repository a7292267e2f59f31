import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import type { Incarnation, ProcedureId } from '../base/ids.js';
import type { RemoteOperation } from './api.js';
import { noState } from './codec.js';
import { lockRegion, lockTable } from './lock-request.js';
import { child, children, done, step, wait } from './next.js';
import { EngineWorld } from './testing/engine-world.js';
import { Count, define, FanOut, Open, plain, sampleTypes } from './testing/sample-types.js';
import { WaitForKey } from './testing/sample-types.js';

const table = { namespace: 'default', qualifier: 't' };
const common = {
  version: 1,
  onRestore: 'resume',
  priority: 'table',
  state: noState,
  initial: () => undefined,
  group: () => '',
} as const;

/** Holds a table lock until the event `go-<name>`. */
const Hold = define({
  ...common,
  type: 'Hold',
  input: plain<{ name: string; mode: 'shared' | 'exclusive' }>(),
  locks: ({ mode }) => [lockTable(table, mode)],
  describe: ({ name }) => name,
  first: 'begin',
  steps: {
    begin: {
      commit: (run, tx) => {
        tx.put(`order-${run.id}`, run.input.name);
        return step('hold');
      },
      undo: 'none',
    },
    hold: {
      commit: (run, tx) => {
        const { name } = run.input;
        if (tx.get(`go-${name}`) !== undefined) return done();
        return wait({ event: `go-${name}` }, 'hold');
      },
      undo: 'none',
    },
  },
});

function release(world: EngineWorld, name: string): void {
  const put = world.store.transact((tx) => tx.put(`go-${name}`, '1'));
  put.whenDurable(() => world.engine.signal(`go-${name}`));
}

/** Has a child that takes the table shared, once told to. */
const HoldWithChild = define({
  ...common,
  type: 'HoldWithChild',
  input: plain<{ mode: 'shared' | 'exclusive' }>(),
  locks: ({ mode }) => [lockTable(table, mode)],
  first: 'hold',
  steps: {
    hold: { commit: () => wait({ event: 'go' }, 'spawn'), undo: 'none' },
    spawn: {
      commit: () => children([child(Hold, { name: 'child', mode: 'shared' })], 'end'),
      undo: 'none',
    },
    end: { commit: () => done(), undo: 'none' },
  },
});

/** Its undo fails until `mended` is there. */
const Stuck = define({
  ...common,
  type: 'Stuck',
  input: plain<{ count: number }>(),
  locks: () => [lockTable(table, 'exclusive')],
  first: 'first',
  steps: {
    first: {
      commit: () => step('second'),
      undo: (_run, tx) => {
        if (tx.get('mended') === undefined) throw new Error('cannot be undone');
      },
    },
    second: {
      commit: () => {
        throw new CadastreError('bad-request', 'no');
      },
      undo: 'none',
    },
  },
});

/** Its async part ends when the test says so. */
const Slow = define({
  ...common,
  type: 'Slow',
  overdueMs: 1_000,
  input: plain<{ key: string }>(),
  locks: () => [],
  first: 'work',
  steps: {
    work: {
      before: async (run) => {
        const { outside } = run.context;
        outside.set('running', (outside.get('running') ?? 0) + 1);
        while (outside.get('go') === undefined) await run.clock.sleep(10);
        outside.set('running', (outside.get('running') ?? 0) - 1);
      },
      commit: (run, tx) => {
        if (tx.get(run.input.key) === undefined) {
          return wait({ event: `key-${run.input.key}` }, 'work');
        }
        return done();
      },
      undo: 'none',
    },
  },
});

/** Takes a key that must be free. */
const Take = define({
  ...common,
  type: 'Take',
  input: plain<{ key: string; by: string }>(),
  locks: () => [],
  first: 'take',
  steps: {
    take: {
      commit: (run, tx) => {
        const { key, by } = run.input;
        if (tx.get(key) !== undefined) throw new CadastreError('table-exists', `${key} is taken`);
        tx.put(key, by);
        return done();
      },
      undo: 'none',
    },
  },
});

/** A region's recovery: the region's lock and no other (page 3). */
const Recover = define({
  ...common,
  type: 'Recover',
  priority: 'crash',
  input: plain<{ region: number }>(),
  locks: ({ region }) => [lockRegion(region)],
  first: 'recover',
  steps: { recover: { commit: () => done(), undo: 'none' } },
});

/** Holds a table and reopens its regions one after the other. */
const Alter = define({
  ...common,
  type: 'Alter',
  input: plain<{ regions: number }>(),
  state: plain<{ next: number }>(),
  initial: () => ({ next: 1 }),
  locks: () => [lockTable(table, 'exclusive')],
  first: 'reopen',
  steps: {
    reopen: {
      commit: (run) => {
        const { next } = run.state;
        if (next > run.input.regions) return done();
        return children([child(Recover, { region: next })], 'reopen', {
          state: { next: next + 1 },
        });
      },
      undo: 'none',
    },
  },
});

const types = [...sampleTypes, Hold, HoldWithChild, Stuck, Slow, Take, Recover, Alter];

async function booted(servers: readonly number[] = []): Promise<EngineWorld> {
  const world = new EngineWorld(types);
  await world.boot({ servers });
  return world;
}

describe('races of procedures', () => {
  it('race P3: a signal while the step that will wait still runs is not lost', async () => {
    const world = await booted();
    const { value: id } = world.engine.submit(Slow, { key: 'x' });
    await world.run(100);
    expect(world.engine.show(id).reason).toBe('running');
    expect(world.engine.interrupt(id, 'look')).toBe(true);
    expect(world.outside.get('running')).toBe(1);
    world.outside.set('go', 1);
    world.store.transact((tx) => tx.put('x', '1'));
    expect((await world.settle(world.engine.ended(id))).kind).toBe('succeeded');
  });

  it('race P3: an event between the record of the wait and its durability is not lost', async () => {
    const world = await booted();
    const { value: id } = world.engine.submit(WaitForKey, { key: 'x' });
    const isQueued = (): boolean => {
      const { reason, history } = world.engine.show(id);
      return reason === 'storing' && history.length === 1;
    };
    await world.driveUntil(isQueued);
    world.store.transact((tx) => tx.put('x', '1'));
    world.engine.signal('key-x');
    expect((await world.settle(world.engine.ended(id))).kind).toBe('succeeded');
    expect(world.engine.faults()).toEqual([]);
  });

  it('race P4: locks are restored before anything runs, and the half-executed one is first', async () => {
    const world = await booted();
    const never = world.engine.submit(Hold, { name: 'never', mode: 'exclusive' }).value;
    world.engine.pause(never);
    const begun = world.engine.submit(Hold, { name: 'begun', mode: 'exclusive' }).value;
    await world.run(100);
    expect(world.engine.show(begun)).toMatchObject({ reason: 'event', holdsLocks: true });
    world.kill();
    await world.boot();
    world.engine.resume(never);
    await world.run(100);
    expect(world.engine.show(begun).holdsLocks).toBe(true);
    expect(world.engine.show(never).reason).toBe('lock');
    release(world, 'begun');
    release(world, 'never');
    await world.settle(Promise.all([world.engine.ended(begun), world.engine.ended(never)]));
    expect((await world.engine.locks()).locks).toEqual([]);
  });

  it('race P5: a result is not acknowledged before it is durable, and is asked for again', async () => {
    const world = await booted([7]);
    const sent: RemoteOperation[] = [];
    world.send = (batch) => {
      sent.push(...batch.operations);
      return Promise.resolve();
    };
    const { value: id } = world.engine.submit(Open, { region: 1, server: 7 });
    await world.driveUntil(() => sent.length === 1);
    const server = 7 as Incarnation;
    const number = sent[0]?.number ?? 0;
    const outcome = { kind: 'executed', body: Buffer.from('ok') } as const;
    let isAcknowledged = false;
    const taken = world.engine.remoteResult(server, number, outcome);
    taken.whenDurable(() => {
      isAcknowledged = true;
    });
    // A second copy, while the first is on its way: acknowledged no sooner.
    const again = world.engine.remoteResult(server, number, outcome);
    again.whenDurable(() => {
      isAcknowledged = true;
    });
    expect([taken.value, again.value, isAcknowledged]).toEqual(['taken', 'stale', false]);
    world.kill();
    expect(isAcknowledged).toBe(false);
    await world.boot({ servers: [7] });
    await world.driveUntil(() => sent.length === 2);
    expect(sent[1]?.number).toBe(number);
    expect(world.engine.remoteResult(server, number, outcome).value).toBe('taken');
    expect((await world.settle(world.engine.ended(id))).kind).toBe('succeeded');
  });

  it('race P6: a dead server ends the wait in the same turn', async () => {
    const world = await booted([7]);
    const { value: id } = world.engine.submit(Open, { region: 1, server: 7 });
    await world.run(20);
    world.engine.serverDied(7 as Incarnation);
    const result = await world.settle(world.engine.ended(id), 20);
    expect(result.kind === 'failed' && result.error.message).toContain('server-died');
  });

  it('a result after something else ended the wait is kept by the server until that is durable', async () => {
    const world = await booted([7]);
    const sent: RemoteOperation[] = [];
    world.send = (batch) => {
      sent.push(...batch.operations);
      return Promise.resolve();
    };
    const { value: id } = world.engine.submit(Open, { region: 1, server: 7 });
    await world.driveUntil(() => sent.length === 1);
    const outcome = { kind: 'executed', body: Buffer.from('ok') } as const;
    const result = () => world.engine.remoteResult(7 as Incarnation, sent[0]?.number ?? 0, outcome);
    world.engine.interrupt(id, 'crash');
    expect(result().value).toBe('later');
    await world.run(10);
    expect(result().value).toBe('stale');
  });

  it('race P10: an undo that throws for ever is retried, visible, holds its locks, can be bypassed', async () => {
    const world = await booted();
    const { value: id } = world.engine.submit(Stuck, { count: 1 });
    const behind = world.engine.submit(Hold, { name: 'behind', mode: 'shared' }).value;
    release(world, 'behind');
    await world.run(600_000);
    const view = world.engine.show(id);
    expect(view).toMatchObject({ phase: 'rolling-back', reason: 'back-off', holdsLocks: true });
    expect(view.attempt).toBeGreaterThan(8);
    expect(view.error?.message).toBe('cannot be undone');
    const { chain, advice } = world.engine.explain(behind);
    expect(chain.map((link) => link.id)).toEqual([behind, id]);
    expect(advice.join()).toContain(`bypass ${id}`);
    expect(world.engine.whoHolds('table', 'default:t')).toContain('undoing step first');
    expect(world.engine.bypass(id).value.kind).toBe('done');
    expect((await world.settle(world.engine.ended(id))).kind).toBe('bypassed');
    expect((await world.settle(world.engine.ended(behind))).kind).toBe('succeeded');
  });

  it('race P10: an undo that is mended ends, at once when told to', async () => {
    const world = await booted();
    const { value: id } = world.engine.submit(Stuck, { count: 1 });
    await world.run(600_000);
    world.store.transact((tx) => tx.put('mended', '1'));
    expect(world.engine.retryNow(id).kind).toBe('done');
    const result = await world.settle(world.engine.ended(id), 100);
    expect(result.kind === 'failed' && result.error.code).toBe('bad-request');
  });

  it('race P11: a queue of readers and one writer: the writer gets its turn', async () => {
    const world = await booted();
    const hold = (name: string, mode: 'shared' | 'exclusive') =>
      world.engine.submit(Hold, { name, mode }).value;
    const first = hold('r1', 'shared');
    await world.run(20);
    const writer = hold('w', 'exclusive');
    await world.run(20);
    const second = hold('r2', 'shared');
    await world.run(20);
    expect([writer, second].map((id) => world.engine.show(id).reason)).toEqual(['lock', 'lock']);
    for (const name of ['w', 'r1', 'r2']) release(world, name);
    await world.settle(Promise.all([first, writer, second].map((id) => world.engine.ended(id))));
    expect(world.engine.show(writer).endedAt).toBeLessThanOrEqual(
      world.engine.show(second).endedAt ?? 0,
    );
  });

  it("race P12: a child inherits its parent's lock, though a stranger waits between", async () => {
    const world = await booted();
    const parent = world.engine.submit(HoldWithChild, { mode: 'shared' }).value;
    await world.run(20);
    const stranger = world.engine.submit(Hold, { name: 'stranger', mode: 'exclusive' }).value;
    await world.run(20);
    expect(world.engine.show(stranger).reason).toBe('lock');
    release(world, 'child');
    world.engine.signal('go');
    expect((await world.settle(world.engine.ended(parent))).kind).toBe('succeeded');
    release(world, 'stranger');
    expect((await world.settle(world.engine.ended(stranger))).kind).toBe('succeeded');
  });

  it('race P13: one nonce is one procedure, at once, later and after a restart', async () => {
    const world = await booted();
    const submit = (key: string) => world.engine.submit(Count, { key }, { nonce: 'n' });
    const first = submit('a');
    const second = submit('a');
    expect(second.value).toBe(first.value);
    let isDurable = false;
    second.whenDurable(() => {
      isDurable = true;
    });
    expect(isDurable).toBe(false);
    await world.settle(world.engine.ended(first.value));
    expect(isDurable).toBe(true);
    world.kill();
    await world.boot();
    expect(submit('a').value).toBe(first.value);
    expect(world.engine.result(first.value)?.kind).toBe('succeeded');
    expect(world.disk.values.get('a')).toBe('1');
    expect(() => submit('b')).toThrow(expect.objectContaining({ code: 'nonce-reused' }));
  });

  it('race P14: when the store fails nothing is shown and nothing runs that is not durable', async () => {
    const world = await booted();
    world.store.breakDown();
    const committed = world.engine.submit(Count, { key: 'a' });
    const id = committed.value;
    let isShown = false;
    void committed.durable().then(() => {
      isShown = true;
    });
    world.engine.whenEnded(id, () => {
      isShown = true;
    });
    await world.run(60_000);
    expect(isShown).toBe(false);
    expect(world.engine.result(id)).toBeUndefined();
    expect(world.story(id)).toEqual([]);
    expect(world.disk.values.size).toBe(0);
  });

  it(
    'race P15: a parent of 100,000 children keeps a window of them',
    { timeout: 60_000 },
    async () => {
      const world = new EngineWorld(types, { isQuiet: true });
      await world.boot();
      const { value: id } = world.engine.submit(FanOut, {
        prefix: 'k',
        count: 100_000,
        window: 1_000,
      });
      let liveMax = 0;
      let rowMax = 0;
      await world.driveUntil(() => {
        liveMax = Math.max(liveMax, world.disk.rows.size);
        rowMax = Math.max(rowMax, world.disk.rows.get(id)?.length ?? 0);
        return world.engine.result(id) !== undefined;
      });
      expect(world.engine.result(id)).toMatchObject({ kind: 'succeeded' });
      expect(liveMax).toBeLessThan(2_500);
      expect(rowMax).toBeLessThan(4_096);
    },
  );

  it('race P17: bypass of a running one is refused unless its async part is abandoned', async () => {
    const world = await booted();
    const { value: id } = world.engine.submit(Slow, { key: 'x' });
    await world.run(2_000);
    expect(world.engine.show(id)).toMatchObject({ reason: 'running', isOverdue: true });
    expect(world.engine.bypassPlan(id)).toMatchObject({ needsOverride: true, isPossible: true });
    expect(world.engine.bypass(id).value.kind).toBe('refused');
    expect(world.engine.bypass(id, { override: true }).value.kind).toBe('done');
    expect((await world.settle(world.engine.ended(id))).kind).toBe('bypassed');
    world.outside.set('go', 1);
    await world.run(1_000);
    expect(world.engine.result(id)?.kind).toBe('bypassed');
  });

  it('race P17: bypass of a parent needs to be recursive, of an ended one is refused', async () => {
    const world = await booted();
    const { value: id } = world.engine.submit(HoldWithChild, { mode: 'exclusive' });
    await world.run(20);
    world.engine.signal('go');
    await world.run(20);
    expect(world.engine.tree(id).children).toHaveLength(1);
    const refusal = world.engine.bypass(id).value;
    expect(refusal.kind === 'refused' && refusal.reason).toContain('recursive');
    expect(world.engine.bypass(id, { recursive: true }).value.kind).toBe('done');
    expect((await world.settle(world.engine.ended(id))).kind).toBe('bypassed');
    expect(world.engine.list({ phases: ['forward'] }).procedures).toEqual([]);
    expect((await world.engine.locks()).locks).toEqual([]);
    const late = world.engine.bypass(id).value;
    expect(late.kind === 'refused' && late.reason).toContain('has ended');
    expect(() => world.engine.bypass(999 as ProcedureId)).toThrow(
      expect.objectContaining({ code: 'procedure-not-found' }),
    );
  });

  it('race P18: of two steps in one group the second sees what the first has queued', async () => {
    const world = await booted();
    const first = world.engine.submit(Take, { key: 'k', by: '1' }).value;
    const second = world.engine.submit(Take, { key: 'k', by: '2' }).value;
    const ends = await world.settle(
      Promise.all([world.engine.ended(first), world.engine.ended(second)]),
    );
    expect(ends.map(({ kind }) => kind)).toEqual(['succeeded', 'failed']);
    expect(world.disk.values.get('k')).toBe('1');
  });

  it('race P20: a recovery proceeds while an alter holds its table, and the alter finishes', async () => {
    const world = await booted();
    const alter = world.engine.submit(Alter, { regions: 300 }).value;
    await world.run(50);
    expect(world.engine.show(alter).holdsLocks).toBe(true);
    const recoveries = [250, 260, 270].map(
      (region) => world.engine.submit(Recover, { region }).value,
    );
    await world.settle(Promise.all(recoveries.map((id) => world.engine.ended(id))), 20);
    expect(world.engine.result(alter)).toBeUndefined();
    expect((await world.settle(world.engine.ended(alter))).kind).toBe('succeeded');
  });
});
