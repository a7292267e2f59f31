import { beforeAll, describe, expect, it } from 'vitest';
import { familyDescriptor } from '../../base/table.js';
import { Option } from '../../wire/generated/hbase/cluster_status_pb.js';
import {
  GetProcedureResultResponse_State,
  MasterService,
  MasterSwitchType,
} from '../../wire/generated/hbase/master_pb.js';
import { TableState_State } from '../../wire/generated/hbase/hbase_pb.js';
import { tableOfSchema, schemaOfTable } from '../../wire/table-schema.js';
import { callProto } from '../../wire/proto-service.js';
import { openStorage } from '../../storage/root.js';
import { Settings } from '../../base/settings.js';
import { startMaster } from '../master.js';
import { TestCluster } from '../testing/cluster.js';

const named = (names: readonly { readonly qualifier: Uint8Array }[]) =>
  names.map(({ qualifier }) => Buffer.from(qualifier).toString());

describe('MasterService', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await new TestCluster(1).start(2);
    await cluster.createTable('apple', ['m']);
    await cluster.createTable('pear');
    await cluster.changeTable('disableTable', 'pear');
  });

  it('trace 3.32: lists and describes tables by name, pattern, state and namespace', async () => {
    const names = async (request: object) =>
      named((await cluster.ask('getTableNames', request)).tableNames);
    expect(await names({})).toEqual(['apple', 'pear']);
    expect(await names({ regex: 'app.*' })).toEqual(['apple']);
    expect(await names({ regex: 'default:p.*' })).toEqual(['pear']);
    expect(await names({ regex: 'app' })).toEqual([]);
    expect(await names({ includeSysTables: true })).toEqual(['apple', 'pear', 'meta']);
    const enabled = await cluster.ask('listTableNamesByState', { isEnabled: true });
    expect(named(enabled.tableNames)).toEqual(['apple']);
    const disabled = await cluster.ask('listTableDescriptorsByState', { isEnabled: false });
    expect(disabled.tableSchema).toHaveLength(1);
    const inDefault = await cluster.ask('listTableNamesByNamespace', { namespaceName: 'default' });
    expect(named(inDefault.tableName)).toEqual(['apple', 'pear']);
    await expect(
      cluster.ask('listTableDescriptorsByNamespace', { namespaceName: 'nope' }),
    ).rejects.toMatchObject({ code: 'namespace-not-found' });
    const request = cluster.tableRequest('apple');
    const { tableSchema } = await cluster.ask('getTableDescriptors', {
      tableNames: [request.tableName, cluster.tableRequest('gone').tableName],
    });
    expect(tableSchema.map(tableOfSchema)).toMatchObject([
      { name: { qualifier: 'apple' }, families: [{ name: 'f' }] },
    ]);
  });

  it('says the state of a table, and how many regions an alter would have to change', async () => {
    const { tableName } = cluster.tableRequest('pear');
    const { tableState } = await cluster.ask('getTableState', { tableName });
    expect(tableState?.state).toBe(TableState_State.DISABLED);
    const status = await cluster.ask('getSchemaAlterStatus', cluster.tableRequest('apple'));
    expect(status).toMatchObject({ yetToUpdateRegions: 0, totalRegions: 2 });
    const gone = cluster.tableRequest('gone');
    await expect(cluster.ask('getTableState', gone)).rejects.toMatchObject({
      code: 'table-not-found',
      message: 'gone',
    });
  });

  it('tells namespaces', async () => {
    expect((await cluster.ask('listNamespaces', {})).namespaceName).toEqual(['default', 'hbase']);
    const { namespaceDescriptor } = await cluster.ask('listNamespaceDescriptors', {});
    expect(namespaceDescriptor).toHaveLength(2);
    await expect(
      cluster.ask('getNamespaceDescriptor', { namespaceName: 'nope' }),
    ).rejects.toMatchObject({ code: 'namespace-not-found' });
  });

  it.each([
    ['createTable', () => cluster.createRequest('apple', []), 'table-exists', 'apple'],
    ['createTable', () => cluster.createRequest('new', ['b', 'a']), 'bad-request', 'split key 2'],
    ['enableTable', () => cluster.tableRequest('apple'), 'table-not-disabled', 'Not DISABLED'],
    ['enableTable', () => cluster.tableRequest('gone'), 'table-not-found', 'gone'],
    ['disableTable', () => cluster.tableRequest('pear'), 'table-not-enabled', 'pear'],
    ['deleteTable', () => cluster.tableRequest('apple'), 'table-not-disabled', 'state=ENABLED'],
    ['flushTable', () => cluster.tableRequest('pear'), 'table-not-enabled', 'pear'],
  ] as const)('trace 4.3: %s is refused at once', async (name, request, code, text) => {
    await expect(cluster.ask(name, request())).rejects.toMatchObject({
      code,
      message: expect.stringContaining(text) as string,
    });
  });

  it('trace 4.3: refuses to change hbase:meta', async () => {
    const tableName = { namespace: Buffer.from('hbase'), qualifier: Buffer.from('meta') };
    await expect(cluster.ask('disableTable', { tableName })).rejects.toMatchObject({
      code: 'constraint-violated',
      message: 'Cannot disable hbase:meta',
    });
  });

  it.each([
    'ModifyTable',
    'AddColumn',
    'truncateTable',
    'SplitRegion',
    'CreateNamespace',
    'Snapshot',
    'StopMaster',
  ])('%s is not supported, and says so', async (method) => {
    const call = cluster.rpc.call(cluster.master.address, 'MasterService', {
      method,
      encode: () => undefined,
      value: undefined,
      timeoutMs: 1_000,
    });
    await expect(cluster.simulation.run(call)).rejects.toMatchObject({
      code: 'not-supported',
      message: expect.stringContaining(`MasterService.${method}`) as string,
    });
  });

  it('trace 3.36: a repeated nonce gives the same procedure, also when its work is done', async () => {
    const request = cluster.createRequest('nonce', []);
    const [first, second] = await cluster.simulation.run(
      Promise.all([cluster.call('createTable', request), cluster.call('createTable', request)]),
    );
    expect(second.procId).toBe(first.procId);
    expect(await cluster.finish(first.procId)).toBe('');
    expect((await cluster.ask('createTable', request)).procId).toBe(first.procId);
    await expect(
      cluster.ask('createTable', { ...request, splitKeys: [Buffer.from('z')] }),
    ).rejects.toMatchObject({ code: 'nonce-reused' });
  });

  it('trace 3.35: of two creations of one table the second fails with HBase’s class', async () => {
    const [first, second] = await cluster.simulation.run(
      Promise.all([
        cluster.call('createTable', cluster.createRequest('twice', [])),
        cluster.call('createTable', cluster.createRequest('twice', [])),
      ]),
    );
    expect(await cluster.finish(first.procId)).toBe('');
    expect(await cluster.finish(second.procId)).toBe(
      'org.apache.hadoop.hbase.TableExistsException',
    );
    const unknown = await cluster.ask('getProcedureResult', { procId: 77n });
    expect(unknown.state).toBe(GetProcedureResultResponse_State.NOT_FOUND);
  });

  it('flushes a table through its servers', async () => {
    expect(await cluster.changeTable('flushTable', 'apple')).toBe('');
    const flushes = cluster.servers.flatMap(({ operations }) =>
      operations.filter(({ kind }) => kind === 'flush'),
    );
    expect(flushes).toHaveLength(2);
  });

  it('trace 3.44: tells the cluster’s status, whole or in the parts asked for', async () => {
    const { clusterStatus } = await cluster.ask('getClusterStatus', {});
    expect(clusterStatus).toMatchObject({
      hbaseVersion: { version: 'test' },
      clusterId: { clusterId: cluster.master.status().clusterId },
      master: { hostName: 'master' },
      balancerOn: false,
      masterInfoPort: 0,
      serversName: [{ hostName: 's1' }, { hostName: 's2' }],
      liveServers: [{ server: { hostName: 's1' } }, { server: { hostName: 's2' } }],
    });
    const counts = clusterStatus?.tableRegionStatesCount.find(
      ({ tableName }) => named(tableName === undefined ? [] : [tableName])[0] === 'apple',
    );
    expect(counts?.regionStatesCount).toMatchObject({ openRegions: 2, totalRegions: 2 });
    const part = await cluster.ask('getClusterStatus', { options: [Option.MASTER] });
    expect(part.clusterStatus?.serversName).toEqual([]);
    expect(part.clusterStatus?.master).toMatchObject({ hostName: 'master' });
  });

  it('trace 3.46: switches say that nothing of the kind runs, and refuse to be on', async () => {
    expect(await cluster.ask('isBalancerEnabled', {})).toMatchObject({ enabled: false });
    expect(await cluster.ask('setBalancerRunning', { on: false })).toMatchObject({
      prevBalanceValue: false,
    });
    await expect(cluster.ask('setBalancerRunning', { on: true })).rejects.toMatchObject({
      code: 'not-supported',
    });
    expect(await cluster.ask('balance', {})).toMatchObject({ balancerRan: false });
    const split = { enabled: false, switchTypes: [MasterSwitchType.SPLIT, MasterSwitchType.MERGE] };
    expect(await cluster.ask('setSplitOrMergeEnabled', split)).toMatchObject({
      prevValue: [false, false],
    });
    expect(await cluster.ask('isNormalizerEnabled', {})).toMatchObject({ enabled: false });
    expect(await cluster.ask('isCatalogJanitorEnabled', {})).toMatchObject({ value: false });
    expect(await cluster.ask('isSnapshotCleanupEnabled', {})).toMatchObject({ enabled: false });
    expect(await cluster.ask('isRpcThrottleEnabled', {})).toMatchObject({
      rpcThrottleEnabled: false,
    });
    expect(await cluster.ask('isMasterInMaintenanceMode', {})).toMatchObject({
      inMaintenanceMode: false,
    });
    expect((await cluster.ask('listDecommissionedRegionServers', {})).serverName).toEqual([]);
    await cluster.ask('listReplicationPeers', {});
    expect((await cluster.ask('getSecurityCapabilities', {})).capabilities).toEqual([0]);
  });

  it('trace 3.46: the cleaner is the collector, and can be paused and run', async () => {
    expect(await cluster.ask('runCleanerChore', {})).toMatchObject({ cleanerChoreRan: true });
    expect(await cluster.ask('setCleanerChoreRunning', { on: false })).toMatchObject({
      prevValue: true,
    });
    expect(await cluster.ask('isCleanerChoreEnabled', {})).toMatchObject({ value: false });
    await cluster.ask('setCleanerChoreRunning', { on: true });
    expect(await cluster.ask('isCleanerChoreEnabled', {})).toMatchObject({ value: true });
  });

  it('trace 3.49: shows procedures and locks', async () => {
    cluster.master.engine.pauseType('DisableTable');
    const { procId } = await cluster.ask('disableTable', cluster.tableRequest('apple'));
    await cluster.simulation.runFor(100);
    const { procedure } = await cluster.ask('getProcedures', {});
    expect(procedure.find((each) => each.procId === procId)).toMatchObject({
      className: 'DisableTable',
      owner: 'tester',
    });
    await cluster.ask('getLocks', {});
    const aborted = await cluster.ask('abortProcedure', { procId });
    expect(aborted.isProcedureAborted).toBe(true);
    cluster.master.engine.resumeType('DisableTable');
    expect(await cluster.finish(procId)).not.toBe('');
    expect(cluster.tableState('apple')).toBe('enabled');
  });

  it('refuses a table whose settings it could not keep', async () => {
    const request = {
      tableSchema: schemaOfTable({
        name: { namespace: 'default', qualifier: 'snappy' },
        families: [familyDescriptor('f', { compression: 'snappy' })],
        attributes: {},
      }),
    };
    await expect(cluster.ask('createTable', request)).rejects.toMatchObject({
      code: 'not-supported',
    });
  });
});

it('while the master starts, everything but the question whether it runs gets PleaseHold', async () => {
  const cluster = new TestCluster(2);
  const other = cluster.simulation.node('other', { machine: 'there', root: 'objects' });
  cluster.simulation.node('master', { machine: 'here', root: 'objects' });
  await cluster.startMaster();
  // The second waits for the first to be silent: its port is open meanwhile.
  const starting = cluster.simulation.run(async () =>
    startMaster({
      world: other.world,
      storage: await openStorage(other.world),
      settings: Settings.defaults(),
      host: 'other',
      port: 16_000,
      softwareVersion: 'test',
    }),
  );
  const address = { host: 'other', port: 16_000 };
  const ask = (name: 'isMasterRunning' | 'listNamespaces') =>
    callProto(cluster.rpc, address, MasterService.method[name], {}, { timeoutMs: 1_000 });
  const { clock } = cluster.simulation.node('client').world;
  const asking = (async () => {
    await clock.sleep(200);
    expect(await ask('isMasterRunning')).toMatchObject({ isMasterRunning: true });
    await expect(ask('listNamespaces')).rejects.toMatchObject({ code: 'please-hold' });
  })();
  await expect(starting).rejects.toMatchObject({ code: 'root-in-use' });
  await asking;
});
