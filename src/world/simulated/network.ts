// A node's view of the simulated network.

import type { Address, Connection, Listener, Network } from '../network.js';
import type { NetPlace, SimNet } from './net.js';

export class SimNetwork implements Network {
  readonly #net: SimNet;
  readonly #place: NetPlace;

  constructor(net: SimNet, place: NetPlace) {
    this.#net = net;
    this.#place = place;
    net.admit(place);
  }

  listen(address: Address, accept: (connection: Connection) => void): Promise<Listener> {
    return this.#net.listen(this.#place, address, accept);
  }

  connect(address: Address, timeoutMs: number): Promise<Connection> {
    return this.#net.connect(this.#place, address, timeoutMs);
  }
}
