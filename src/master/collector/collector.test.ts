import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CadastreError } from '../../base/errors.js';
import type { Epoch, Incarnation, RegionId } from '../../base/ids.js';
import type { Catalog } from '../../catalog/api.js';
import { claimObject, dropClaims } from '../../catalog/claims.js';
import { defineKind } from '../../catalog/kind.js';
import { addLog, noteSeal, releaseLog, releaseSealedLog } from '../../catalog/log-needs.js';
import { candidateKind, objectCandidate } from '../../catalog/records/deletion.js';
import { fileKind } from '../../catalog/records/files.js';
import { sampleFile } from '../../catalog/testing/samples.js';
import { SimulatedCatalog } from '../../catalog/testing/simulated-catalog.js';
import type { Reign } from '../../catalog/testing/simulated-catalog.js';
import type { CollectorOptions, RootIdentity } from './collector.js';
import { Collector } from './collector.js';
import { explainObject } from './explain.js';
import type { HorizonSource } from './horizon.js';

const minute = 60_000;

function identity({ clusterId, epoch, timeline }: Catalog): RootIdentity {
  return { clusterId, epoch, timeline };
}

function collectorOf(reign: Reign, changes: Partial<CollectorOptions> = {}): Collector {
  const { catalog, storage, node } = reign;
  const { clock, log } = node.world;
  return new Collector({
    catalog,
    storage,
    clock,
    log,
    horizonSources: [],
    readRoot: () => Promise.resolve(identity(catalog)),
    everyMs: minute,
    ...changes,
  });
}

async function begin(changes: Partial<CollectorOptions> = {}) {
  const world = new SimulatedCatalog();
  const reign = await world.open();
  const collector = collectorOf(reign, changes);
  const collect = () => world.run(collector.collect());
  return { world, reign, collector, collect, ...reign };
}

const key = (region: number, object: string) => [region as RegionId, 'f', object] as const;

async function addFile({ catalog, storage }: Reign, region: number, object: string): Promise<void> {
  if ((await storage.objects.head(object)) === undefined) {
    await storage.objects.create(object, Buffer.from(object));
  }
  const committed = catalog.transact((tx) => {
    tx.put(fileKind, key(region, object), sampleFile(object, { birth: tx.revision }));
  });
  await committed.durable();
}

async function dropFile({ catalog }: Reign, region: number, object: string): Promise<void> {
  const committed = catalog.transact((tx) => {
    tx.delete(fileKind, key(region, object));
  });
  await committed.durable();
}

async function stored({ storage }: Reign): Promise<string[]> {
  return (await storage.objects.list('data/')).map((object) => object.key);
}

