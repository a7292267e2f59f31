// Random table changes, kills of servers and of the master, and writes, under many seeds. At the end
// faults stop, and everything must be as it should (page 8): one server for each region of an enabled
// table, every acknowledged edit there, no procedure left, key ranges chained.

import { describe, expect, it } from 'vitest';
import { asCadastreError } from '../base/errors.js';
import type { RegionId } from '../base/ids.js';
import { TestCluster } from './testing/cluster.js';
import type { FakeServer } from './testing/fake-server.js';

const tables = ['a', 'b', 'c'];

class Torture {
  readonly cluster: TestCluster;
  /** Acknowledged edits by region. */
  readonly acknowledged = new Map<RegionId, Set<string>>();
  #servers = 0;

  constructor(seed: number) {
    this.cluster = new TestCluster(`torture-${seed}`, {
      'cadastre.server.silence.ms': '1000',
      'cadastre.catalog.checkpoint.bytes': '64k',
    });
  }

  async run(steps: number): Promise<void> {
    await this.cluster.startMaster();
    for (let i = 0; i < 3; i++) await this.#addServer();
    for (let step = 0; step < steps; step++) {
      await this.#step();
      await this.cluster.simulation.runFor(this.#below(40));
    }
  }

  /** No more faults: waits until nothing is left to do. */
  async settle(): Promise<void> {
    const { cluster } = this;
    for (const { node } of cluster.servers) if (node.life.isSuspended) node.resume();
    await this.#addServer();
    await cluster.until(
      () =>
        cluster.master.engine.list({ phases: ['forward', 'rolling-back'] }).procedures.length === 0,
      'the end of all procedures',
      300_000,
    );
    // The engine lists what is queued; clients see what is durable.
    await cluster.simulation.runFor(100);
    const enabled = tables.filter((table) => cluster.tableState(table) === 'enabled');
    await cluster.until(() => enabled.every((t) => cluster.isServed(t)), 'all regions served');
  }

  #below(bound: number): number {
    return this.cluster.simulation.random.below(bound);
  }

  #alive(): FakeServer[] {
    return this.cluster.servers.filter(({ node, fenced }) => !node.life.isKilled && !fenced);
  }

  async #addServer(): Promise<void> {
    await this.cluster.startServer(`s${++this.#servers}`);
  }

  async #step(): Promise<void> {
    const { cluster } = this;
    const table = tables[this.#below(tables.length)] ?? 'a';
    const alive = this.#alive();
    const victim = alive[this.#below(alive.length)];
    switch (this.#below(12)) {
      case 0:
        victim?.node.kill();
        await this.#addServer();
        return;
      case 1:
        await cluster.restartMaster();
        return;
      case 2:
        if (victim?.node.life.isSuspended === false) victim.node.suspend();
        else victim?.node.resume();
        return;
      case 3:
      case 4:
        return this.#ask('createTable', cluster.createRequest(table, ['g', 'p']));
      case 5:
        return this.#ask('disableTable', cluster.tableRequest(table));
      case 6:
        return this.#ask('enableTable', cluster.tableRequest(table));
      case 7:
        return this.#ask('deleteTable', cluster.tableRequest(table));
      default:
        return this.#write(victim);
    }
  }

  /** Refusals are part of it: the table may be in any state. */
  async #ask(...request: Parameters<TestCluster['call']>): Promise<void> {
    try {
      await this.cluster.ask(...request);
    } catch (error) {
      const { kind } = asCadastreError(error);
      expect(['fix-request', 'retry', 'wait']).toContain(kind);
    }
  }

  async #write(server: FakeServer | undefined): Promise<void> {
    if (server === undefined || server.node.life.isSuspended) return;
    for (const region of server.serving) {
      const sequence = (server.held(region)?.sequence ?? 0) + 1;
      const isDone = await this.cluster.simulation.run(server.write(region));
      if (!isDone) continue;
      const edits = this.acknowledged.get(region) ?? new Set();
      this.acknowledged.set(region, edits.add(`${region}/${sequence}`));
    }
  }
}

describe('torture of the master', () => {
  it.each(Array.from({ length: 8 }, (_, seed) => seed))(
    'seed %i: nothing is lost, nothing is stuck, nothing is served twice',
    async (seed) => {
      const torture = new Torture(seed);
      await torture.run(60);
      await torture.settle();
      const { acknowledged, cluster } = torture;
      for (const table of tables) {
        const regions = cluster.regions(table);
        regions.slice(1).forEach(({ startKey }, i) => expect(startKey).toEqual(regions[i]?.endKey));
        if (cluster.tableState(table) === 'disabled')
          await cluster.changeTable('enableTable', table);
        if (regions.length > 0)
          await cluster.until(() => cluster.isServed(table), `${table} served`);
        for (const { regionId } of regions) {
          const edits = [...(acknowledged.get(regionId) ?? [])];
          expect([...cluster.editsOf(regionId)]).toEqual(expect.arrayContaining(edits));
        }
      }
      expect(cluster.master.engine.faults()).toEqual([]);
    },
    60_000,
  );
});
