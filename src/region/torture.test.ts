// A region on simulated disks under a seed: writers, flushes and compactions at the same time, servers
// killed and machines without power in the middle. What was acknowledged is there, once (R-D2).

import { describe, expect, it } from 'vitest';
import type { Incarnation, RegionId, Sequence, TableId } from '../base/ids.js';
import { Settings } from '../base/settings.js';
import { familyDescriptor } from '../base/table.js';
import { LocalLogStore } from '../storage/local-log.js';
import { ObjectNamer } from '../storage/names.js';
import { simulatedRoot, type SimNode } from '../world/simulated/node.js';
import { Simulation } from '../world/simulated/simulation.js';
import type { Region } from './api.js';
import { RegionHost } from './host.js';
import { openRegion } from './region.js';
import { sortLog } from './sorted-log.js';
import { OneRegionCatalog, TextSink } from './testing/region-rig.js';
import { get, increment, put } from './testing/requests.js';

const regionId = 11 as RegionId;
const info = {
  tableId: 7 as TableId,
  table: { namespace: 'default', qualifier: 't' },
  regionId,
  startKey: Buffer.alloc(0),
  endKey: Buffer.alloc(0),
};
const families = [familyDescriptor('f')];
const descriptor = { name: info.table, families, attributes: {} };
const rows = 6;
/** Little to write ahead, so that it is fast. */
const small = { segmentBytes: 256 * 1024, fillBytes: 16 * 1024 };

/** What clients know: the last acknowledged value of each row, and those they were not told about. */
class Clients {
  readonly acknowledged = new Map<string, number>();
  readonly attempted = new Map<string, number>();
  /** Increments acknowledged, and tried. */
  counted = 0;
  countAttempts = 0;
}

class Cluster {
  readonly simulation: Simulation;
  readonly catalog = new OneRegionCatalog();
  readonly clients = new Clients();
  #incarnation = 0;
  #value = 0;

  constructor(seed: number) {
    this.simulation = new Simulation(seed);
  }

  /** A server opens the region, works on it for a while, and ends as the seed says. */
  async reign(): Promise<void> {
    const { simulation } = this;
    const incarnation = ++this.#incarnation;
    const node = simulation.node(`server-${incarnation}`);
    const region = await simulation.run(this.#open(node, incarnation));
    await this.#check(region, simulation);
    const random = simulation.random.fork(`reign ${incarnation}`);
    for (let turn = random.below(40); turn > 0; turn--) {
      this.#write(region, `r${random.below(rows)}`);
      if (random.chance(0.3)) this.#count(region);
      // What they reject with when the server dies is of no one's interest here.
      if (random.chance(0.15)) region.flush().catch(() => undefined);
      if (random.chance(0.1)) region.compact({ major: random.chance(0.5) }).catch(() => undefined);
      await simulation.runFor(random.below(4));
    }
    if (random.chance(0.5)) simulation.crashMachine();
    else node.kill();
    await this.#recover(incarnation);
  }

  async #open(node: SimNode, incarnation: number): Promise<Region> {
    const { world } = node;
    if (world.root.kind !== 'local') throw new Error('a local root');
    const { disk, objects } = world.root;
    await disk.makeDirectory(simulatedRoot);
    await disk.syncDirectory('/');
    const { clock, random, workers, log } = world;
    const logs = new LocalLogStore({ disk, root: simulatedRoot, clock, ...small });
    const namer = new ObjectNamer(incarnation as Incarnation);
    const settings = { 'hbase.hstore.compaction.min': '2' };
    const { catalog } = this;
    const host = new RegionHost({
      objects,
      workers,
      clock,
      random,
      log,
      settings: Settings.parse(settings),
      writer: await logs.create(String(incarnation)),
      committer: catalog,
      newObjectName: (kind) => namer.next(kind),
    });
    return openRegion(host, {
      info,
      descriptor,
      generation: catalog.generation,
      files: catalog.files,
      revision: catalog.revision,
      slices: catalog.slices,
      openSequenceMin: (catalog.flushed + 1) as Sequence,
      nonces: catalog.nonces,
    });
  }

