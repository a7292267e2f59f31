import { describe, expect, it } from 'vitest';
import type { ProcedureId } from '../base/ids.js';
import { noState } from './codec.js';
import { lockTable } from './lock-request.js';
import { done } from './next.js';
import { EngineWorld } from './testing/engine-world.js';
import {
  Count,
  define,
  FanOut,
  Ladder,
  Open,
  plain,
  sampleTypes,
  WaitForKey,
} from './testing/sample-types.js';

/** Holds a table while it builds something outside the catalog. */
const Build = define({
  type: 'Build',
  version: 1,
  onRestore: 'resume',
  priority: 'table',
  input: plain<{ file: string }>(),
  state: noState,
  initial: () => undefined,
  locks: () => [lockTable({ namespace: 'default', qualifier: 't' }, 'exclusive')],
  group: () => '',
  first: 'build',
  steps: {
    build: {
      before: async (run) => {
        run.context.outside.set(run.input.file, 1);
        while (run.context.outside.get('go') === undefined) await run.clock.sleep(10);
      },
      commit: () => done(),
      undo: {
        before: async (run) => {
          await run.clock.sleep(1);
          run.context.outside.set(`${run.input.file} is gone`, 1);
        },
      },
    },
  },
});

async function booted(options: { readonly paused?: boolean } = {}): Promise<EngineWorld> {
  const world = new EngineWorld(sampleTypes);
  await world.boot({ ...options, servers: [7] });
  return world;
}

