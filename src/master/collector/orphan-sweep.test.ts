import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Incarnation, RegionId } from '../../base/ids.js';
import { claimObject, dropClaims } from '../../catalog/claims.js';
import { defineKind } from '../../catalog/kind.js';
import { addLog, noteSeal, releaseSealedLog } from '../../catalog/log-needs.js';
import { candidateKind } from '../../catalog/records/deletion.js';
import { fileKind } from '../../catalog/records/files.js';
import { sortedLogKind } from '../../catalog/records/logs.js';
import type { ServerState } from '../../catalog/records/servers.js';
import { serverKind } from '../../catalog/records/servers.js';
import { sampleFile } from '../../catalog/testing/samples.js';
import { SimulatedCatalog } from '../../catalog/testing/simulated-catalog.js';
import type { Reign } from '../../catalog/testing/simulated-catalog.js';
import { objectName, parseObjectName, serverLogName } from '../../storage/names.js';
import { Collector } from './collector.js';
import { sweepEveryMs, sweepFirstMs } from './limits.js';
import { OrphanSweep } from './orphan-sweep.js';

const online = 1 as Incarnation;
const crashed = 2 as Incarnation;
const stopping = 3 as Incarnation;
/** Dead for so long that its record was forgotten. */
const forgotten = 4 as Incarnation;
/** Has allotted its incarnation, and may register at any time. */
const joining = 5 as Incarnation;
/** Nobody ever had it. */
const unknown = 6 as Incarnation;
const incarnations = [online, crashed, stopping, forgotten, joining, unknown];

const name = (incarnation: Incarnation, counter: number, kind = 'hfile') =>
  objectName({ incarnation, counter, kind });

/** A sweep over a root with servers in every state, and a gate that deletes what it may. */
class SweepWorld {
  readonly world: SimulatedCatalog;
  #reign: Reign | undefined;
  #sweep: OrphanSweep | undefined;

  constructor(seed = 1) {
    this.world = new SimulatedCatalog(seed);
  }

