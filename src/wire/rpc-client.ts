// Calls services at addresses: one connection for each (address, service), shared by all calls, made
// when first needed and closed when idle or lost. It does not retry: whoever calls knows whether that
// is right. Calls made in one turn of the event loop leave together.

import { CadastreError } from '../base/errors.js';
import type { Address } from '../world/network.js';
import { ClientConnection } from './client-connection.js';
import type {
  CallRequest,
  ConnectionOptions,
  ReplyHandler,
  RpcReply,
} from './client-connection.js';

export type RpcClientOptions = Pick<
  ConnectionOptions,
  'network' | 'clock' | 'user' | 'softwareVersion'
> &
  Partial<ConnectionOptions>;

/** HBase's own defaults. */
const defaults = { codec: 'key-value', connectTimeoutMs: 10_000, idleMs: 120_000 } as const;

/** HBase's clients wrap here. */
const callIdMax = 0x7fffffff;

export class RpcClient {
  readonly #options: ConnectionOptions;
  readonly #connections = new Map<string, ClientConnection>();
  #toFlush: ClientConnection[] = [];
  #nextCallId = 0;
  #isClosed = false;

  constructor(options: RpcClientOptions) {
    this.#options = { ...defaults, ...options };
  }

  /** Calls; `done` is called once, never before this returns unless the call is refused. */
  send<T>(
    address: Address,
    serviceName: string,
    request: CallRequest<T>,
    done: ReplyHandler,
  ): void {
    if (this.#isClosed) {
      const details = { delivered: 'no' };
      done(new CadastreError('stopped', 'this client is closed', { details }), undefined);
      return;
    }
    const callId = this.#nextCallId;
    this.#nextCallId = callId === callIdMax ? 0 : callId + 1;
    this.#connectionTo(address, serviceName).send(callId, request, done);
  }

  /** As `send`, with a promise. */
  call<T>(address: Address, serviceName: string, request: CallRequest<T>): Promise<RpcReply> {
    return new Promise((resolve, reject) => {
      this.send(address, serviceName, request, (error, reply) => {
        if (reply !== undefined) resolve(reply);
        else reject(error ?? new CadastreError('internal', 'a call ended without an outcome'));
      });
    });
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Closes all connections; calls under way fail. */
  close(): void {
    this.#isClosed = true;
    for (const connection of this.#connections.values()) connection.close();
  }

  #connectionTo(address: Address, serviceName: string): ClientConnection {
    const key = `${address.host}:${address.port} ${serviceName}`;
    const known = this.#connections.get(key);
    if (known !== undefined) return known;
    const connection = new ClientConnection(
      this.#options,
      { address, serviceName },
      {
        scheduleFlush: (dirty) => this.#scheduleFlush(dirty),
        onEnd: () => {
          if (this.#connections.get(key) === connection) this.#connections.delete(key);
        },
      },
    );
    this.#connections.set(key, connection);
    return connection;
  }

  #scheduleFlush(connection: ClientConnection): void {
    if (connection.isFlushScheduled) return;
    connection.isFlushScheduled = true;
    this.#toFlush.push(connection);
    if (this.#toFlush.length === 1) this.#options.clock.nextTurn(() => this.#flush());
  }

  #flush(): void {
    const connections = this.#toFlush;
    this.#toFlush = [];
    for (const connection of connections) {
      connection.isFlushScheduled = false;
      connection.flush();
    }
  }
}
