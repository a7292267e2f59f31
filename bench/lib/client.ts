// Requests that cost the client little, so that a bench measures the server: the region is known, the
// requests are made before, and answers are looked at no further than a client must.
//
// It drives the RPC client directly and does not retry: an error ends the measurement. Everything
// that is not timed goes through the ordinary client.

import { CadastreError } from '../../src/base/errors.js';
import type { Client } from '../../src/client/client.js';
import { connect } from '../../src/client/node.js';
import { getOf } from '../../src/client/operations.js';
import type { Mutation } from '../../src/base/operations.js';
import type { MultiRequest } from '../../src/wire/client-messages.js';
import {
  multiRequestCells,
  writeGetRequest,
  writeMultiRequest,
  writeMutateRequest,
} from '../../src/wire/request-encoder.js';
import { decodeGetResponse, decodeMultiResponse } from '../../src/wire/response-decoder.js';
import { RpcClient } from '../../src/wire/rpc-client.js';
import type { Condition, Get, Nonce } from '../../src/base/operations.js';
import type { CallRequest, ReplyHandler, RpcReply } from '../../src/wire/client-connection.js';
import { NodeClock } from '../../src/world/real/clock.js';
import { NodeNetwork } from '../../src/world/real/network.js';
import type { Address } from '../../src/world/network.js';
import { address } from './options.js';
import type { SendOne } from './load.js';

const timeoutMs = 60_000;

/** Where one region is. */
export interface BenchRegion {
  readonly name: Buffer;
  readonly startKey: Buffer;
  readonly server: Address;
}

export interface PreparedMutation {
  readonly mutation: Mutation;
  readonly condition?: Condition;
}

export function connectTo(master: Address): Promise<Client> {
  return connect({ bootstrap: [master], user: 'bench' });
}

/** The regions that have a server, in order of their keys. */
export async function regionsOf(client: Client, table: string): Promise<readonly BenchRegion[]> {
  return (await client.admin.regions(table)).flatMap(({ name, startKey, server }) => {
    const [host, port] = server?.split(',') ?? [];
    return host === undefined || port === undefined
      ? []
      : [
          {
            name: Buffer.from(name, 'latin1'),
            startKey,
            server: address('server', `${host}:${port}`),
          },
        ];
  });
}

/** HBase's "none": benches send nothing twice. */
export function noNonce(): Nonce {
  return { group: '0', nonce: '0' };
}

/** Requests made before, again and again: what is measured is the server, not the making of them. */
export function prepared<T>(count: number, make: () => T): () => T {
  const all = Array.from({ length: count }, make);
  let next = 0;
  return () => all[next++ % count] as T;
}

export class RegionCalls {
  readonly rpc = new RpcClient({
    network: new NodeNetwork(),
    clock: new NodeClock(),
    user: 'bench',
    softwareVersion: '2.6.1',
  });

  mutate(region: BenchRegion, next: () => PreparedMutation): SendOne {
    const specifier = { kind: 'name', value: region.name } as const;
    return (done) => {
      const { mutation, condition } = next();
      const value = { region: specifier, mutation, condition };
      const request = { method: 'Mutate', encode: writeMutateRequest, value, timeoutMs };
      this.#send(region, request, (error) => done(error, 1));
    };
  }

  batch(region: BenchRegion, next: () => readonly Mutation[]): SendOne {
    const specifier = { kind: 'name', value: region.name } as const;
    return (done) => {
      const mutations = next();
      const actions = mutations.map(
        (mutation, index) => ({ kind: 'mutation', index, mutation }) as const,
      );
      const regions = [{ region: specifier, isAtomic: false, condition: undefined, actions }];
      const value: MultiRequest = { regions, hasRequestCondition: false };
      const request = {
        method: 'Multi',
        encode: writeMultiRequest,
        value,
        cells: multiRequestCells(value),
        timeoutMs,
      };
      this.#send(region, request, (error, reply) => {
        const failed = reply === undefined ? error : firstFailure(reply);
        done(failed, mutations.length);
      });
    };
  }

  /** `isThere`: every row that is asked for was put, and has to be found. */
  get(region: BenchRegion, next: () => Get, isThere: boolean): SendOne {
    const specifier = { kind: 'name', value: region.name } as const;
    return (done) => {
      const value = { region: specifier, get: next() };
      const request = { method: 'Get', encode: writeGetRequest, value, timeoutMs };
      this.#send(region, request, (error, reply) => {
        const isMissing = isThere && reply !== undefined && isEmpty(reply);
        done(isMissing ? missingRow() : error, 1);
      });
    };
  }

  /** Whether the region serves, whatever the row holds. */
  serves(region: BenchRegion, row: Buffer): Promise<boolean> {
    const specifier = { kind: 'name', value: region.name } as const;
    const value = { region: specifier, get: getOf(row, {}, true) };
    const request = { method: 'Get', encode: writeGetRequest, value, timeoutMs };
    return new Promise((resolve) => {
      this.#send(region, request, (error) => resolve(error === undefined));
    });
  }

  close(): void {
    this.rpc.close();
  }

  #send<T>(region: BenchRegion, request: CallRequest<T>, done: ReplyHandler): void {
    this.rpc.send(region.server, 'ClientService', request, done);
  }
}

function isEmpty(reply: RpcReply): boolean {
  return decodeGetResponse(reply).cells.length === 0;
}

function missingRow(): CadastreError {
  return new CadastreError('internal', 'a row that was put is not there');
}

function firstFailure(reply: RpcReply): CadastreError | undefined {
  for (const result of decodeMultiResponse(reply).regions) {
    if (result.kind === 'error') return result.error;
    for (const outcome of result.outcomes) if (outcome.kind === 'error') return outcome.error;
  }
  return undefined;
}
