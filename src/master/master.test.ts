import { describe, expect, it } from 'vitest';
import { Settings } from '../base/settings.js';
import { candidateKind } from '../catalog/records/deletion.js';
import { serverKind } from '../catalog/records/servers.js';
import { openStorage } from '../storage/root.js';
import { startMaster } from './master.js';
import { TestCluster } from './testing/cluster.js';
import { ServerStatusService } from '../wire/internal.js';
import type { FakeServer } from './testing/fake-server.js';
import { ClientMetaService } from '../wire/generated/hbase/registry_pb.js';
import { callProto } from '../wire/proto-service.js';

async function startSecond(cluster: TestCluster) {
  const { world } = cluster.simulation.node('second');
  return cluster.simulation.run(async () =>
    startMaster({
      world,
      storage: await openStorage(world),
      settings: Settings.defaults(),
      host: 'second',
      port: 0,
      softwareVersion: 'test',
    }),
  );
}

describe('the master as a process', () => {
  it('refuses a root whose master lives, by name', async () => {
    const cluster = await new TestCluster(1).start(0);
    await expect(startSecond(cluster)).rejects.toMatchObject({ code: 'root-in-use' });
    expect(cluster.master.status().epoch).toBe(1);
  });

  it('a stop hands over at once: the next master has everything', async () => {
    const cluster = await new TestCluster(2).start(1);
    await cluster.createTable('t', ['m']);
    await cluster.simulation.run(cluster.master.stop());
    const before = cluster.simulation.nowMs;
    await cluster.startMaster();
    expect(cluster.simulation.nowMs - before).toBeLessThan(1_000);
    expect(cluster.master.status().epoch).toBe(2);
    await cluster.until(() => cluster.isServed('t'), 'served');
    expect(cluster.states('t')).toEqual(['open', 'open']);
  });

  it('race A12: a master that lost the election ends its process', async () => {
    const cluster = new TestCluster(3);
    const node = cluster.simulation.node('master', { machine: 'here', root: 'objects' });
    cluster.simulation.node('second', { machine: 'there', root: 'objects' });
    await cluster.start(0);
    node.suspend();
    const second = await startSecond(cluster);
    expect(second.status().epoch).toBe(2);
    node.resume();
    await cluster.until(() => node.exited !== undefined, 'exited');
    expect(node.exited?.code).toBe(1);
  });

  it('a failed start leaves nothing behind: the port is free again', async () => {
    const cluster = await new TestCluster(4).start(0);
    const { world } = cluster.simulation.node('second');
    const start = async (port: number) =>
      startMaster({
        world,
        storage: await openStorage(world),
        settings: Settings.defaults(),
        host: 'second',
        port,
        softwareVersion: 'test',
      });
    await expect(cluster.simulation.run(start(16_000))).rejects.toMatchObject({
      code: 'root-in-use',
    });
    await cluster.simulation.run(cluster.master.stop());
    const second = await cluster.simulation.run(start(16_000));
    expect(second.address.port).toBe(16_000);
  });

  it('clients hold while the master starts, and find the registry afterwards', async () => {
    const cluster = await new TestCluster(5).start(1);
    const registry = await cluster.simulation.run(
      callProto(
        cluster.rpc,
        cluster.master.address,
        ClientMetaService.method.getMetaRegionLocations,
        {},
        { timeoutMs: 1_000 },
      ),
    );
    expect(registry.metaLocations[0]).toMatchObject({
      seqNum: -1n,
      serverName: { hostName: 'master', port: cluster.master.address.port },
    });
    const nodes = await cluster.simulation.run(
      callProto(
        cluster.rpc,
        cluster.master.address,
        ClientMetaService.method.getBootstrapNodes,
        {},
        { timeoutMs: 1_000 },
      ),
    );
    const [server] = cluster.servers as [FakeServer];
    expect(nodes.serverName).toMatchObject([
      { hostName: 's1', port: server.address.port, startCode: 1n },
    ]);
  });

  it('what was replaced is collected once no server can be reading it', async () => {
    const cluster = await new TestCluster(6, { 'cadastre.collector.interval.ms': '5000' }).start(1);
    await cluster.createTable('t');
    await cluster.until(() => cluster.isServed('t'), 'served');
    const [server] = cluster.servers as [FakeServer];
    const [region] = cluster.regions('t');
    const { objects } = await cluster.simulation.run(openStorage(server.node.world));
    const file = (object: string) => ({
      family: 'f',
      object,
      bytes: 1,
      crc32: 0,
      entries: 1,
      sequenceMin: 1 as never,
      sequenceMax: 1 as never,
      birth: 0 as never,
      clip: undefined,
      visibleBytes: 1,
      visibleEntries: 1,
      majorCompacted: false,
      timestampMin: 0,
      timestampMax: 0,
    });
    const names = ['data/00/1-1-hfile', 'data/00/1-2-hfile'] as const;
    for (const name of names) await cluster.simulation.run(objects.create(name, Buffer.from('x')));
    const id = region?.regionId as never;
    await cluster.simulation.run(server.flush(id, { added: [file(names[0])] }));
    const compacted = { added: [file(names[1])], removed: [names[0]], flushedSequence: undefined };
    await cluster.simulation.run(server.flush(id, compacted));
    expect([...cluster.master.catalog.durable.scan(candidateKind)]).not.toEqual([]);
    await cluster.simulation.runFor(8_000);
    expect(await cluster.simulation.run(objects.head(names[0]))).toBeDefined();
    await cluster.simulation.runFor(30_000);
    expect(await cluster.simulation.run(objects.head(names[0]))).toBeUndefined();
    expect(await cluster.simulation.run(objects.head(names[1]))).toBeDefined();
  });

  it('a server that listens on the address of another one takes its place at once', async () => {
    const cluster = await new TestCluster(7).start(1);
    const [server] = cluster.servers as [FakeServer];
    const { bootId, pidNamespace, startTime } = server.node.world.process.identity();
    const heir = {
      incarnation: 2n,
      ...server.address,
      softwareVersion: 'test',
      process: { bootId, pidNamespace, pid: 4_000n, startTime },
    };
    await cluster.simulation.run(server.call(ServerStatusService.method.register, heir));
    await cluster.until(() => server.fenced !== undefined, 'fenced');
    expect(cluster.master.catalog.durable.get(serverKind, [server.incarnation])?.state).toBe(
      'crashed',
    );
  });

  it('the launcher’s word that a server’s process has ended is taken at once', async () => {
    const cluster = await new TestCluster(8).start(2);
    const [server] = cluster.servers as [FakeServer];
    server.node.suspend();
    cluster.master.processExited(server.node.world.process.identity().pid);
    expect(cluster.master.status().liveServers).toBe(1);
  });

  it('a master that stood still itself does not take its servers for silent', async () => {
    const cluster = await new TestCluster(9).start(2);
    const node = cluster.simulation.node('master');
    node.suspend();
    await cluster.simulation.runFor(10_000);
    node.resume();
    await cluster.simulation.runFor(2_000);
    expect(cluster.master.status()).toMatchObject({ epoch: 1, liveServers: 2 });
  });
});
