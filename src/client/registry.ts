// Finds the cluster's master and the server of hbase:meta through the bootstrap servers, any of which
// can answer. Source: section 2 of research/wire-trace.md.

import { CadastreError } from '../base/errors.js';
import type { Address } from '../world/network.js';
import type { Random } from '../world/random.js';
import { ClientMetaService } from '../wire/generated/hbase/registry_pb.js';
import { callProto } from '../wire/proto-service.js';
import type { RpcClient } from '../wire/rpc-client.js';
import { clientLimits } from './limits.js';

export class Registry {
  readonly #rpc: RpcClient;
  readonly #bootstrap: readonly Address[];
  readonly #random: Random;

  constructor(rpc: RpcClient, bootstrap: readonly Address[], random: Random) {
    this.#rpc = rpc;
    this.#bootstrap = bootstrap;
    this.#random = random;
  }

  /** Fails with `connection-lost` naming all servers that were asked, or what one of them said. */
  activeMaster(timeoutMs: number): Promise<Address> {
    return this.#ask(timeoutMs, async (address, callTimeoutMs) => {
      const { serverName } = await callProto(
        this.#rpc,
        address,
        ClientMetaService.method.getActiveMaster,
        {},
        { timeoutMs: callTimeoutMs },
      );
      return serverName && { host: serverName.hostName, port: serverName.port };
    });
  }

  metaServer(timeoutMs: number): Promise<Address> {
    return this.#ask(timeoutMs, async (address, callTimeoutMs) => {
      const { metaLocations } = await callProto(
        this.#rpc,
        address,
        ClientMetaService.method.getMetaRegionLocations,
        {},
        { timeoutMs: callTimeoutMs },
      );
      const serverName = metaLocations[0]?.serverName;
      return serverName && { host: serverName.hostName, port: serverName.port };
    });
  }

  clusterId(timeoutMs: number): Promise<string> {
    return this.#ask(timeoutMs, async (address, callTimeoutMs) => {
      const { clusterId } = await callProto(
        this.#rpc,
        address,
        ClientMetaService.method.getClusterId,
        {},
        { timeoutMs: callTimeoutMs },
      );
      return clusterId === '' ? undefined : clusterId;
    });
  }

  /** The first answer, from servers asked one after the other in random order. */
  async #ask<T>(
    timeoutMs: number,
    ask: (address: Address, timeoutMs: number) => Promise<T | undefined>,
  ): Promise<T> {
    const left = [...this.#bootstrap];
    const callTimeoutMs = Math.min(timeoutMs, clientLimits.registryTimeoutMs);
    let last: unknown;
    while (left.length > 0) {
      const [address] = left.splice(this.#random.below(left.length), 1);
      if (address === undefined) break;
      try {
        const answer = await ask(address, callTimeoutMs);
        if (answer !== undefined) return answer;
        last = new CadastreError(
          'please-hold',
          `${address.host}:${address.port} knows no master yet`,
        );
      } catch (error) {
        // The next server may know; the last error is told if none does.
        last = error;
      }
    }
    if (last instanceof CadastreError && last.code !== 'connection-lost') throw last;
    const places = this.#bootstrap.map(({ host, port }) => `${host}:${port}`).join(', ');
    throw new CadastreError('connection-lost', `no cluster answers at ${places}`, {
      cause: last,
      details: { delivered: 'no' },
      nextStep: 'Check the address and that the cluster runs ("cadastre start").',
    });
  }
}