describe('operator verbs (R-P7)', () => {
  it('list filters and pages over unfinished and ended procedures, in order of ids', async () => {
    const world = await booted();
    const { engine } = world;
    const ids: ProcedureId[] = [];
    for (let index = 0; index < 5; index++) {
      ids.push(engine.submit(Count, { key: `k${index}` }, { owner: 'ada' }).value);
      ids.push(engine.submit(WaitForKey, { key: `k-${index}` }).value);
    }
    await world.run(60_000);
    const pages: ProcedureId[][] = [];
    let after: ProcedureId | undefined;
    do {
      const page = engine.list({ limit: 3, ...(after !== undefined && { after }) });
      pages.push(page.procedures.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    expect(pages.map(({ length }) => length)).toEqual([3, 3, 3, 1]);
    expect(pages.flat()).toEqual(ids);
    const count = (filter: Parameters<typeof engine.list>[0]) =>
      engine.list(filter).procedures.length;
    expect(count({ owner: 'ada' })).toBe(5);
    expect(count({ types: ['WaitForKey'], reasons: ['event'] })).toBe(5);
    expect(count({ phases: ['succeeded'] })).toBe(5);
    expect(count({ stuckForMs: 30_000 })).toBe(5);
    expect(count({ stuckForMs: 90_000 })).toBe(0);
  });

  it('show has the history with the time in each step; tree has the children', async () => {
    const world = await booted();
    const { value: id } = world.engine.submit(Ladder, { table: 't' });
    world.engine.pauseType('Count');
    await world.run(1_000);
    const tree = world.engine.tree(id);
    expect(tree.procedure).toMatchObject({
      reason: 'children',
      waitsFor: '2 children',
      childrenLive: 2,
    });
    expect(tree.children.map(({ procedure }) => procedure.reason)).toEqual(['paused', 'paused']);
    expect(world.engine.tree(id, 2).omitted).toBe(1);
    const child = tree.children[0]?.procedure.id ?? id;
    expect(world.engine.tree(child).procedure.id).toBe(id);
    world.engine.resumeType('Count');
    await world.settle(world.engine.ended(id));
    const steps = world.engine.show(id).history.map(({ step }) => step);
    expect(steps).toEqual(['prepare', 'write', 'flip', 'clean']);
  });

  it('explain names the whole chain of waiting, since when, and what can be done', async () => {
    const world = await booted();
    const first = world.engine.submit(Ladder, { table: 't' }).value;
    world.engine.pauseType('Count');
    await world.run(100);
    const second = world.engine.submit(Ladder, { table: 't' }).value;
    const third = world.engine.submit(Ladder, { table: 't', mode: 'shared' }).value;
    await world.run(5_000);
    const { chain, advice } = world.engine.explain(third);
    expect(chain.map(({ id }) => id)).toEqual([third, first, first + 1]);
    expect(chain[0]?.text).toMatch(/Ladder t .* lock for 5\.\d s \(shared table default:t\)/);
    expect(chain[1]?.text).toContain('children for');
    expect(advice.join()).toContain('resume');
    expect((await world.engine.locks()).locks).toContainEqual({
      kind: 'table',
      name: 'default:t',
      mode: 'exclusive',
      holders: [first],
      holderCount: 1,
      waiterCount: 2,
      waiters: [
        { id: second, mode: 'exclusive' },
        { id: third, mode: 'shared' },
      ],
    });
  });

  it('cancel of one that waits for its lock ends it, and it leaves the queue', async () => {
    const world = await booted();
    const { engine } = world;
    engine.pauseType('Count');
    const first = engine.submit(Ladder, { table: 't' }).value;
    await world.run(100);
    const second = engine.submit(Ladder, { table: 't' }).value;
    await world.run(100);
    expect(engine.show(second).reason).toBe('lock');
    expect(engine.cancel(second).value.kind).toBe('done');
    const result = await world.settle(engine.ended(second));
    expect(result).toMatchObject({ kind: 'failed', error: { code: 'procedure-cancelled' } });
    engine.resumeType('Count');
    await world.settle(engine.ended(first));
    expect((await engine.locks()).locks).toEqual([]);
    expect(engine.cancel(first).value).toMatchObject({ kind: 'refused' });
  });

  it('cancel of one that waits for its lock after a restart undoes what it may have begun', async () => {
    const world = new EngineWorld([...sampleTypes, Build]);
    await world.boot();
    const first = world.engine.submit(Build, { file: 'a' }).value;
    const second = world.engine.submit(Build, { file: 'b' }).value;
    await world.run(20);
    world.kill();
    await world.boot();
    await world.run(20);
    expect(world.engine.show(second).reason).toBe('lock');
    // As far as anyone knows it had begun before the restart.
    world.engine.cancel(second);
    await world.run(20);
    expect(world.engine.show(second)).toMatchObject({ phase: 'rolling-back', reason: 'lock' });
    world.outside.set('go', 1);
    const ends = await world.settle(
      Promise.all([first, second].map((id) => world.engine.ended(id))),
    );
    expect(ends.map(({ kind }) => kind)).toEqual(['succeeded', 'failed']);
    expect([...world.outside.keys()].sort()).toEqual(['a', 'b is gone', 'go']);
    expect((await world.engine.locks()).locks).toEqual([]);
    expect(world.engine.faults()).toEqual([]);
  });

  it('pause stops one, over a restart; resume lets it go on', async () => {
    const world = await booted();
    const { value: id } = world.engine.submit(Ladder, { table: 't' });
    await world.settle(world.engine.pause(id).durable());
    world.kill();
    await world.boot();
    await world.run(60_000);
    expect(world.engine.show(id)).toMatchObject({ reason: 'paused', isPaused: true });
    await world.settle(world.engine.resume(id).durable());
    expect((await world.settle(world.engine.ended(id))).kind).toBe('succeeded');
    expect(world.engine.faults()).toEqual([]);
  });

  it('started paused, nothing runs until everything is resumed', async () => {
    const world = await booted({ paused: true });
    const { value: id } = world.engine.submit(Count, { key: 'a' });
    await world.run(60_000);
    expect(world.engine.show(id).reason).toBe('paused');
    world.engine.resumeAll();
    expect((await world.settle(world.engine.ended(id))).kind).toBe('succeeded');
  });

  it('priority is kept over a restart', async () => {
    const world = await booted({ paused: true });
    const { value: id } = world.engine.submit(Count, { key: 'a' });
    await world.settle(world.engine.setPriority(id, 'crash').durable());
    expect(world.engine.show(id).priority).toBe('crash');
    world.kill();
    await world.boot({ paused: true });
    expect(world.engine.show(id).priority).toBe('crash');
  });

  it('retry now wakes what waits, and says so when there is nothing to try', async () => {
    const world = await booted();
    const { value: id } = world.engine.submit(WaitForKey, { key: 'x' });
    await world.run(100);
    world.store.transact((tx) => tx.put('x', '1'));
    expect(world.engine.retryNow(id).kind).toBe('done');
    const result = await world.settle(world.engine.ended(id));
    expect(result.kind === 'succeeded' && Buffer.from(result.result).toString()).toBe('signal');
    expect(world.engine.retryNow(id).kind).toBe('refused');
  });

  it('drain waits for async parts that are under way, stop does not', async () => {
    const world = await booted();
    const { value: id } = world.engine.submit(Ladder, { table: 't' });
    await world.driveUntil(() => world.engine.show(id).reason === 'running');
    await world.settle(world.engine.drain());
    await world.run(1_000);
    expect(world.engine.show(id).step).toBe('flip');
    expect(world.engine.result(id)).toBeUndefined();
    await world.settle(world.engine.stop());
    await world.run(60_000);
    world.kill();
    await world.boot();
    expect((await world.settle(world.engine.ended(id))).kind).toBe('succeeded');
  });
});

describe('results (R-P6)', () => {
  it('are kept for fifteen minutes, five once acknowledged, and then the nonce is free', async () => {
    const world = await booted();
    const { engine } = world;
    const submit = () => engine.submit(Count, { key: 'a' }, { nonce: 'n' }).value;
    const first = submit();
    const second = engine.submit(Count, { key: 'b' }).value;
    await world.run(1_000);
    engine.acknowledge(second);
    await world.run(6 * 60_000);
    expect(engine.result(first)?.kind).toBe('succeeded');
    expect(() => engine.result(second)).toThrow('nothing is known');
    await world.run(10 * 60_000);
    expect(() => engine.result(first)).toThrow('nothing is known');
    expect(world.disk.rows.size).toBe(0);
    expect(submit()).not.toBe(first);
  });

  it('are bounded in number', async () => {
    const world = await booted();
    for (let index = 0; index < 12_000; index++) world.engine.submit(Count, { key: 'a' });
    await world.run(5_000);
    expect(world.disk.rows.size).toBeLessThanOrEqual(11_000);
    expect(world.disk.values.get('a')).toBe('12000');
  });
});

describe('the log (R-P10)', () => {
  it('tells the story of one open, with pid and ppid on every line', async () => {
    const world = await booted();
    world.send = ({ server, operations }) => {
      for (const { number } of operations) {
        world.clock.timer(5, () => {
          world.engine.remoteResult(server, number, { kind: 'executed', body: Buffer.from('') });
        });
      }
      return Promise.resolve();
    };
    const parent = world.engine.submit(FanOut, { prefix: 'k', count: 1, window: 1 }).value;
    const open = world.engine.submit(Open, { region: 5, server: 7 }).value;
    await world.run(1_000);
    const lines = world.lines
      .filter(({ fields }) => fields['pid'] !== undefined)
      .map(({ message, fields }) => {
        const { pid, ppid, type, step, next, for: what } = fields;
        const words = [type, step, next === undefined ? undefined : `→ ${next}`, what];
        const ids = ppid === undefined ? `pid=${pid}` : `pid=${pid} ppid=${ppid}`;
        return `${ids} ${message}: ${words.filter((word) => word !== undefined).join(' ')}`;
      });
    expect([parent, open]).toEqual([1, 2]);
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('testdata/story.txt');
  });
});