  /** Fences the dead server, sorts its log (twice, the first one killed), and hands out the slice. */
  async #recover(incarnation: number): Promise<void> {
    const { simulation, catalog } = this;
    catalog.newGeneration();
    const sorter = (name: string) => {
      const node = simulation.node(name);
      const { root, clock } = node.world;
      if (root.kind !== 'local') throw new Error('a local root');
      const logs = new LocalLogStore({ disk: root.disk, root: simulatedRoot, clock, ...small });
      const sorted = logs.seal(String(incarnation)).then(() =>
        sortLog({
          logs,
          objects: root.objects,
          clock,
          name: String(incarnation),
          object: `data/${name}`,
          skip: new Map([[regionId, catalog.flushed]]),
          isOwned: () => true,
        }),
      );
      return { node, sorted };
    };
    const first = sorter(`sorter-${incarnation}-1`);
    first.sorted.catch(() => undefined);
    await simulation.runFor(simulation.random.below(5));
    first.node.kill();
    const { object, slices } = await simulation.run(sorter(`sorter-${incarnation}-2`).sorted);
    for (const { offset, bytes, entries, sequenceMax } of slices) {
      const skipUpTo = catalog.flushed;
      const at = { object, origin: regionId, offset, bytes };
      catalog.slices.push({ ...at, entries, skipUpTo, sequenceMax, clip: undefined });
    }
  }

  #write(region: Region, row: string): void {
    const value = ++this.#value;
    const { attempted, acknowledged } = this.clients;
    attempted.set(row, value);
    region.mutate(put(row, 'f:q', String(value)), undefined, (error) => {
      if (error === undefined) acknowledged.set(row, value);
    });
  }

  #count(region: Region): void {
    const { clients } = this;
    clients.countAttempts++;
    region.mutate(increment('count', 'f:n', 1), undefined, (error) => {
      if (error === undefined) clients.counted++;
    });
  }

  /** Every row has its last acknowledged value or one that was tried after it. */
  async #check(region: Region, simulation: Simulation): Promise<void> {
    const read = async (row: string): Promise<string> => {
      const sink = new TextSink();
      await simulation.run(Promise.resolve(region.get(get(row), sink)));
      expect(sink.cells.length).toBeLessThanOrEqual(1);
      return sink.cells[0]?.split('=')[1] ?? '';
    };
    const { acknowledged, attempted } = this.clients;
    for (const [row, last] of attempted) {
      const found = Number(await read(row));
      expect(found).toBeGreaterThanOrEqual(acknowledged.get(row) ?? 0);
      expect(found).toBeLessThanOrEqual(last);
      // What is there now is what clients build on.
      acknowledged.set(row, found);
    }
    const count = Buffer.from(await read('count'), 'latin1');
    const counted = count.length === 8 ? count.readInt32BE(4) : 0;
    expect(counted).toBeGreaterThanOrEqual(this.clients.counted);
    expect(counted).toBeLessThanOrEqual(this.clients.countAttempts);
    this.clients.counted = counted;
    this.clients.countAttempts = counted;
  }
}

describe('a region whose servers die', () => {
  it('keeps every acknowledged write, whatever the moment (R-D2, races W4, W5)', async () => {
    let replayed = 0;
    let flushed = 0;
    for (let seed = 0; seed < 10; seed++) {
      const cluster = new Cluster(seed);
      for (let reign = 0; reign < 5; reign++) {
        await cluster.reign();
        replayed += cluster.catalog.slices.length;
      }
      flushed += cluster.catalog.commits.length;
    }
    expect(replayed).toBeGreaterThan(10);
    expect(flushed).toBeGreaterThan(10);
  });
});
