import { describe, expect, it } from 'vitest';
import type { RegionId } from '../../base/ids.js';
import { logKind, sortedLogKind } from '../../catalog/records/logs.js';
import { serverKind } from '../../catalog/records/servers.js';
import { CadastreError } from '../../base/errors.js';
import { TestCluster } from '../testing/cluster.js';
import type { FakeServer } from '../testing/fake-server.js';

/** Writes `count` edits to every region the server serves; resolves with the acknowledged ones. */
async function writeAll(cluster: TestCluster, server: FakeServer, count: number) {
  const acknowledged = new Map<RegionId, string[]>();
  for (const region of server.serving) {
    for (let i = 0; i < count; i++) {
      const isDone = await cluster.simulation.run(server.write(region));
      if (!isDone) continue;
      const sequence = server.held(region)?.sequence ?? 0;
      acknowledged.set(region, [...(acknowledged.get(region) ?? []), `${region}/${sequence}`]);
    }
  }
  return acknowledged;
}

function expectNothingLost(cluster: TestCluster, acknowledged: ReadonlyMap<RegionId, string[]>) {
  for (const [region, edits] of acknowledged) {
    expect([...cluster.editsOf(region)]).toEqual(expect.arrayContaining(edits));
  }
}

async function recovered(cluster: TestCluster, table = 't') {
  await cluster.until(
    () =>
      cluster.isServed(table) &&
      cluster.master.engine
        .list({ types: ['ServerCrash'] })
        .procedures.every(({ phase }) => phase !== 'forward'),
    'recovered',
  );
}

const splits = ['b', 'c', 'd', 'e'];

