// A simulated server and client to speak RPC between, and a client of bare bytes.

import { Simulation } from '../../world/simulated/simulation.js';
import type { Address, Connection } from '../../world/network.js';
import type { World } from '../../world/world.js';
import { RpcClient } from '../rpc-client.js';
import type { RpcClientOptions } from '../rpc-client.js';
import type { RpcCall, RpcMethod } from '../rpc-call.js';
import { RpcServer } from '../rpc-server.js';
import type { RpcServerOptions } from '../rpc-server.js';

export const clusterId = '01234567-89ab-cdef-0123-456789abcdef';

export interface RpcPair {
  readonly simulation: Simulation;
  readonly server: RpcServer;
  readonly address: Address;
  readonly clientWorld: World;
  readonly serverWorld: World;
  client(options?: Partial<RpcClientOptions>): RpcClient;
  raw(): Promise<RawClient>;
}

/** One service, ClientService, with these methods. */
export async function rpcPair(
  methods: Readonly<Record<string, RpcMethod>>,
  options: Partial<RpcServerOptions> = {},
  seed = 1,
): Promise<RpcPair> {
  const simulation = new Simulation(seed);
  const serverWorld = simulation.node('server').world;
  const clientWorld = simulation.node('client').world;
  const server = new RpcServer({
    network: serverWorld.network,
    clock: serverWorld.clock,
    log: serverWorld.log,
    services: [{ name: 'ClientService', methods: new Map(Object.entries(methods)) }],
    clusterId: () => clusterId,
    ...options,
  });
  const address = await simulation.run(server.listen({ host: 'server', port: 0 }));
  return {
    simulation,
    server,
    address,
    clientWorld,
    serverWorld,
    client: (more = {}) =>
      new RpcClient({
        network: clientWorld.network,
        clock: clientWorld.clock,
        user: 'tester',
        softwareVersion: '0',
        ...more,
      }),
    raw: async () =>
      new RawClient(await simulation.run(clientWorld.network.connect(address, 1_000))),
  };
}

/** Sends bytes, and keeps what comes back. */
export class RawClient {
  readonly connection: Connection;
  isClosed = false;
  #chunks: Buffer[] = [];

  constructor(connection: Connection) {
    this.connection = connection;
    connection.onData((bytes) => this.#chunks.push(bytes));
    connection.onClose(() => {
      this.isClosed = true;
    });
  }

  send(...parts: readonly Uint8Array[]): void {
    this.connection.write(Buffer.concat(parts));
  }

  /** What came and was not taken. */
  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Takes the received frames, without their lengths. */
  frames(): Buffer[] {
    const { received } = this;
    const frames: Buffer[] = [];
    let at = 0;
    while (at + 4 <= received.length) {
      const end = at + 4 + received.readUInt32BE(at);
      if (end > received.length) break;
      frames.push(received.subarray(at + 4, end));
      at = end;
    }
    this.#chunks = [received.subarray(at)];
    return frames;
  }
}

/** Answers with the parameter. */
export function echo(call: RpcCall): void {
  call.reply((writer, bytes) => writer.bytes(bytes), call.parameter);
}
