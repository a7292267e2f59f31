import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CadastreError } from '../../base/errors.js';
import { simulatedRoot } from '../simulated/node.js';
import { Simulation } from '../simulated/simulation.js';
import { objectStoreSuite } from '../testing/object-store-suite.js';
import { clearTemporaries } from './object-store.js';

objectStoreSuite('LocalObjectStore on a simulated disk', () => {
  const simulation = new Simulation('suite');
  return Promise.resolve({
    objects: simulation.node('one').world.root.objects,
    others: simulation.node('other').world.root.objects,
    drive: (work) => simulation.run(work),
  });
});

describe('LocalObjectStore', () => {
  it('refuses keys under its temporary directory and does not list it', async () => {
    const simulation = new Simulation(1);
    const { objects } = simulation.node('one').world.root;
    await simulation.run(async () => {
      await (await objects.createWriter('big')).write(Buffer.from('unfinished'));
      expect(await objects.list('tmp/')).toEqual([]);
      await expect(objects.get('tmp/x')).rejects.toMatchObject({ code: 'bad-request' });
    });
  });

  it('reads more objects than it keeps open', async () => {
    const simulation = new Simulation(1);
    const { objects } = simulation.node('one').world.root;
    await simulation.run(async () => {
      for (let index = 0; index < 600; index++) {
        await objects.put(`data/${index}`, Buffer.from(`object ${index}`));
      }
      for (let index = 0; index < 1_200; index++) {
        const bytes = await objects.get(`data/${index % 600}`, { start: 7, end: 100 });
        expect(bytes.toString()).toBe(String(index % 600));
      }
    });
  });

  it('a write whose temporary file was cleared away ends as unavailable', async () => {
    const simulation = new Simulation(1);
    const { objects } = simulation.node('one').world.root;
    const { disk } = simulation.node('other');
    await simulation.run(async () => {
      const writer = await objects.createWriter('a/b');
      await writer.write(Buffer.from('bytes'));
      await clearTemporaries(disk, simulatedRoot);
      await expect(writer.finish()).rejects.toMatchObject({ code: 'storage-unavailable' });
      await objects.create('a/b', Buffer.from('bytes'));
    });
  });
});

