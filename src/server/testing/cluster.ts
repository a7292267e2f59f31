// A real master and real region servers in a simulation, and a client that puts and gets single rows.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { CadastreError, asCadastreError } from '../../base/errors.js';
import type { Get, Mutation } from '../../base/operations.js';
import { regionName } from '../../base/table.js';
import { TestCluster } from '../../master/testing/cluster.js';
import { get, put } from '../../region/testing/requests.js';
import { openStorage } from '../../storage/root.js';
import type { RegionSpecifier } from '../../wire/client-messages.js';
import { AdminService } from '../../wire/generated/hbase/admin_pb.js';
import { callProto } from '../../wire/proto-service.js';
import { writeGetRequest, writeMutateRequest } from '../../wire/request-encoder.js';
import { decodeGetResponse } from '../../wire/response-decoder.js';
import type { Address } from '../../world/network.js';
import type { RegionServer } from '../server.js';
import { startServer } from '../server.js';

type AdminMethods = typeof AdminService.method;

export class ServerCluster {
  readonly cluster: TestCluster;
  readonly servers = new Map<string, RegionServer>();

  constructor(seed = 1, settings: Readonly<Record<string, string>> = {}) {
    this.cluster = new TestCluster(seed, settings);
  }

  get simulation() {
    return this.cluster.simulation;
  }

  /** A master, and servers `s1`, `s2`, … that it knows. */
  async start(count: number): Promise<this> {
    await this.cluster.startMaster();
    for (let i = 1; i <= count; i++) {
      const server = await this.startServer(`s${i}`);
      await this.run(server.ready());
    }
    return this;
  }

  async startServer(name: string, port = 0): Promise<RegionServer> {
    const { world } = this.simulation.node(name);
    const { settings } = this.cluster;
    const address = { host: name, port };
    const start = async (): Promise<RegionServer> => {
      const storage = await openStorage(world);
      return startServer({ world, storage, settings, address, softwareVersion: 'test' });
    };
    const server = await this.run(start());
    this.servers.set(name, server);
    return server;
  }

  run<T>(work: Promise<T>, limitMs = 5 * 60_000): Promise<T> {
    return this.simulation.run(work, { limitMs });
  }

  /** The server that the catalog names for the table's first region, if it is open. */
  serverOf(table: string): Address | undefined {
    const [region] = this.cluster.regions(table);
    const server = [...this.servers.values()].find((one) => one.incarnation === region?.server);
    return region?.state === 'open' ? server?.address : undefined;
  }

  async untilServed(table: string): Promise<void> {
    const isServed = (): boolean =>
      this.cluster
        .regions(table)
        .every(({ regionId, state, server }) =>
          [...this.servers.values()].some(
            (one) =>
              state === 'open' &&
              one.incarnation === server &&
              one.serving().some((held) => held.regionId === regionId),
          ),
        );
    await this.cluster.until(isServed, `${table} is served`);
  }

  region(table: string): RegionSpecifier {
    const [region] = this.cluster.regions(table);
    if (region === undefined) throw new Error(`${table} has no regions`);
    const name = { namespace: 'default', qualifier: table };
    return { kind: 'name', value: regionName({ ...region, table: name }) };
  }

  mutate(address: Address, table: string, mutation: Mutation): Promise<unknown> {
    const value = { region: this.region(table), mutation, condition: undefined };
    return this.cluster.rpc.call(address, 'ClientService', {
      method: 'Mutate',
      encode: writeMutateRequest,
      value,
      timeoutMs: 5_000,
    });
  }

  async get(address: Address, table: string, wanted: Get): Promise<readonly string[]> {
    const reply = await this.cluster.rpc.call(address, 'ClientService', {
      method: 'Get',
      encode: writeGetRequest,
      value: { region: this.region(table), get: wanted },
      timeoutMs: 5_000,
    });
    return decodeGetResponse(reply).cells.map(({ value }) => value.toString());
  }

  /** Puts `f:q` of a row at whoever serves it, and runs the world until that is acknowledged. */
  async put(table: string, row: string, value: string): Promise<void> {
    await this.run(this.mutate(this.#served(table), table, put(row, 'f:q', value)));
  }

  async read(table: string, row: string): Promise<readonly string[]> {
    return this.run(this.get(this.#served(table), table, get(row)));
  }

  admin<Name extends keyof AdminMethods>(
    address: Address,
    name: Name,
    request: MessageInitShape<AdminMethods[Name]['input']>,
  ) {
    const method = AdminService.method[name];
    return callProto(this.cluster.rpc, address, method, request, { timeoutMs: 5_000 });
  }

  #served(table: string): Address {
    const address = this.serverOf(table);
    if (address === undefined) throw new Error(`${table} is not served`);
    return address;
  }
}

/** The code of the error that the promise ends with. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    return error instanceof CadastreError ? error.code : asCadastreError(error).message;
  }
}
