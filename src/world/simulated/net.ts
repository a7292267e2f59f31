// The network between simulated nodes: who listens where, what is cut, how long things take.
//
// A node's host is its name; `localhost` and addresses of loopback mean any node of the same machine.
// A port belongs to one listener of a machine, as on a real one. A killed node's connections are
// closed by its machine, so the other side hears of it; a partition is silent.

import type { Address, Connection, Listener } from '../network.js';
import { connectionLost, connectTimedOut, portTaken } from '../real/network-errors.js';
import { SimConnection } from './connection.js';
import type { SimLife } from './life.js';
import { SimPipe } from './pipe.js';
import type { SimRandom } from './random.js';
import type { SimScheduler } from './scheduler.js';

/** Where a process is on the network. */
export interface NetPlace {
  readonly node: string;
  readonly machine: string;
  readonly life: SimLife;
}

interface Listening {
  readonly place: NetPlace;
  readonly accept: (connection: Connection) => void;
}

const loopback = new Set(['localhost', '127.0.0.1', '::1', '0.0.0.0', '::']);
const firstFreePort = 20_000;

export class SimNet {
  /** How long bytes are on the way, uniformly; a test may change it at any time. */
  delayMs: readonly [low: number, high: number] = [0.05, 2];
  readonly #scheduler: SimScheduler;
  readonly #random: SimRandom;
  readonly #machineOf = new Map<string, string>();
  readonly #listening = new Map<string, Listening>();
  readonly #connections = new Set<readonly [SimConnection, SimConnection]>();
  readonly #cuts = new Set<string>();
  #freePort = firstFreePort;
  #clientPort = 50_000;

  constructor(scheduler: SimScheduler, random: SimRandom) {
    this.#scheduler = scheduler;
    this.#random = random.fork('net');
  }

  /** Makes a node's name a host. */
  admit(place: NetPlace): void {
    this.#machineOf.set(place.node, place.machine);
  }

  /** From now on nothing gets from a node of the one side to one of the other, or back. */
  partition(left: readonly string[], right: readonly string[]): void {
    for (const one of left) for (const other of right) this.#cuts.add(pairOf(one, other));
  }

  /** Ends all partitions; what waited arrives. */
  heal(): void {
    this.#cuts.clear();
    for (const ends of this.#connections) for (const end of ends) end.resumeSending();
  }

  /** Breaks all connections between two nodes; new ones can be made. */
  cutConnections(one: string, other: string): void {
    for (const ends of this.#connections) {
      const [client, server] = ends;
      if (pairOf(client.node, server.node) === pairOf(one, other)) this.#break(ends, 'cut');
    }
  }

  listen(
    place: NetPlace,
    wanted: Address,
    accept: (connection: Connection) => void,
  ): Promise<Listener> {
    const port = wanted.port === 0 ? this.#freePort++ : wanted.port;
    const key = `${place.machine}:${port}`;
    const address = { host: place.node, port };
    if (this.#listening.has(key)) return Promise.reject(portTaken(address));
    this.#listening.set(key, { place, accept });
    const close = (): Promise<void> => {
      if (this.#listening.get(key)?.place === place) this.#listening.delete(key);
      return Promise.resolve();
    };
    place.life.onKill(() => void close());
    return Promise.resolve({ address, close });
  }

  connect(place: NetPlace, address: Address, timeoutMs: number): Promise<Connection> {
    const { life } = place;
    const label = `connect to ${address.host}:${address.port}`;
    return new Promise((resolve, reject) => {
      let hasTimedOut = false;
      const timeout = life.schedule(timeoutMs, `${label} times out`, () => {
        hasTimedOut = true;
        reject(connectTimedOut(address, timeoutMs));
      });
      this.#scheduler.schedule(this.#delay(), `${life.name}: ${label}`, () => {
        const target = this.#find(place, address);
        if (life.isKilled || this.#isCut(place.node, target?.place.node ?? address.host)) return;
        const connection = target === undefined ? undefined : this.#join(place, target, address);
        life.schedule(this.#delay(), `${label} is answered`, () => {
          timeout.cancel();
          if (connection === undefined) reject(connectionLost(address, 'refused'));
          else if (hasTimedOut) connection.destroy();
          else resolve(connection);
        });
      });
    });
  }

  #find(from: NetPlace, { host, port }: Address): Listening | undefined {
    const machine = loopback.has(host) ? from.machine : this.#machineOf.get(host);
    const target = this.#listening.get(`${machine}:${port}`);
    const isMeant = loopback.has(host) || target?.place.node === host;
    return isMeant ? target : undefined;
  }

  /** Makes both ends, hands the one to the listener, and returns the other. */
  #join(from: NetPlace, target: Listening, address: Address): SimConnection {
    const clientAddress = { host: from.node, port: this.#clientPort++ };
    const client = this.#end(from, address, () => server);
    const server = this.#end(target.place, clientAddress, () => client);
    client.onRoom(() => server.resumeSending());
    server.onRoom(() => client.resumeSending());
    for (const ends of this.#connections) {
      if (ends.every((end) => end.isClosed)) this.#connections.delete(ends);
    }
    this.#connections.add([client, server]);
    target.place.life.enter(() => target.accept(server));
    return client;
  }

  #end(place: NetPlace, remote: Address, peer: () => SimConnection): SimConnection {
    return new SimConnection({
      life: place.life,
      node: place.node,
      remote,
      random: this.#random,
      pipe: (end) => this.#pipe(end, peer),
    });
  }

  #pipe(end: SimConnection, peer: () => SimConnection): SimPipe {
    return new SimPipe({
      label: () => `bytes from ${end.node} to ${peer().node}`,
      nowMs: () => this.#scheduler.nowMs,
      isCut: () => this.#isCut(end.node, peer().node),
      isFull: () => peer().isFull,
      delayMs: () => this.#delay(),
      schedule: (delayMs, label, run) => this.#scheduler.schedule(delayMs, label, run),
      deliver: (item) => {
        if (item instanceof Buffer) end.sent(item.length);
        peer().receive(item);
      },
      onBroken: () => this.#break([end, peer()], 'no answer'),
    });
  }

  #break(ends: readonly SimConnection[], why: string): void {
    for (const end of ends) end.breakOff(why);
  }

  #isCut(one: string, other: string): boolean {
    return this.#cuts.has(pairOf(one, other));
  }

  #delay(): number {
    return this.#random.between(...this.delayMs);
  }
}

function pairOf(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}