describe('the collector', () => {
  it('deletes what nothing refers to and drops its rows, and nothing else', async () => {
    const { world, reign, collect, catalog } = await begin();
    await world.run(addFile(reign, 1, 'data/a'));
    await world.run(addFile(reign, 1, 'data/b'));
    await world.run(dropFile(reign, 1, 'data/a'));
    const report = await collect();
    expect(report).toMatchObject({ objectsDeleted: 1, bytesDeleted: 100, aborted: undefined });
    expect(await world.run(stored(reign))).toEqual(['data/b']);
    expect([...catalog.durable.scan(candidateKind)]).toEqual([]);
    expect(await collect()).toMatchObject({ objectsDeleted: 0 });
  });

  it('frees ranges of logs, and whole ones once they are sealed', async () => {
    const { world, collect, catalog, storage } = await begin();
    const server = 1 as Incarnation;
    const writer = await world.run(storage.logs.create('1'));
    const append = async (records: number) => {
      let last = 0;
      for (let i = 0; i < records; i++) last = writer.append(Buffer.alloc(1024 * 1024));
      await new Promise<void>((resolve) => {
        writer.whenDurable(last, resolve);
      });
    };
    catalog.transact((tx) => {
      addLog(tx, server, '1');
    });
    await world.run(append(40));
    const low = writer.position;
    expect(low.segment).toBeGreaterThan(1);
    const released = catalog.transact((tx) => {
      releaseLog(tx, server, low);
    });
    await world.run(released.durable());
    await world.run(append(1));
    expect(await collect()).toMatchObject({ logsReleased: 1, aborted: undefined });
    expect(writer.segments[0]?.segment).toBe(low.segment);
    const read = async () => {
      const sequences: number[] = [];
      for await (const { sequence } of storage.logs.read('1', { from: low })) {
        sequences.push(sequence);
      }
      return sequences;
    };
    expect(await world.run(read())).toEqual([41]);

    const end = await world.run(storage.logs.seal('1'));
    const sealed = catalog.transact((tx) => {
      noteSeal(tx, server, end);
      releaseSealedLog(tx, server);
    });
    await world.run(sealed.durable());
    expect(await collect()).toMatchObject({ logsReleased: 1, aborted: undefined });
    await expect(world.run(storage.logs.create('1'))).rejects.toMatchObject({
      code: 'object-exists',
    });
  });

  it('race S9: a held revision and the last live reference end at once: collected once, no leak', async () => {
    const { world, reign, collect, catalog } = await begin();
    await world.run(addFile(reign, 1, 'data/a'));
    const held = catalog.at();
    await world.run(dropFile(reign, 1, 'data/a'));
    expect(await collect()).toMatchObject({ objectsDeleted: 0, held: 1 });
    expect(held.get(fileKind, key(1, 'data/a'))).toBeDefined();
    expect(await world.run(stored(reign))).toEqual(['data/a']);
    held.release();
    const cycles = [await collect(), await collect()];
    expect(cycles.map(({ objectsDeleted }) => objectsDeleted)).toEqual([1, 0]);
    expect(await world.run(stored(reign))).toEqual([]);
  });

  it('race S9: released and dropped in the same turn, while a cycle runs', async () => {
    const { world, reign, collector, collect, catalog } = await begin();
    await world.run(addFile(reign, 1, 'data/a'));
    const held = catalog.at();
    const running = collector.collect();
    const dropped = catalog.transact((tx) => {
      tx.delete(fileKind, key(1, 'data/a'));
    });
    held.release();
    const during = await world.run(running);
    await world.run(dropped.durable());
    const after = await collect();
    expect(during.objectsDeleted + after.objectsDeleted).toBe(1);
    expect(await world.run(stored(reign))).toEqual([]);
    expect([...catalog.durable.scan(candidateKind)]).toEqual([]);
  });

  it('race S24: a reference that is added after the plan keeps the object', async () => {
    const { world, reign, collector, catalog } = await begin();
    await world.run(addFile(reign, 1, 'data/a'));
    await world.run(dropFile(reign, 1, 'data/a'));
    // The clone comes in the same turn in which the cycle has made its plan.
    const running = collector.collect();
    catalog.transact((tx) => {
      tx.put(fileKind, key(2, 'data/a'), sampleFile('data/a', { birth: tx.revision }));
    });
    expect(await world.run(running)).toMatchObject({ objectsDeleted: 0, aborted: undefined });
    expect(await world.run(stored(reign))).toEqual(['data/a']);
  });

  it('race S24: once it is DELETING no reference can be added, and the clone is told', async () => {
    let clone: unknown;
    const { world, reign, collect, catalog } = await begin({
      readRoot: () => {
        expect(catalog.durable.get(candidateKind, objectCandidate('data/a'))?.state).toBe(
          'deleting',
        );
        try {
          catalog.transact((tx) => {
            tx.put(fileKind, key(2, 'data/a'), sampleFile('data/a'));
          });
        } catch (error) {
          clone = error;
        }
        return Promise.resolve(identity(catalog));
      },
    });
    await world.run(addFile(reign, 1, 'data/a'));
    await world.run(dropFile(reign, 1, 'data/a'));
    expect(await collect()).toMatchObject({ objectsDeleted: 1 });
    expect(clone).toMatchObject({ code: 'object-missing' });
  });

  it('race S29: a holder that comes while the horizon is read is protected by one or the other', async () => {
    for (const order of ['before the drop', 'after the drop']) {
      const { world, reign, collect, catalog } = await begin({
        horizonSources: [
          {
            name: 'a snapshot that is being published',
            oldest: async () => {
              // The cycle has read the durable revision; the snapshot begins now.
              if (order === 'before the drop') catalog.at();
              await dropFile(reign, 1, 'data/a');
              if (order === 'after the drop') catalog.at();
              return undefined;
            },
          },
        ],
      });
      await world.run(addFile(reign, 1, 'data/a'));
      const report = await collect();
      expect(report).toMatchObject({ objectsDeleted: 0, held: 1, aborted: undefined });
      expect(await world.run(stored(reign)), order).toEqual(['data/a']);
      // The next cycle knows of the holder: one that holds a revision with the file keeps it.
      const next = await collect();
      expect(next.objectsDeleted, order).toBe(order === 'before the drop' ? 0 : 1);
    }
  });

  it('keeps what region servers still read', async () => {
    const source: HorizonSource = { name: 'scans of server 4', oldest: () => undefined };
    let oldest: ReturnType<HorizonSource['oldest']>;
    const sources = [{ ...source, oldest: () => oldest }];
    const { world, reign, collect, catalog } = await begin({ horizonSources: sources });
    await world.run(addFile(reign, 1, 'data/a'));
    oldest = catalog.durable.revision;
    await world.run(dropFile(reign, 1, 'data/a'));
    const report = await collect();
    expect(report).toMatchObject({ held: 1, horizon: { holder: 'scans of server 4' } });
    const { clock } = reign.node.world;
    const known = { catalog, clock, horizon: report.horizon, deletion: undefined };
    const { text } = await world.run(explainObject('data/a', known));
    expect(text).toMatch(/nothing has referred to data\/a since .* scans of server 4 holds/);
    oldest = undefined;
    expect(await collect()).toMatchObject({ objectsDeleted: 1 });
  });
});

