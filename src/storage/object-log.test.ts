import { describe, expect, it } from 'vitest';
import { LocalObjectStore } from '../world/local/object-store.js';
import { NodeClock } from '../world/real/clock.js';
import { NodeDisk } from '../world/real/disk.js';
import { NodeRandom } from '../world/real/random.js';
import { Simulation } from '../world/simulated/simulation.js';
import { ObjectLogStore } from './object-log.js';
import { appendDurably, failureOf, readTexts } from './testing/log-helpers.js';
import { logSuite } from './testing/log-suite.js';
import { makeTemporaryDirectory } from './testing/temporary-directory.js';

logSuite('objects in a local directory', async () => {
  const { path: root, remove } = await makeTemporaryDirectory();
  return {
    open: () => {
      const random = new NodeRandom();
      const objects = new LocalObjectStore(new NodeDisk(), root, random);
      return new ObjectLogStore({ objects, clock: new NodeClock(), random });
    },
    run: (work) => work(),
    dispose: remove,
  };
});

logSuite('objects in a simulated bucket', async () => {
  const simulation = new Simulation('object log suite');
  let nodes = 0;
  return {
    open: () => {
      const { world } = simulation.node(`node-${nodes++}`, { root: 'objects' });
      const { clock, random } = world;
      return new ObjectLogStore({ objects: world.root.objects, clock, random });
    },
    run: (work) => simulation.run(work),
    dispose: async () => undefined,
  };
});

describe('a log in an object store that leaves its writer in the dark', () => {
  it.each(['whole', 'partial', 'none'] as const)(
    'race W8: reads back what became of a group (%s)',
    async (effect) => {
      const simulation = new Simulation(effect);
      const { world } = simulation.node('writer', { root: 'objects' });
      const { clock, random, root } = world;
      const logs = new ObjectLogStore({ objects: root.objects, clock, random });
      const writer = await simulation.run(() => logs.create('w'));
      simulation.bucket.faults.failNext('create', { effect, times: 2 });
      await simulation.run(() => appendDurably(writer, ['one']));
      await simulation.runFor(120_000); // a late request arrives
      await simulation.run(() => appendDurably(writer, ['two']));
      expect((await simulation.run(() => logs.seal('w'))).sequence).toBe(3);
      expect(await simulation.run(() => readTexts(logs, 'w'))).toEqual(['one', 'two']);
    },
  );

  it('ends its writer when it stays unreachable, and the log can be sealed', async () => {
    const simulation = new Simulation('unreachable');
    const { clock, random, root } = simulation.node('writer', { root: 'objects' }).world;
    const logs = new ObjectLogStore({ objects: root.objects, clock, random });
    const writer = await simulation.run(() => logs.create('w'));
    await simulation.run(() => appendDurably(writer, ['one']));
    simulation.bucket.faults.failNext('create', { times: 100 });
    const failure = await simulation.run(() => failureOf(appendDurably(writer, ['two'])));
    expect(failure).toMatchObject({ code: 'storage-unavailable' });
    expect(writer.durable).toBe(1);
    simulation.bucket.faults.clear();
    const { sequence } = await simulation.run(() => logs.seal('w'));
    expect((await simulation.run(() => readTexts(logs, 'w'))).length).toBe(sequence - 1);
  });

  it('lingers for company, so that requests stay few', async () => {
    const simulation = new Simulation('linger');
    const { clock, random, root } = simulation.node('writer', { root: 'objects' }).world;
    const logs = new ObjectLogStore({ objects: root.objects, clock, random, lingerMs: 250 });
    const writer = await simulation.run(() => logs.create('w'));
    for (let i = 0; i < 100; i++) {
      writer.append(Buffer.from(`${i}`));
      await simulation.runFor(10);
    }
    await simulation.run(() => writer.close());
    expect(writer.segments.length).toBeLessThanOrEqual(5);
    expect(await simulation.run(() => readTexts(logs, 'w'))).toHaveLength(100);
  });
});