describe('the crash of a server', () => {
  it('race A19: what the sealed log holds comes back, whatever the last heartbeat said', async () => {
    const cluster = await new TestCluster(7).start(2);
    await cluster.createTable('t', splits);
    await cluster.until(() => cluster.isServed('t'), 'served');
    const [first, second] = cluster.servers as [FakeServer, FakeServer];
    const acknowledged = await writeAll(cluster, first, 3);
    expect(acknowledged.size).toBeGreaterThan(0);
    first.node.kill();
    await recovered(cluster);
    expect(second.serving).toHaveLength(5);
    expectNothingLost(cluster, acknowledged);
    const { durable } = cluster.master.catalog;
    expect(durable.get(serverKind, [first.incarnation])?.state).toBe('crashed');
    // The log is given up, the sorted one lives as long as slices refer to it.
    expect(durable.get(logKind, [first.incarnation])).toBeUndefined();
    expect([...durable.scan(sortedLogKind)]).toHaveLength(1);
  });

  it('proof of exit is taken at once, silence only after its time', async () => {
    const cluster = await new TestCluster(2).start(2);
    const [first, second] = cluster.servers as [FakeServer, FakeServer];
    const killedAt = cluster.simulation.nowMs;
    first.node.kill();
    await cluster.until(() => cluster.master.status().liveServers === 1, 'noticed');
    expect(cluster.simulation.nowMs - killedAt).toBeLessThan(300);
    const suspendedAt = cluster.simulation.nowMs;
    second.node.suspend();
    await cluster.until(() => cluster.master.status().liveServers === 0, 'noticed');
    const silentMs = cluster.simulation.nowMs - suspendedAt;
    expect(silentMs).toBeGreaterThan(2_000);
    expect(silentMs).toBeLessThan(4_000);
  });

  it('race A23: a pid that is gone on another machine is no proof: only silence is', async () => {
    const cluster = new TestCluster(3);
    cluster.simulation.node('master', { machine: 'here', root: 'objects' });
    cluster.simulation.node('s1', { machine: 'there', root: 'objects' });
    await cluster.start(1);
    const [first] = cluster.servers as [FakeServer];
    const { process } = cluster.simulation.node('master').world;
    first.node.kill();
    expect(process.look(first.node.world.process.identity())).toBe('unknown');
    cluster.master.processExited(first.node.world.process.identity().pid);
    await cluster.simulation.runFor(2_000);
    expect(cluster.master.status().liveServers).toBe(1);
    await cluster.until(() => cluster.master.status().liveServers === 0, 'noticed');
  });

  it('race A3: a server that was declared crashed is told to stop, and acknowledges nothing', async () => {
    const cluster = await new TestCluster(4).start(2);
    await cluster.createTable('t', splits);
    await cluster.until(() => cluster.isServed('t'), 'served');
    const [first] = cluster.servers as [FakeServer];
    const [region] = first.serving as [RegionId];
    first.node.suspend();
    await cluster.until(() => cluster.master.status().liveServers === 1, 'noticed');
    await recovered(cluster);
    first.node.resume();
    expect(await cluster.simulation.run(first.write(region))).toBe(false);
    await cluster.until(() => first.fenced !== undefined, 'fenced');
    expect(first.fenced?.code).toBe('stale-incarnation');
    expect(cluster.isServed('t')).toBe(true);
  });

  it('race A6: the server with most regions and the master die together', async () => {
    const cluster = await new TestCluster(5).start(2);
    await cluster.createTable('t', splits);
    await cluster.until(() => cluster.isServed('t'), 'served');
    const [first] = cluster.servers as [FakeServer];
    const acknowledged = await writeAll(cluster, first, 2);
    first.node.kill();
    await cluster.restartMaster();
    await recovered(cluster);
    expectNothingLost(cluster, acknowledged);
  });

  it('several crashes at once, with no server left, wait for a server', async () => {
    const cluster = await new TestCluster(6).start(3);
    await cluster.createTable('t', splits);
    await cluster.until(() => cluster.isServed('t'), 'served');
    const acknowledged = new Map<RegionId, string[]>();
    for (const server of cluster.servers) {
      for (const [region, edits] of await writeAll(cluster, server, 2))
        acknowledged.set(region, edits);
    }
    for (const server of cluster.servers) server.node.kill();
    await cluster.simulation.runFor(20_000);
    expect(cluster.states('t')).toEqual(['open', 'open', 'open', 'open', 'open']);
    await cluster.startServer('s4');
    await recovered(cluster);
    expectNothingLost(cluster, acknowledged);
  });

  it('the server that sorts the log dies: another one sorts it', async () => {
    const cluster = await new TestCluster(8).start(3, {
      treat: (operation, server) => {
        if (operation.kind !== 'sort-log' || server.incarnation === 3) return 'obey';
        server.node.kill();
        return 'ignore';
      },
    });
    await cluster.createTable('t', splits);
    await cluster.until(() => cluster.isServed('t'), 'served');
    const [first] = cluster.servers as [FakeServer];
    const acknowledged = await writeAll(cluster, first, 2);
    first.node.kill();
    await recovered(cluster);
    expectNothingLost(cluster, acknowledged);
  });

  it('a server that cannot sort the log is passed over', async () => {
    let refusals = 0;
    const cluster = await new TestCluster(9).start(3, {
      treat: (operation) =>
        operation.kind === 'sort-log' && refusals++ === 0
          ? { fail: new CadastreError('disk-full', 'no space') }
          : 'obey',
    });
    await cluster.createTable('t', splits);
    await cluster.until(() => cluster.isServed('t'), 'served');
    const [first] = cluster.servers as [FakeServer];
    const acknowledged = await writeAll(cluster, first, 2);
    first.node.kill();
    await recovered(cluster);
    expect(refusals).toBe(2);
    expectNothingLost(cluster, acknowledged);
  });

  it('race W17: slices of two crashes are kept, each with its own mark of what was flushed', async () => {
    const cluster = await new TestCluster(10).start(2);
    await cluster.createTable('t');
    await cluster.until(() => cluster.isServed('t'), 'served');
    const holder = () => cluster.server(cluster.regions('t')[0]?.server);
    const before = holder();
    const first = await writeAll(cluster, before, 3);
    before.node.kill();
    await recovered(cluster);
    const middle = holder();
    const second = await writeAll(cluster, middle, 2);
    await cluster.startServer('s3');
    middle.node.kill();
    await recovered(cluster);
    const [region] = cluster.regions('t');
    expect(region?.slices).toHaveLength(2);
    expectNothingLost(cluster, first);
    expectNothingLost(cluster, second);
    // A flush that covers them drops both, and their sorted logs become candidates.
    const answer = await cluster.simulation.run(holder().flush(region?.regionId as RegionId));
    expect(answer?.taken).toBe(true);
    expect(cluster.regions('t')[0]?.slices).toEqual([]);
    expect([...cluster.master.catalog.durable.scan(sortedLogKind)]).toHaveLength(0);
  });

  it('flushed edits are not replayed, and a log that nobody needs is not sorted', async () => {
    const cluster = await new TestCluster(11).start(2);
    await cluster.createTable('t');
    await cluster.until(() => cluster.isServed('t'), 'served');
    const [region] = cluster.regions('t');
    const holder = cluster.server(region?.server);
    await writeAll(cluster, holder, 3);
    await cluster.simulation.run(holder.flush(region?.regionId as RegionId));
    const idle = cluster.servers.find((server) => server !== holder) as FakeServer;
    idle.node.kill();
    await cluster.until(() => cluster.master.status().liveServers === 1, 'noticed');
    await recovered(cluster);
    expect(holder.operations.filter(({ kind }) => kind === 'sort-log')).toEqual([]);
    const next = await cluster.startServer('s3');
    holder.node.kill();
    await recovered(cluster);
    expect(next.operations.filter(({ kind }) => kind === 'sort-log')).toHaveLength(1);
    expect(cluster.editsOf(region?.regionId as RegionId).size).toBe(0);
  });

  it('race A5: a table that is disabled while its server crashes ends disabled, and comes back whole', async () => {
    for (const seed of [12, 13, 14]) {
      const cluster = await new TestCluster(seed).start(2);
      await cluster.createTable('t', splits);
      await cluster.until(() => cluster.isServed('t'), 'served');
      const [first] = cluster.servers as [FakeServer];
      const acknowledged = await writeAll(cluster, first, 2);
      const { procId } = await cluster.ask('disableTable', cluster.tableRequest('t'));
      first.node.kill();
      expect(await cluster.finish(procId)).toBe('');
      await cluster.simulation.runFor(10_000);
      expect(cluster.states('t')).toEqual(Array.from({ length: 5 }, () => 'closed'));
      expect(cluster.servers.flatMap((s) => (s.node.life.isKilled ? [] : s.serving))).toEqual([]);
      expect(await cluster.changeTable('enableTable', 't')).toBe('');
      await cluster.until(() => cluster.isServed('t'), 'served');
      // Regions that were closed cleanly before the crash were flushed, as far as this server goes.
      for (const region of cluster.regions('t')) {
        if (region.slices.length === 0) continue;
        const edits = acknowledged.get(region.regionId) ?? [];
        expect([...cluster.editsOf(region.regionId)]).toEqual(expect.arrayContaining(edits));
      }
    }
  });

  it('a crash while nobody knows the master is found by the next master', async () => {
    const cluster = await new TestCluster(15).start(2);
    await cluster.createTable('t', splits);
    await cluster.until(() => cluster.isServed('t'), 'served');
    const [first] = cluster.servers as [FakeServer];
    cluster.killMaster();
    first.node.kill();
    await cluster.simulation.runFor(5_000);
    await cluster.startMaster();
    await recovered(cluster);
  });
});
