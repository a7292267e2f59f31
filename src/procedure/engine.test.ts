import { describe, expect, it } from 'vitest';
import type { Incarnation } from '../base/ids.js';
import type { RemoteBatch } from './api.js';
import { EngineWorld } from './testing/engine-world.js';
import { Count, FanOut, Ladder, Open, sampleTypes, WaitForKey } from './testing/sample-types.js';

async function booted(servers: readonly number[] = []): Promise<EngineWorld> {
  const world = new EngineWorld(sampleTypes);
  await world.boot({ servers });
  return world;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

describe('a procedure', () => {
  it('runs its step, keeps its result, tells who waits', async () => {
    const world = await booted();
    const { value: id } = world.engine.submit(Count, { key: 'a' });
    const result = await world.settle(world.engine.ended(id));
    expect(result).toEqual({ kind: 'succeeded', result: Buffer.from('a') });
    expect(world.disk.values.get('a')).toBe('1');
    expect(world.engine.result(id)?.kind).toBe('succeeded');
  });

  it('climbs through async parts, children and its point of no return', async () => {
    const world = await booted();
    const { value: id } = world.engine.submit(Ladder, { table: 't' });
    const result = await world.settle(world.engine.ended(id));
    expect(result.kind === 'succeeded' && text(result.result)).toBe('3');
    expect([...world.disk.values.keys()].sort()).toEqual([
      't/child-0',
      't/child-1',
      't/clean',
      't/flip',
      't/prepare',
      't/write',
    ]);
    expect((await world.engine.locks()).locks).toEqual([]);
    expect(world.disk.rows.size).toBe(1);
  });

  it('is rolled back when a step fails for good, newest step first (R-P4)', async () => {
    const world = await booted();
    const { value: id } = world.engine.submit(Ladder, { table: 't', failAt: 'flip' });
    const result = await world.settle(world.engine.ended(id));
    expect(result.kind === 'failed' && result.error.code).toBe('constraint-violated');
    expect([...world.disk.values.keys()]).toEqual([]);
    expect([...world.outside.keys()]).toEqual([]);
    expect(world.story(id)).toContain('rolling back');
  });

  it('spreads children window by window and counts them (R-P2)', async () => {
    const world = await booted();
    const { value: id } = world.engine.submit(FanOut, { prefix: 'k', count: 50, window: 8 });
    const result = await world.settle(world.engine.ended(id));
    expect(result.kind === 'succeeded' && text(result.result)).toBe('50/0');
    expect(world.disk.values.size).toBe(50);
    expect(world.disk.rows.size).toBe(1);
  });

  it('wakes by the event it waits for, and by time', async () => {
    const world = await booted();
    const first = world.engine.submit(WaitForKey, { key: 'x' }).value;
    const second = world.engine.submit(WaitForKey, { key: 'y', timeoutMs: 500 }).value;
    await world.run(100);
    expect(world.engine.show(first).reason).toBe('event');
    world.store.transact((tx) => tx.put('x', '1')).whenDurable(() => world.engine.signal('key-x'));
    const [one, two] = await world.settle(
      Promise.all([world.engine.ended(first), world.engine.ended(second)]),
    );
    expect(one.kind === 'succeeded' && text(one.result)).toBe('event');
    expect(two.kind === 'succeeded' && text(two.result)).toBe('timeout');
  });

  it('has a server work for it and goes on with the answer', async () => {
    const world = await booted([7]);
    const batches: RemoteBatch[] = [];
    world.send = (batch) => {
      batches.push(batch);
      return Promise.resolve();
    };
    const { value: id } = world.engine.submit(Open, { region: 1, server: 7 });
    await world.run(50);
    const operation = batches[0]?.operations[0];
    expect(operation).toMatchObject({ procedure: id, kind: 'open', attempt: 1 });
    const taken = world.engine.remoteResult(7 as Incarnation, operation?.number ?? 0, {
      kind: 'executed',
      body: Buffer.from('ok'),
    });
    expect(taken.value).toBe('taken');
    const result = await world.settle(world.engine.ended(id));
    expect(result.kind === 'succeeded' && text(result.result)).toBe('ok');
    expect(world.engine.remoteFloor(7 as Incarnation)).toBe(operation?.number);
  });
});
