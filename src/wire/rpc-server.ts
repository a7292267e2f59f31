// Serves RPC on one port: any number of services, each a table of methods.
//
// Invariants:
// 1. What is answered in one turn of the event loop goes out at its end, one batch a connection, and
//    only if `mayReply` still says so: the check that protects reads on a local root (L3).
// 2. Calls and bytes under way are bounded (L9); beyond, a call is answered CallQueueTooBig.
// 3. Nothing that a client sends throws out of here.

import { CadastreError } from '../base/errors.js';
import type { Clock } from '../world/clock.js';
import type { Logger } from '../world/log.js';
import type { Address, Listener, Network } from '../world/network.js';
import type { Service } from '../world/world.js';
import { wireLimits } from './limits.js';
import type { RpcService } from './rpc-call.js';
import { ServerConnection } from './server-connection.js';
import type { ConnectionHost } from './server-connection.js';

export interface RpcServerOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly log: Logger;
  readonly services: readonly RpcService[];
  /** For the registry preamble; undefined while it is not known. */
  readonly clusterId: () => string | undefined;
  /** Asked once a turn before answers leave; false: the connections are cut instead. */
  readonly mayReply?: () => boolean;
  readonly frameBytesMax?: number;
  readonly connectionsMax?: number;
  readonly callsMax?: number;
  readonly requestBytesMax?: number;
}

/** Counters that only rise, except those under way. */
export interface RpcServerFigures {
  readonly connections: number;
  readonly callsUnderWay: number;
  readonly requestBytesUnderWay: number;
  readonly calls: number;
  readonly refusedCalls: number;
  readonly flushes: number;
}

export class RpcServer implements Service {
  readonly #options: RpcServerOptions;
  readonly #host: ConnectionHost;
  readonly #connections = new Set<ServerConnection>();
  #listener: Listener | undefined;
  #toFlush: ServerConnection[] = [];
  #callsUnderWay = 0;
  #requestBytes = 0;
  #calls = 0;
  #refusedCalls = 0;
  #flushes = 0;
  #isDraining = false;
  #whenIdle: (() => void)[] = [];

  constructor(options: RpcServerOptions) {
    this.#options = options;
    const services = new Map(options.services.map((service) => [service.name, service]));
    this.#host = {
      frameBytesMax: options.frameBytesMax ?? wireLimits.frameBytesMax,
      clusterId: options.clusterId,
      service: (name) => services.get(name),
      now: () => options.clock.monotonic(),
      admit: (requestBytes) => this.#admit(requestBytes),
      release: (requestBytes) => this.#release(requestBytes),
      scheduleFlush: (connection) => this.#scheduleFlush(connection),
      refused: (connection, why) => {
        options.log.warn('refused a connection', { remote: connection.remoteText, why });
      },
      closed: (connection) => {
        this.#connections.delete(connection);
      },
    };
  }

  /** Starts; port 0 takes a free one. Returns where it listens. Fails with `port-taken`. */
  async listen(address: Address): Promise<Address> {
    const { network } = this.#options;
    this.#listener = await network.listen(address, (connection) => {
      if (
        this.#connections.size >= (this.#options.connectionsMax ?? wireLimits.serverConnectionsMax)
      ) {
        connection.destroy();
      } else this.#connections.add(new ServerConnection(connection, this.#host));
    });
    return this.#listener.address;
  }

  get figures(): RpcServerFigures {
    return {
      connections: this.#connections.size,
      callsUnderWay: this.#callsUnderWay,
      requestBytesUnderWay: this.#requestBytes,
      calls: this.#calls,
      refusedCalls: this.#refusedCalls,
      flushes: this.#flushes,
    };
  }

  /** Accepts no connection and no call more; resolves when all calls are answered. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    await this.#listener?.close();
    if (this.#callsUnderWay > 0) {
      await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    }
    this.#flush();
  }

  /** Closes everything at once. */
  async stop(): Promise<void> {
    this.#isDraining = true;
    for (const connection of this.#connections) connection.destroy();
    await this.#listener?.close();
  }

  #admit(requestBytes: number): CadastreError | undefined {
    const { callsMax, requestBytesMax } = this.#options;
    const refusal = this.#isDraining
      ? new CadastreError('server-stopped', 'this server is stopping')
      : this.#callsUnderWay >= (callsMax ?? wireLimits.serverCallsMax) ||
          this.#requestBytes + requestBytes > (requestBytesMax ?? wireLimits.serverRequestBytesMax)
        ? new CadastreError(
            'call-queue-too-big',
            `${this.#callsUnderWay} calls of ${this.#requestBytes} bytes are under way`,
            { nextStep: 'Try again later, or with fewer calls at once.' },
          )
        : undefined;
    if (refusal === undefined) {
      this.#calls++;
      this.#callsUnderWay++;
      this.#requestBytes += requestBytes;
    } else this.#refusedCalls++;
    return refusal;
  }

  #release(requestBytes: number): void {
    this.#callsUnderWay--;
    this.#requestBytes -= requestBytes;
    if (this.#callsUnderWay > 0 || this.#whenIdle.length === 0) return;
    for (const done of this.#whenIdle.splice(0)) done();
  }

  #scheduleFlush(connection: ServerConnection): void {
    if (connection.isFlushScheduled) return;
    connection.isFlushScheduled = true;
    this.#toFlush.push(connection);
    if (this.#toFlush.length === 1) this.#options.clock.nextTurn(() => this.#flush());
  }

  #flush(): void {
    const connections = this.#toFlush;
    if (connections.length === 0) return;
    this.#toFlush = [];
    this.#flushes++;
    const mayReply = this.#options.mayReply?.() ?? true;
    for (const connection of connections) {
      connection.isFlushScheduled = false;
      if (mayReply) connection.flush();
      else connection.destroy();
    }
  }
}