describe('the collector deletes nothing', () => {
  async function withCandidate(changes: Partial<CollectorOptions>) {
    const parts = await begin(changes);
    await parts.world.run(addFile(parts.reign, 1, 'data/a'));
    await parts.world.run(dropFile(parts.reign, 1, 'data/a'));
    return parts;
  }

  it('when a source of the horizon cannot tell', async () => {
    const oldest = () => Promise.reject(new CadastreError('timed-out', 'server 4 is silent'));
    const { world, reign, collect } = await withCandidate({
      horizonSources: [{ name: 'servers', oldest }],
    });
    expect((await collect()).aborted?.code).toBe('timed-out');
    expect(await world.run(stored(reign))).toEqual(['data/a']);
  });

  it.each([
    ['clusterId', 'another'],
    ['epoch', 9],
    ['timeline', 2],
  ])('race S14: when the root has another %s than the catalog', async (field, value) => {
    let foreign = true;
    const { world, reign, collect, catalog } = await withCandidate({
      readRoot: () =>
        Promise.resolve({ ...identity(catalog), ...(foreign ? { [field]: value } : {}) }),
    });
    expect((await collect()).aborted?.code).toBe('stale-epoch');
    expect(await world.run(stored(reign))).toEqual(['data/a']);
    foreign = false;
    expect(await collect()).toMatchObject({ objectsDeleted: 1 });
  });

  it('while a record that may refer to objects is quarantined', async () => {
    const { world, reign, catalog } = await withCandidate({});
    const laterFile = defineKind<readonly [number], string>({
      name: 'file',
      type: fileKind.type,
      version: 2,
      shape: ['number'],
      onRestore: 'keep',
      temperature: 'cold',
      encode: (text) => Buffer.from(text),
      decode: (_version, bytes) => Buffer.from(bytes).toString(),
    });
    const written = catalog.transact((tx) => {
      tx.put(laterFile, [1], 'who knows to what it refers');
    });
    await world.run(written.durable());
    reign.node.kill();
    const next = await world.open();
    const collector = collectorOf(next);
    expect((await world.run(collector.collect())).aborted?.code).toBe('corruption');
    expect(await world.run(stored(next))).toEqual(['data/a']);
    const repaired = next.catalog.transact((tx) => {
      tx.delete(laterFile, [1]);
    });
    await world.run(repaired.durable());
    expect(await world.run(collector.collect())).toMatchObject({ objectsDeleted: 1 });
  });

  it('while it is paused, and the pause waits for the running cycle and ends by itself', async () => {
    const { world, reign, collector } = await withCandidate({});
    collector.start();
    await world.run(collector.pause(10 * minute));
    await world.simulation.runFor(9 * minute);
    expect(collector.lastCycle).toBeUndefined();
    expect(await world.run(stored(reign))).toEqual(['data/a']);
    await world.simulation.runFor(3 * minute);
    expect(collector.isPaused).toBe(false);
    expect(await world.run(stored(reign))).toEqual([]);
    await world.run(collector.stop());
    const { cycle } = collector.lastCycle ?? { cycle: 0 };
    await world.simulation.runFor(10 * minute);
    expect(collector.lastCycle?.cycle).toBe(cycle);
  });
});

describe('explain', () => {
  it('names who refers to an object, what happens to it, and which cycle deleted it', async () => {
    const { world, reign, collector, collect, catalog } = await begin();
    const explain = async () => {
      const deletion = collector.deletionOf('data/a');
      const { clock } = reign.node.world;
      const known = { catalog, clock, horizon: undefined, deletion };
      return (await world.run(explainObject('data/a', known))).text;
    };
    expect(await explain()).toBe('the catalog knows nothing of data/a');
    await world.run(addFile(reign, 1, 'data/a'));
    expect(await explain()).toBe('data/a is kept by file/1/f/data/a');
    await world.run(dropFile(reign, 1, 'data/a'));
    expect(await explain()).toMatch(/nothing has referred to data\/a .* the next cycle deletes it/);
    await collect();
    expect(await explain()).toMatch(/^cycle 1 deleted data\/a, which died at revision \d+$/);
  });
});

