// A simulated cluster for tests: one master, fake servers, and a client that makes admin calls.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { RegionId } from '../../base/ids.js';
import { Settings } from '../../base/settings.js';
import { familyDescriptor } from '../../base/table.js';
import { regionKind } from '../../catalog/records/regions.js';
import type { RegionRecord } from '../../catalog/records/regions.js';
import { openStorage } from '../../storage/root.js';
import type { CreateTableRequestSchema } from '../../wire/generated/hbase/master_pb.js';
import {
  GetProcedureResultResponse_State,
  MasterService,
} from '../../wire/generated/hbase/master_pb.js';
import { callProto } from '../../wire/proto-service.js';
import { RpcClient } from '../../wire/rpc-client.js';
import { schemaOfTable, tableNameMessage } from '../../wire/table-schema.js';
import { Simulation } from '../../world/simulated/simulation.js';
import type { Master } from '../master.js';
import { startMaster } from '../master.js';
import { findTable } from '../tables/table-changes.js';
import { FakeServer } from './fake-server.js';
import type { FakeServerOptions } from './fake-server.js';

export class TestCluster {
  readonly simulation: Simulation;
  readonly settings: Settings;
  readonly servers: FakeServer[] = [];
  #master: Master | undefined;
  readonly rpc: RpcClient;
  #nonces = 0;

  constructor(seed: number | string = 1, settings: Readonly<Record<string, string>> = {}) {
    this.simulation = new Simulation(seed);
    this.settings = Settings.parse(settings);
    const { world } = this.simulation.node('client');
    this.rpc = new RpcClient({
      network: world.network,
      clock: world.clock,
      user: 'tester',
      softwareVersion: 'test',
    });
  }

  get master(): Master {
    if (this.#master === undefined) throw new Error('the master is not started');
    return this.#master;
  }

  async startMaster(): Promise<Master> {
    const { world } = this.simulation.node('master');
    const { settings } = this;
    this.#master = await this.simulation.run(
      async () =>
        startMaster({
          world,
          storage: await openStorage(world),
          settings,
          host: 'master',
          port: 0,
          softwareVersion: 'test',
        }),
      { name: 'the start of the master' },
    );
    return this.#master;
  }

  killMaster(): void {
    this.simulation.node('master').kill();
    this.#master = undefined;
  }

  async restartMaster(): Promise<Master> {
    this.killMaster();
    return this.startMaster();
  }

  async startServer(name: string, options: FakeServerOptions = {}): Promise<FakeServer> {
    const server = new FakeServer(this.simulation.node(name), options);
    await this.simulation.run(server.start(), { name: `the start of ${name}` });
    this.servers.push(server);
    return server;
  }

  /** A master and servers `s1`, `s2`, … */
  async start(servers: number, options: FakeServerOptions = {}): Promise<this> {
    await this.startMaster();
    for (let i = 1; i <= servers; i++) await this.startServer(`s${i}`, options);
    return this;
  }

  /** Runs the world until it is so. */
  async until(isSo: () => boolean, what: string, limitMs = 60_000): Promise<void> {
    const { clock } = this.simulation.node('client');
    const poll = async () => {
      while (!isSo()) await clock.sleep(5);
    };
    await this.simulation.run(poll(), { name: what, limitMs });
  }

  call<Name extends keyof typeof MasterService.method>(
    name: Name,
    request: MessageInitShape<(typeof MasterService.method)[Name]['input']>,
  ) {
    return callProto(this.rpc, this.master.address, MasterService.method[name], request, {
      timeoutMs: 60_000,
    });
  }

  /** Calls and runs the world until the answer. */
  ask<Name extends keyof typeof MasterService.method>(
    name: Name,
    request: MessageInitShape<(typeof MasterService.method)[Name]['input']>,
  ) {
    return this.simulation.run(this.call(name, request), { name });
  }

  createRequest(
    table: string,
    splits: readonly string[],
  ): MessageInitShape<typeof CreateTableRequestSchema> {
    return {
      tableSchema: schemaOfTable({
        name: { namespace: 'default', qualifier: table },
        families: [familyDescriptor('f')],
        attributes: {},
      }),
      splitKeys: splits.map((key) => Buffer.from(key)),
      nonceGroup: 1n,
      nonce: BigInt(++this.#nonces),
    };
  }

  tableRequest(table: string) {
    return {
      tableName: tableNameMessage({ namespace: 'default', qualifier: table }),
      nonceGroup: 1n,
      nonce: BigInt(++this.#nonces),
    };
  }

  /** Runs the world until a procedure is over, over restarts of the master; its exception or ''. */
  async finish(procId: bigint): Promise<string> {
    const { clock } = this.simulation.node('client');
    const poll = async (): Promise<string> => {
      for (;;) {
        const { state, exception } = await this.call('getProcedureResult', { procId });
        if (state === GetProcedureResultResponse_State.NOT_FOUND) return 'not found';
        if (state === GetProcedureResultResponse_State.FINISHED) {
          return exception?.genericException?.className ?? '';
        }
        await clock.sleep(20);
      }
    };
    return this.simulation.run(poll(), { name: `procedure ${procId}` });
  }

  async createTable(table: string, splits: readonly string[] = []): Promise<void> {
    const { procId } = await this.ask('createTable', this.createRequest(table, splits));
    const failure = await this.finish(procId);
    if (failure !== '') throw new Error(failure);
  }

  async changeTable(
    name: 'enableTable' | 'disableTable' | 'deleteTable' | 'flushTable',
    table: string,
  ): Promise<string> {
    const { procId } = await this.ask(name, this.tableRequest(table));
    return this.finish(procId);
  }

  /** The table's regions as they are durable, in key order. */
  regions(table: string): readonly RegionRecord[] {
    const { durable } = this.master.catalog;
    const found = findTable(durable, { namespace: 'default', qualifier: table });
    if (found === undefined) return [];
    return [...durable.scan(regionKind, { prefix: [found.id] })].map(({ value }) => value);
  }

  states(table: string): readonly string[] {
    return this.regions(table).map(({ state }) => state);
  }

  tableState(table: string): string | undefined {
    const name = { namespace: 'default', qualifier: table };
    return findTable(this.master.catalog.durable, name)?.record.state;
  }

  /** Every open region of the table is served by exactly the server that the catalog names. */
  isServed(table: string): boolean {
    return this.regions(table).every(({ regionId, state, server }) => {
      const servers = this.servers.filter(
        ({ node, serving }) =>
          !node.life.isKilled && !node.life.isSuspended && serving.includes(regionId),
      );
      return state === 'open' && servers.length === 1 && servers[0]?.incarnation === server;
    });
  }

  server(incarnation: number | undefined): FakeServer {
    const found = this.servers.find((server) => server.incarnation === incarnation);
    if (found === undefined) throw new Error(`there is no server ${incarnation}`);
    return found;
  }

  editsOf(region: RegionId): ReadonlySet<string> {
    for (const server of this.servers) {
      const { isKilled, isSuspended } = server.node.life;
      if (isKilled || isSuspended || !server.serving.includes(region)) continue;
      return server.held(region)?.edits ?? new Set();
    }
    return new Set();
  }
}
