import { describe, expect, it } from 'vitest';
import { encodedRegionName } from '../base/table.js';
import { GetRegionInfoResponse_CompactionState as Compaction } from '../wire/generated/hbase/admin_pb.js';
import type { AdminService } from '../wire/generated/hbase/admin_pb.js';
import { RegionSpecifier_RegionSpecifierType as SpecifierType } from '../wire/generated/hbase/hbase_pb.js';
import { ClientMetaService } from '../wire/generated/hbase/registry_pb.js';
import { callProto } from '../wire/proto-service.js';
import { ServerCluster, codeOf } from './testing/cluster.js';

async function setUp() {
  const all = await new ServerCluster().start(1);
  await all.cluster.createTable('t');
  await all.untilServed('t');
  const server = all.servers.get('s1');
  if (server === undefined) throw new Error('there is no server');
  const { address, incarnation } = server;
  const region = { type: SpecifierType.REGION_NAME, value: all.region('t').value };
  const ask = <Name extends keyof typeof AdminService.method>(
    name: Name,
    request: Parameters<typeof all.admin<Name>>[2],
  ) => all.run(all.admin(address, name, request));
  return { all, address, incarnation, region, ask };
}

describe('AdminService', () => {
  it('flushes a region, and says when there was nothing', async () => {
    const { all, region, ask } = await setUp();
    await all.put('t', 'a', 'one');
    const flushed = await ask('flushRegion', { region });
    expect(flushed).toMatchObject({ flushed: true, wroteFlushWalMarker: false });
    expect(flushed.lastFlushTime).toBeGreaterThan(0n);
    expect(await ask('flushRegion', { region })).toMatchObject({ flushed: false });
  });

  it('compacts a region, and tells how far that is', async () => {
    const { all, region, ask } = await setUp();
    for (const value of ['one', 'two']) {
      await all.put('t', 'a', value);
      await ask('flushRegion', { region });
    }
    await ask('compactRegion', { region, major: true });
    await all.simulation.runFor(5_000);
    const loads = await ask('getRegionLoad', {});
    expect(loads.regionLoads).toMatchObject([{ storefiles: 1, stores: 1 }]);
    expect(await ask('getRegionInfo', { region, compactionState: true })).toMatchObject({
      compactionState: Compaction.NONE,
      regionInfo: { tableName: { qualifier: Buffer.from('t') } },
    });
    expect(await all.read('t', 'a')).toEqual(['two']);
  });

  it('finds a region by its encoded name', async () => {
    const { all, ask } = await setUp();
    const [record] = all.cluster.regions('t');
    if (record === undefined) throw new Error('there is no region');
    const name = encodedRegionName({ ...record, table: { namespace: 'default', qualifier: 't' } });
    const value = Buffer.from(name);
    const region = { type: SpecifierType.ENCODED_REGION_NAME, value };
    expect(await ask('getRegionInfo', { region })).toMatchObject({ splittable: false });
  });

  it('lists the regions it serves, and who it is', async () => {
    const { incarnation, address, ask } = await setUp();
    expect((await ask('getOnlineRegion', {})).regionInfo).toHaveLength(1);
    expect(await ask('getServerInfo', {})).toMatchObject({
      serverInfo: {
        serverName: { hostName: 's1', port: address.port, startCode: BigInt(incarnation) },
      },
    });
    const tableName = { namespace: Buffer.from('default'), qualifier: Buffer.from('other') };
    expect((await ask('getRegionLoad', { tableName })).regionLoads).toEqual([]);
  });

  it('refuses what is not there or not done', async () => {
    const { ask } = await setUp();
    const region = { type: SpecifierType.REGION_NAME, value: Buffer.from('t,q,9.x.') };
    expect(await codeOf(ask('flushRegion', { region }))).toBe('region-not-serving');
    expect(await codeOf(ask('compactionSwitch', { enabled: false }))).toBe('not-supported');
  });
});

describe('ClientMetaService of a region server', () => {
  it('names the cluster, the master and where hbase:meta is', async () => {
    const { all, address } = await setUp();
    const { method } = ClientMetaService;
    const options = { timeoutMs: 1_000 };
    const { rpc, master } = all.cluster;
    expect(await all.run(callProto(rpc, address, method.getClusterId, {}, options))).toMatchObject({
      clusterId: master.catalog.clusterId,
    });
    const serverName = { hostName: 'master', port: master.address.port };
    expect(
      await all.run(callProto(rpc, address, method.getActiveMaster, {}, options)),
    ).toMatchObject({ serverName });
    expect(
      await all.run(callProto(rpc, address, method.getMetaRegionLocations, {}, options)),
    ).toMatchObject({ metaLocations: [{ serverName }] });
    expect(
      await all.run(callProto(rpc, address, method.getBootstrapNodes, {}, options)),
    ).toMatchObject({ serverName: [{ hostName: 's1' }] });
  });

  it('says that it is starting while it has not found the master', async () => {
    const all = new ServerCluster();
    const { address } = await all.startServer('s1');
    const asked = callProto(
      all.cluster.rpc,
      address,
      ClientMetaService.method.getActiveMaster,
      {},
      { timeoutMs: 1_000 },
    );
    expect(await codeOf(all.run(asked))).toBe('server-not-running');
  });
});