describe('the gate (L6)', () => {
  const action = fc.record({
    what: fc.constantFrom('add', 'add', 'share', 'drop', 'claim', 'collect', 'crash', 'power'),
    region: fc.integer({ min: 1, max: 3 }),
    object: fc.nat(7).map((n) => `data/object-${n}`),
    ms: fc.integer({ min: 0, max: 30 }),
  });

  it('never deletes what is referred to, and leaks nothing, whatever crashes in between', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.array(action, { minLength: 5, maxLength: 50 }),
        async (seed, actions) => {
          const trial = new GateTrial(new SimulatedCatalog(seed));
          for (const each of actions) await trial.act(each);
          await trial.settle();
        },
      ),
      { numRuns: 40 },
    );
  });
});

/** Adds, shares and drops files while a collector runs, and is crashed. */
class GateTrial {
  readonly #world: SimulatedCatalog;
  #reign: Reign | undefined;
  #collector: Collector | undefined;
  #written = 0;

  constructor(world: SimulatedCatalog) {
    this.#world = world;
  }

  async act(step: {
    readonly what: string;
    readonly region: number;
    readonly object: string;
    readonly ms: number;
  }): Promise<void> {
    const reign = (this.#reign ??= await this.#world.open({ checkpointLogBytes: 5_000 }));
    const collector = (this.#collector ??= collectorOf(reign));
    const { catalog, storage } = reign;
    if (step.what === 'add') {
      // A new object under a claim, as a procedure writes one: it may be lost at any moment.
      const object = `${step.object}-${++this.#written}`;
      const claimed = catalog.transact((tx) => {
        claimObject(tx, 'procedure/1', { object, bytes: 1, birth: undefined });
      });
      await this.#world.run(claimed.durable());
      await this.#world.run(storage.objects.create(object, Buffer.from(object)));
      if (step.ms % 3 !== 0) {
        catalog.transact((tx) => {
          const file = sampleFile(object, { birth: tx.revision });
          tx.put(fileKind, key(step.region, object), file);
          dropClaims(tx, 'procedure/1');
        });
      }
    }
    const [some] = catalog.tail.scan(fileKind, { prefix: [step.region as RegionId], limit: 1 });
    if (step.what === 'share' && some !== undefined) {
      catalog.transact((tx) => {
        tx.put(fileKind, key((step.region % 3) + 1, some.value.object), some.value);
      });
    }
    if (step.what === 'drop' && some !== undefined) {
      catalog.transact((tx) => {
        tx.delete(fileKind, some.key);
      });
    }
    if (step.what === 'collect') void collector.collect();
    await this.#world.simulation.runFor(step.ms / 3);
    if (step.what === 'crash' || step.what === 'power') this.#crash(step.what === 'power');
    else await this.#check(reign);
  }

  #crash(power: boolean): void {
    if (power) this.#world.simulation.crashMachine();
    else this.#world.killAll();
    this.#reign = undefined;
    this.#collector = undefined;
  }

  async #check(reign: Reign): Promise<string[]> {
    const objects = new Set(await this.#world.run(stored(reign)));
    const live = [...reign.catalog.tail.scan(fileKind)].map(({ value }) => value.object);
    for (const object of live) expect(objects.has(object), `${object} is referred to`).toBe(true);
    return live;
  }

  async settle(): Promise<void> {
    this.#crash(true);
    const reign = await this.#world.open();
    // The procedure that held them is rolled back.
    const ended = reign.catalog.transact((tx) => {
      dropClaims(tx, 'procedure/1');
    });
    await this.#world.run(ended.durable());
    const report = await this.#world.run(collectorOf(reign).collect());
    expect(report.aborted).toBeUndefined();
    const live = await this.#check(reign);
    expect(await this.#world.run(stored(reign))).toEqual([...new Set(live)].sort());
    expect([...reign.catalog.durable.scan(candidateKind)]).toEqual([]);
  }
}

describe('epochs', () => {
  it('a collector whose master was succeeded deletes nothing more', async () => {
    const world = new SimulatedCatalog();
    const old = await world.open();
    await world.run(addFile(old, 1, 'data/a'));
    await world.run(dropFile(old, 1, 'data/a'));
    const collector = collectorOf(old, {
      readRoot: () => Promise.resolve({ ...identity(old.catalog), epoch: 2 as Epoch }),
    });
    const young = await world.open();
    void collector.collect();
    await world.simulation.runFor(10 * minute);
    expect(old.node.exited).toBeDefined();
    expect(await world.run(stored(young))).toEqual(['data/a']);
    expect(await world.run(collectorOf(young).collect())).toMatchObject({ objectsDeleted: 1 });
  });
});
