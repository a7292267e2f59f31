// The client on Node: `connect` with the machine's own network, clock and randomness. The one module
// of the client that knows the real world, and the package's entry.

import type { Clock } from '../world/clock.js';
import type { Address, Network } from '../world/network.js';
import type { Random } from '../world/random.js';
import { NodeClock } from '../world/real/clock.js';
import { NodeNetwork } from '../world/real/network.js';
import { NodeRandom } from '../world/real/random.js';
import { Client } from './client.js';
import type { ClientOptions } from './client.js';

export * from './public.js';

export interface ConnectOptions extends Omit<ClientOptions, 'network' | 'clock' | 'random'> {
  readonly bootstrap: readonly Address[];
  readonly network?: Network;
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * A client of the cluster that the bootstrap servers belong to. Connects once a server of it answers;
 * fails with `timed-out` if none does within the operation timeout.
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const client = new Client({
    network: new NodeNetwork(),
    clock: new PatientClock(),
    random: new NodeRandom(),
    ...options,
  });
  try {
    await client.clusterId();
  } catch (error) {
    client.close();
    throw error;
  }
  return client;
}

/** Pauses between attempts keep the process alive, although no connection may be open then. */
class PatientClock extends NodeClock {
  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const hold = setInterval(() => undefined, 60_000); // oxlint-disable-line no-restricted-globals -- the real world's own
    try {
      await super.sleep(ms, signal);
    } finally {
      clearInterval(hold);
    }
  }
}
