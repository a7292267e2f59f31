// A client of one cluster, ours or HBase's: tables for data, `admin` for the rest. It keeps no state
// but locations and connections, which are made when first needed.

import type { Clock } from '../world/clock.js';
import type { Address, Network } from '../world/network.js';
import type { Random } from '../world/random.js';
import { CadastreError } from '../base/errors.js';
import { formatTableName } from '../base/table.js';
import { RpcClient } from '../wire/rpc-client.js';
import { Admin } from './admin.js';
import { withAttempts } from './attempts.js';
import { attemptsOf, randomUint64 } from './context.js';
import type { ClientContext } from './context.js';
import { clientLimits } from './limits.js';
import { Locator } from './locator.js';
import { MetaReader } from './meta-reader.js';
import { Registry } from './registry.js';
import { Table } from './table.js';
import { parseTableName } from './table-input.js';

export interface ClientOptions {
  /** Servers that know the cluster, such as its masters; any one that answers will do. */
  readonly bootstrap: readonly Address[];
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  /** The name that servers see; default `cadastre`. */
  readonly user?: string;
  /** Of one operation, all attempts together, milliseconds; default 60,000, ten minutes for tables. */
  readonly operationTimeoutMs?: number;
  /** Default `0`. */
  readonly softwareVersion?: string;
}

export class Client {
  readonly admin: Admin;
  readonly #context: ClientContext;
  readonly #state: { isClosed: boolean };

  constructor(options: ClientOptions) {
    const { bootstrap, network, clock, random, user = 'cadastre' } = options;
    if (bootstrap.length === 0) {
      throw new CadastreError('bad-request', 'no server to connect to is given', {
        nextStep: 'Give at least one host and port.',
      });
    }
    const { softwareVersion = '0', operationTimeoutMs = clientLimits.operationTimeoutMs } = options;
    const rpc = new RpcClient({ network, clock, user, softwareVersion });
    const registry = new Registry(rpc, bootstrap, random);
    const meta = new MetaReader(rpc, registry);
    const state = { isClosed: false };
    this.#state = state;
    this.#context = {
      rpc,
      clock,
      random,
      registry,
      locator: new Locator(meta),
      operationTimeoutMs,
      procedureTimeoutMs: options.operationTimeoutMs ?? clientLimits.procedureTimeoutMs,
      nonceGroup: randomUint64(random),
      isClosed: () => state.isClosed,
    };
    this.admin = new Admin(this.#context, meta);
  }

  /** A table by `table` or `namespace:table`; whether it is there shows when it is used. */
  table(name: string): Table {
    return new Table(this.#context, formatTableName(parseTableName(name)));
  }

  /** The cluster's id. Asks until a server answers. */
  clusterId(): Promise<string> {
    const attempts = attemptsOf(this.#context, 'connecting to the cluster');
    return withAttempts(attempts, () => this.#context.registry.clusterId(attempts.callTimeoutMs()));
  }

  /** Closes all connections; what is under way fails with `stopped` or `connection-lost`. */
  close(): void {
    this.#state.isClosed = true;
    this.#context.rpc.close();
  }
}
