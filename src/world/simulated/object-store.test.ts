import { describe, expect, it } from 'vitest';
import { objectStoreSuite } from '../testing/object-store-suite.js';
import { Simulation } from './simulation.js';

objectStoreSuite('SimObjectStore', () => {
  const simulation = new Simulation('suite');
  const options = { root: 'objects' } as const;
  return Promise.resolve({
    objects: simulation.node('one', options).world.root.objects,
    others: simulation.node('other', options).world.root.objects,
    drive: (work) => simulation.run(work),
  });
});

describe('SimObjectStore', () => {
  it('race W8: a create that fails has had an effect, has none, or will have it later', async () => {
    const outcomes = new Set<string>();
    for (const effect of ['whole', 'none', 'partial'] as const) {
      const simulation = new Simulation(effect);
      const { objects } = simulation.node('one', { root: 'objects' }).world.root;
      simulation.bucket.faults.failNext('create', { effect });
      const bytes = Buffer.from('value');
      await expect(simulation.run(objects.create('key', bytes))).rejects.toMatchObject({
        code: 'storage-unavailable',
        kind: 'retry',
      });
      const atOnce = await simulation.run(objects.head('key'));
      await simulation.runUntilIdle();
      const later = await simulation.run(objects.head('key'));
      outcomes.add(`${effect}: ${atOnce !== undefined} ${later !== undefined}`);
    }
    expect([...outcomes]).toEqual(['whole: true true', 'none: false false', 'partial: false true']);
  });

  it('race W8: at a rate of faults, two who retry and read back agree on one value', async () => {
    for (let seed = 0; seed < 50; seed++) {
      const simulation = new Simulation(seed);
      for (const kind of ['create', 'get', 'head'] as const) {
        simulation.bucket.faults.failAtRate(kind, 0.4);
      }
      const agreed = await simulation.run(() =>
        Promise.all(
          ['one', 'two', 'three'].map((name) => {
            const { objects } = simulation.node(name, { root: 'objects' }).world.root;
            return createOrRead(objects, name);
          }),
        ),
      );
      expect(new Set(agreed).size, `seed ${seed}`).toBe(1);
    }
  });

  it('keeps the objects of killed nodes and crashed machines', async () => {
    const simulation = new Simulation(1);
    const { objects } = simulation.node('one', { root: 'objects' }).world.root;
    await simulation.run(objects.create('key', Buffer.from('value')));
    simulation.crashMachine();
    const next = simulation.node('one', { root: 'objects' }).world.root.objects;
    expect((await simulation.run(next.get('key'))).toString()).toBe('value');
  });
});

async function createOrRead(
  objects: ReturnType<Simulation['node']>['world']['root']['objects'],
  value: string,
): Promise<string> {
  for (;;) {
    try {
      await objects.create('key', Buffer.from(value));
    } catch {
      // Taken or unknown: what is there now decides.
    }
    try {
      return (await objects.get('key')).toString();
    } catch {
      // Not there yet, or the read failed.
    }
  }
}