describe('LocalObjectStore and crashes', () => {
  const crashes = fc.record({
    seed: fc.integer({ min: 0 }),
    isPowerLoss: fc.boolean(),
    afterMs: fc.integer({ min: 0, max: 60 }),
  });

  it('keeps every object that was acknowledged, and shows none in part', async () => {
    await fc.assert(
      fc.asyncProperty(crashes, async ({ seed, isPowerLoss, afterMs }) => {
        const simulation = new Simulation(seed);
        const writers = ['one', 'two'].map((name) => simulation.node(name));
        const acknowledged = new Map<string, Buffer>();
        for (const { name, world } of writers) {
          void write(world.root.objects, name, acknowledged);
        }
        await simulation.runFor(afterMs);
        if (isPowerLoss) simulation.crashMachine();
        else for (const writer of writers) writer.kill();
        const { objects } = simulation.node('reader').world.root;
        await simulation.run(async () => {
          for (const info of await objects.list('')) {
            const bytes = await objects.get(info.key);
            expect(bytes).toHaveLength(info.bytes);
            if (info.key.startsWith('alive/'))
              expect(bytes).toEqual(valueOf(bytes.toString('utf8', 0, 10)));
            else expect(bytes).toEqual(valueOf(info.key));
          }
          for (const [key, value] of acknowledged) {
            const found = await objects.get(key);
            if (!key.startsWith('alive/')) expect(found).toEqual(value);
          }
        });
      }),
      { numRuns: 100 },
    );
  });

  it('an object that the loser of a create saw survives a power loss', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0 }), async (seed) => {
        const simulation = new Simulation(seed);
        const winner = simulation.node('winner');
        const { objects } = simulation.node('loser').world.root;
        void winner.world.root.objects.create('register/1', Buffer.from('first'));
        while (!winner.disk.existsNow(`${simulatedRoot}/register/1`)) await simulation.runFor(0.1);
        winner.kill();
        await expect(
          simulation.run(objects.create('register/1', Buffer.from('second'))),
        ).rejects.toMatchObject({ code: 'object-exists' });
        simulation.crashMachine();
        const next = simulation.node('reader').world.root.objects;
        expect((await simulation.run(next.get('register/1'))).toString()).toBe('first');
      }),
      { numRuns: 100 },
    );
  });

  it('race W10: a full disk is told as such, leaves no part, and passes', async () => {
    const simulation = new Simulation(1);
    const { drive } = simulation.machine();
    const { objects } = simulation.node('one').world.root;
    await simulation.run(async () => {
      await objects.create('a/1', Buffer.alloc(1_000));
      drive.capacityBytes = 3_000;
      const tooBig = Buffer.alloc(5_000);
      for (const write of [
        () => objects.create('a/2', tooBig),
        () => objects.put('a/1', tooBig),
        async () => (await objects.createWriter('a/3')).write(tooBig),
      ]) {
        await expect(write()).rejects.toMatchObject({ code: 'disk-full', kind: 'wait' });
      }
      expect(await objects.list('')).toEqual([{ key: 'a/1', bytes: 1_000 }]);
      expect(await objects.get('a/1')).toEqual(Buffer.alloc(1_000));
      await objects.create('a/4', Buffer.alloc(1_000));
      drive.capacityBytes = 100_000;
      await objects.create('a/2', tooBig);
    });
  });

  it('race W10: on a read-only disk writes are refused and reads go on', async () => {
    const simulation = new Simulation(1);
    const { objects } = simulation.node('one').world.root;
    await simulation.run(async () => {
      await objects.create('a/1', Buffer.from('value'));
      simulation.machine().drive.isReadOnly = true;
      const refused = { code: 'root-unusable' };
      await expect(objects.create('a/2', Buffer.from('x'))).rejects.toMatchObject(refused);
      await expect(objects.put('a/1', Buffer.from('x'))).rejects.toMatchObject(refused);
      await expect(objects.delete(['a/1'])).rejects.toMatchObject(refused);
      expect((await objects.get('a/1')).toString()).toBe('value');
    });
  });

  it('at a rate of disk faults, an error other than unavailable is never invented', async () => {
    for (let seed = 0; seed < 30; seed++) {
      const simulation = new Simulation(seed);
      for (const kind of ['write', 'link', 'sync-directory', 'rename'] as const) {
        simulation.machine().drive.faults.failAtRate(kind, 0.2);
      }
      const { objects } = simulation.node('one').world.root;
      await simulation.run(async () => {
        for (let index = 0; index < 20; index++) {
          const key = `a/${index % 7}`;
          const value = Buffer.from(`value ${index}`);
          const before = await objects.head(key);
          const error = await objects.create(key, value).then(
            () => undefined,
            (thrown: CadastreError) => thrown,
          );
          if (error === undefined) expect(before).toBeUndefined();
          else if (error.code === 'object-exists') expect(before).toBeDefined();
          else expect(error.code).toBe('storage-unavailable');
        }
      });
    }
  });
});

/** Creates objects one after the other and rewrites one, for ever. */
async function write(
  objects: ReturnType<Simulation['node']>['world']['root']['objects'],
  name: string,
  acknowledged: Map<string, Buffer>,
): Promise<void> {
  for (let index = 0; ; index++) {
    const key = `data/${index % 3}/${name}-${index}`;
    await objects.create(key, valueOf(key));
    acknowledged.set(key, valueOf(key));
    const alive = `alive/${name}`;
    const value = valueOf(`${name}-${index}`.padEnd(10));
    await objects.put(alive, value);
    acknowledged.set(alive, value);
  }
}

/** A value of several sectors from which its whole can be told. */
function valueOf(text: string): Buffer {
  return Buffer.alloc(1_300, text);
}