  get reign(): Reign {
    if (this.#reign === undefined) throw new Error('not started');
    return this.#reign;
  }

  async start(): Promise<this> {
    await this.restart();
    const { catalog, storage } = this.reign;
    await this.world.run(async () => {
      for (const server of [online, crashed, stopping, forgotten, joining]) {
        await storage.logs.create(serverLogName(server));
      }
      for (const server of [crashed, forgotten]) await storage.logs.seal(serverLogName(server));
    });
    this.setServer(online, 'online');
    this.setServer(crashed, 'crashed');
    this.setServer(stopping, 'stopping');
    await this.add(name(online, 1_000));
    this.refer(name(online, 1_000));
    await this.world.run(catalog.transact(() => undefined).durable());
    return this;
  }

  /** Another master, after a `kill -9` of the one before. */
  async restart(): Promise<void> {
    this.world.killAll();
    this.#reign = await this.world.open({ checkpointLogBytes: 5_000 });
    this.#sweep = this.makeSweep();
  }

  /** `listed` is called once all objects were listed, before anything is marked. */
  makeSweep(listed: () => void = () => undefined): OrphanSweep {
    const { catalog, node } = this.reign;
    const { objects, logs } = this.reign.storage;
    const { clock, log } = node.world;
    const list: typeof objects.list = async (...about) => {
      const page = await objects.list(...about);
      if (page.length === 0) listed();
      return page;
    };
    return new OrphanSweep({ catalog, storage: { objects: { list }, logs }, clock, log });
  }

  setServer(server: Incarnation, state: ServerState): void {
    this.reign.catalog.transact((tx) => {
      tx.put(serverKind, [server], {
        host: 'host',
        port: 1,
        version: 'test',
        state,
        process: { bootId: 'b', pidNamespace: 'n', pid: server, startTime: '1' },
        log: serverLogName(server),
        registeredAtMs: 1,
      });
    });
  }

  add(object: string): Promise<void> {
    return this.world.run(this.reign.storage.objects.create(object, Buffer.alloc(10)));
  }

  refer(object: string, region = 1): void {
    this.reign.catalog.transact((tx) => {
      tx.put(fileKind, [region as RegionId, 'f', object], sampleFile(object));
    });
  }

  sweep() {
    const sweep = this.#sweep;
    if (sweep === undefined) throw new Error('not started');
    return this.world.run(sweep.sweep());
  }

  async collect(): Promise<void> {
    const { catalog, storage, node } = this.reign;
    const { clock, log } = node.world;
    const report = await this.world.run(
      new Collector({
        catalog,
        storage,
        clock,
        log,
        horizonSources: [],
        readRoot: () => Promise.resolve(catalog),
        everyMs: 60_000,
      }).collect(),
    );
    expect(report.aborted).toBeUndefined();
  }

  async stored(): Promise<string[]> {
    const listed = await this.world.run(this.reign.storage.objects.list('data/'));
    return listed.map(({ key }) => key);
  }

  candidates(): string[] {
    return [...this.reign.catalog.tail.scan(candidateKind)]
      .map(({ key }) => key[1])
      .filter((object) => object.startsWith('data/'));
  }
}

describe('the orphan sweep', () => {
  it('marks orphans of dead incarnations once it has found them twice; the gate deletes them', async () => {
    const trial = await new SweepWorld().start();
    const orphans = [name(crashed, 1), name(crashed, 2, 'sorted'), name(forgotten, 1)].sort();
    for (const object of orphans) await trial.add(object);
    const first = await trial.sweep();
    expect(first).toMatchObject({ listed: 4, orphans: 3, orphanBytes: 30, marked: 0 });
    expect(trial.candidates()).toEqual([]);
    expect(await trial.sweep()).toMatchObject({ orphans: 3, marked: 3, markedBytes: 30 });
    expect(trial.candidates()).toEqual(orphans);
    expect(await trial.stored()).toHaveLength(4);
    await trial.collect();
    expect(await trial.stored()).toEqual([name(online, 1_000)]);
    expect(await trial.sweep()).toMatchObject({ orphans: 0, marked: 0 });
    const lines = trial.world.simulation.logLines.filter(
      ({ message }) => message === 'swept for orphans',
    );
    expect(lines).toHaveLength(3);
    expect(lines[0]?.fields).toMatchObject({ orphans: 3, orphanBytes: 30 });
  });

  it('leaves alone what a live server, one that is joining, or nobody known has written', async () => {
    const trial = await new SweepWorld().start();
    const kept = [
      ...[online, stopping, joining, unknown].map((server) => name(server, 1)),
      'data/00/strange',
    ];
    for (const object of kept) await trial.add(object);
    await trial.sweep();
    expect(await trial.sweep()).toMatchObject({ listed: 6, orphans: 0, marked: 0 });
    // The checkpoints of the catalog are not looked at.
    await trial.world.run(trial.reign.catalog.checkpoint());
    expect(await trial.sweep()).toMatchObject({ listed: 6, orphans: 0 });
  });

  it('leaves alone what is referred to, claimed, a candidate, or a sorted log', async () => {
    const trial = await new SweepWorld().start();
    const objects = [1, 2, 3, 4].map((counter) => name(crashed, counter));
    for (const object of objects) await trial.add(object);
    const [referred, claimed, candidate, sorted] = objects as [string, string, string, string];
    trial.refer(referred);
    trial.refer(candidate);
    const { catalog } = trial.reign;
    catalog.transact((tx) => {
      claimObject(tx, 'procedure/1', { object: claimed, bytes: 10, birth: undefined });
      tx.delete(fileKind, [1 as RegionId, 'f', candidate]);
      const about = { bytes: 10, crc32: 0, birth: tx.revision, entries: 1, sources: ['2'] };
      tx.put(sortedLogKind, [sorted], about);
    });
    const before = catalog.tail.revision;
    await trial.sweep();
    expect(await trial.sweep()).toMatchObject({ listed: 5, orphans: 0 });
    expect(trial.candidates()).toEqual([candidate]);
    expect(catalog.tail.revision).toBe(before);
  });

  it('leaves alone what is referred to between two sweeps, or while one runs', async () => {
    const trial = await new SweepWorld().start();
    const [between, during, orphan] = [name(crashed, 1), name(crashed, 2), name(crashed, 3)];
    for (const object of [between, during, orphan]) await trial.add(object);
    let sweeps = 0;
    const sweep = trial.makeSweep(() => {
      if (++sweeps === 2) trial.refer(during);
    });
    expect(await trial.world.run(sweep.sweep())).toMatchObject({ orphans: 3 });
    trial.refer(between);
    expect(await trial.world.run(sweep.sweep())).toMatchObject({ orphans: 2, marked: 1 });
    expect(trial.candidates()).toEqual([orphan]);
  });

  it('race A20: a server that registers after it was found dead is alive', async () => {
    const trial = await new SweepWorld().start();
    await trial.add(name(forgotten, 1));
    let sweeps = 0;
    const sweep = trial.makeSweep(() => {
      if (++sweeps === 2) trial.setServer(forgotten, 'online');
    });
    await trial.world.run(sweep.sweep());
    expect(await trial.world.run(sweep.sweep())).toMatchObject({ orphans: 1, marked: 0 });
    expect(await trial.world.run(sweep.sweep())).toMatchObject({ orphans: 0, marked: 0 });
  });

  it('race W4: marks nothing while a log waits to be recovered: a dead sorter’s answer may count', async () => {
    const trial = await new SweepWorld().start();
    await trial.add(name(crashed, 1, 'sorted'));
    const { catalog, storage } = trial.reign;
    const end = await trial.world.run(storage.logs.seal(serverLogName(forgotten)));
    catalog.transact((tx) => {
      addLog(tx, forgotten, serverLogName(forgotten));
      noteSeal(tx, forgotten, end);
    });
    await trial.sweep();
    expect(await trial.sweep()).toMatchObject({
      orphans: 1,
      marked: 0,
      withheld: 'the log of server 4 is not recovered yet',
    });
    catalog.transact((tx) => {
      releaseSealedLog(tx, forgotten);
    });
    expect(await trial.sweep()).toMatchObject({ marked: 1, withheld: undefined });
  });

  it('a restart begins afresh: two sweeps of one master', async () => {
    const trial = await new SweepWorld().start();
    await trial.add(name(crashed, 1));
    expect(await trial.sweep()).toMatchObject({ orphans: 1, marked: 0 });
    await trial.restart();
    expect(await trial.sweep()).toMatchObject({ orphans: 1, marked: 0 });
    expect(await trial.sweep()).toMatchObject({ marked: 1 });
    await trial.restart();
    expect(trial.candidates()).toEqual([name(crashed, 1)]);
    await trial.collect();
    expect(await trial.stored()).toEqual([name(online, 1_000)]);
  });

  it('ends early while a record is quarantined, and then begins afresh', async () => {
    const trial = await new SweepWorld().start();
    await trial.add(name(crashed, 1));
    const later = defineKind<readonly [number], string>({
      name: 'file',
      type: fileKind.type,
      version: 2,
      shape: ['number'],
      onRestore: 'keep',
      temperature: 'cold',
      encode: (text) => Buffer.from(text),
      decode: (_version, bytes) => Buffer.from(bytes).toString(),
    });
    const written = trial.reign.catalog.transact((tx) => {
      tx.put(later, [1], 'who knows of what it tells');
    });
    await trial.world.run(written.durable());
    await trial.restart();
    for (let i = 0; i < 2; i++) {
      const { aborted, marked } = await trial.sweep();
      expect([aborted?.code, marked]).toEqual(['corruption', 0]);
    }
    trial.reign.catalog.transact((tx) => {
      tx.delete(later, [1]);
    });
    expect(await trial.sweep()).toMatchObject({ aborted: undefined, marked: 0 });
    expect(await trial.sweep()).toMatchObject({ marked: 1 });
  });

  it('does not believe a catalog that tells of nothing in the root', async () => {
    const world = new SimulatedCatalog();
    const { catalog, node, storage } = await world.open();
    const { clock, log } = node.world;
    await world.run(async () => {
      await storage.logs.seal(serverLogName(forgotten));
      await storage.objects.create(name(forgotten, 1), Buffer.alloc(10));
    });
    const sweep = new OrphanSweep({ catalog, storage, clock, log });
    for (let i = 0; i < 2; i++) {
      const { aborted, marked } = await world.run(sweep.sweep());
      expect([aborted?.code, marked]).toEqual(['corruption', 0]);
    }
    expect(
      [...catalog.tail.scan(candidateKind)].filter(({ key }) => key[1].startsWith('data/')),
    ).toEqual([]);
  });

  it('runs soon after the start, then rarely, and not after a stop', async () => {
    const trial = await new SweepWorld().start();
    await trial.add(name(crashed, 1));
    const { simulation } = trial.world;
    const sweep = trial.makeSweep();
    sweep.start();
    await simulation.runFor(sweepFirstMs + 5_000);
    expect(trial.candidates()).toEqual([]);
    await simulation.runFor(sweepEveryMs);
    expect(trial.candidates()).toEqual([name(crashed, 1)]);
    await trial.world.run(sweep.stop());
    const lines = () =>
      simulation.logLines.filter(({ message }) => message.includes('orphans')).length;
    expect(lines()).toBe(2);
    await simulation.runFor(3 * sweepEveryMs);
    expect(lines()).toBe(2);
  });
});

describe('orphans and references (L6)', () => {
  const action = fc.record({
    what: fc.constantFrom('write', 'write', 'refer', 'drop', 'claim', 'crash', 'sweep', 'collect'),
    server: fc.constantFrom(...incarnations),
    counter: fc.integer({ min: 1, max: 3 }),
  });

  it('deletes no object that is told of or alive, and in the end every orphan', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(action, { maxLength: 40 }), async (seed, actions) => {
        const trial = new ReferenceTrial(await new SweepWorld(seed).start());
        for (const each of actions) await trial.act(each);
        await trial.settle();
      }),
      { numRuns: 40 },
    );
  });
});

/** Writes, refers to, claims and drops objects of all servers, while sweeps and cycles run. */
class ReferenceTrial {
  readonly #trial: SweepWorld;
  readonly #written = new Set<string>();
  /** Objects that something referred to at some time. */
  readonly #touched = new Set<string>();

  constructor(trial: SweepWorld) {
    this.#trial = trial;
  }

  async act({ what, server, counter }: { what: string; server: Incarnation; counter: number }) {
    const trial = this.#trial;
    const { catalog } = trial.reign;
    const object = name(server, counter);
    if (what === 'write' && !this.#written.has(object)) {
      this.#written.add(object);
      await trial.add(object);
    }
    if (what === 'refer' || what === 'claim') await this.#refer(object, what === 'claim', counter);
    if (what === 'drop') {
      catalog.transact((tx) => {
        tx.delete(fileKind, [counter as RegionId, 'f', object]);
      });
    }
    await trial.world.run(catalog.transact(() => undefined).durable());
    if (what === 'crash') await trial.restart();
    if (what === 'sweep') expect((await trial.sweep()).aborted).toBeUndefined();
    if (what === 'collect') await trial.collect();
    await this.#check();
  }

  /** As a procedure would: only to what is there, and nobody has begun to delete. */
  async #refer(object: string, isClaim: boolean, region: number): Promise<void> {
    const trial = this.#trial;
    if (!(await trial.stored()).includes(object)) return;
    this.#touched.add(object);
    if (!isClaim) {
      trial.refer(object, region);
      return;
    }
    trial.reign.catalog.transact((tx) => {
      claimObject(tx, 'procedure/1', { object, bytes: 10, birth: undefined });
    });
  }

  #isKept(object: string): boolean {
    if (this.#trial.reign.catalog.references.count(object) > 0) return true;
    // What lost its last reference is the gate's; what never had one, the sweep's if its server died.
    const server = parseObjectName(object)?.incarnation;
    return !this.#touched.has(object) && server !== crashed && server !== forgotten;
  }

  async #check(): Promise<Set<string>> {
    const stored = new Set(await this.#trial.stored());
    for (const object of this.#written) {
      if (this.#isKept(object)) expect(stored.has(object), `${object} is kept`).toBe(true);
    }
    return stored;
  }

  async settle(): Promise<void> {
    const trial = this.#trial;
    trial.reign.catalog.transact((tx) => {
      dropClaims(tx, 'procedure/1');
    });
    await trial.sweep();
    await trial.sweep();
    await trial.collect();
    const stored = await this.#check();
    for (const object of this.#written) {
      expect(stored.has(object), `${object} is an orphan`).toBe(this.#isKept(object));
    }
  }
}
