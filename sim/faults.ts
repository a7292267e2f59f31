// What goes wrong in a simulation, at random moments: deaths, power loss, standstill, cut and silent
// connections, a slow or failing disk.

import type { DriveOperationKind } from '../src/world/simulated/drive.js';
import type { FaultEffect } from '../src/world/simulated/faults.js';
import type { SimRandom } from '../src/world/simulated/random.js';
import type { Clock } from '../src/world/clock.js';
import type { SimCluster } from './cluster.js';
import { pickOf } from './workload/model.js';

/** How often each kind happens, relative to the others; 0: never. */
export interface FaultWeights {
  readonly killServer: number;
  readonly killMaster: number;
  readonly powerLoss: number;
  readonly suspend: number;
  readonly cut: number;
  /** The connections of a client that is writing: outcomes become unclear. */
  readonly cutClient: number;
  readonly partition: number;
  readonly slowDisk: number;
  readonly slowNetwork: number;
  readonly diskError: number;
}

export type FaultKind = keyof FaultWeights;

export const someFaults: FaultWeights = {
  killServer: 6,
  killMaster: 4,
  powerLoss: 2,
  suspend: 4,
  cut: 4,
  cutClient: 10,
  partition: 3,
  slowDisk: 2,
  slowNetwork: 5,
  diskError: 3,
};

export const faultKinds = Object.keys(someFaults) as FaultKind[];

export interface FaultParts {
  readonly cluster: SimCluster;
  readonly random: SimRandom;
  readonly clock: Clock;
  readonly pauseMs: readonly [low: number, high: number];
  readonly weights: FaultWeights;
  readonly clients: readonly string[];
  /** Clients whose write is under way. */
  readonly writing: () => readonly string[];
  /** Kinds that are left out, each at its moment: the others stay as they are. */
  readonly without: ReadonlySet<FaultKind>;
  readonly count: (what: string) => void;
}

/** A client that writes is waited for so many milliseconds. */
const triesToCut = 500;
const diskDelayMs = [0.02, 1] as const;
const networkDelayMs = [0.05, 2] as const;

export class Faults {
  readonly #parts: FaultParts;
  readonly #kinds: readonly FaultKind[];
  #isOver = false;

  constructor(parts: FaultParts) {
    this.#parts = parts;
    this.#kinds = faultKinds.flatMap((kind) =>
      Array.from({ length: parts.weights[kind] }, () => kind),
    );
  }

  async run(): Promise<void> {
    const { clock, random, pauseMs } = this.#parts;
    while (!this.#isOver) {
      await clock.sleep(random.between(...pauseMs));
      const kind = pickOf(random, this.#kinds);
      if (this.#isOver || kind === undefined) return;
      this.happen(kind);
    }
  }

  /** Ends all faults: what is cut is joined, what stands still goes on. */
  stop(): void {
    this.#isOver = true;
    const { cluster } = this.#parts;
    cluster.simulation.net.heal();
    for (const name of cluster.nodeNames) cluster.simulation.node(name).resume();
    const { drive } = cluster.simulation.machine();
    drive.faults.clear();
    drive.delayMs = diskDelayMs;
    cluster.simulation.net.delayMs = networkDelayMs;
  }

  happen(kind: FaultKind): void {
    const { cluster, random, count, without } = this.#parts;
    const { simulation, serverNames } = cluster;
    const server = pickOf(random, serverNames) ?? '';
    if (without.has(kind)) return;
    count(kind);
    simulation.trace.add(`fault: ${kind}`);
    switch (kind) {
      case 'killServer':
        return cluster.kill(server);
      case 'killMaster':
        return cluster.kill('master');
      case 'powerLoss':
        return simulation.crashMachine();
      case 'suspend':
        return this.#suspend();
      case 'cut':
        return simulation.net.cutConnections(...this.#pair());
      case 'cutClient':
        return this.#cutClient(triesToCut);
      case 'partition':
        return this.#partition();
      case 'slowDisk':
        return this.#slowDisk();
      case 'slowNetwork':
        return this.#slowNetwork();
      case 'diskError':
        return this.#failDisk();
    }
  }

  #suspend(): void {
    const { cluster, random } = this.#parts;
    const node = cluster.simulation.node(pickOf(random, cluster.nodeNames) ?? '');
    node.suspend();
    this.#after(random.between(50, 8_000), () => node.resume());
  }

  /** Waits for one that writes, then a part of what its call takes. */
  #cutClient(tries: number): void {
    const { cluster, random, writing } = this.#parts;
    const { net } = cluster.simulation;
    const client = pickOf(random, writing());
    if (client === undefined) {
      if (tries > 0) this.#after(1, () => this.#cutClient(tries - 1));
      return;
    }
    this.#after(random.between(0, 3 * net.delayMs[1]), () => {
      for (const server of cluster.serverNames) net.cutConnections(client, server);
    });
  }

  #partition(): void {
    const { cluster, random } = this.#parts;
    const [one, other] = this.#pair();
    cluster.simulation.net.partition([one], [other]);
    this.#after(random.between(100, 12_000), () => cluster.simulation.net.heal());
  }

  #slowDisk(): void {
    const { cluster, random } = this.#parts;
    const { drive } = cluster.simulation.machine();
    drive.delayMs = [0.1, random.between(5, 60)];
    this.#after(random.between(500, 5_000), () => {
      drive.delayMs = diskDelayMs;
    });
  }

  /** Everything takes long, so that what is cut is in the middle of something. */
  #slowNetwork(): void {
    const { cluster, random } = this.#parts;
    const { net } = cluster.simulation;
    net.delayMs = [0.1, random.between(5, 100)];
    this.#after(random.between(500, 8_000), () => {
      net.delayMs = networkDelayMs;
    });
  }

  #failDisk(): void {
    const { cluster, random } = this.#parts;
    const { faults } = cluster.simulation.machine().drive;
    const operation = random.pick<DriveOperationKind>([
      'write',
      'sync',
      'read',
      'open',
      'link',
      'list',
      'rename',
    ]);
    const effect = random.pick<FaultEffect>(['none', 'partial', 'whole']);
    faults.failNext(operation, { effect, after: random.below(20), times: 1 + random.below(3) });
  }

  /** Two different places that speak with each other. */
  #pair(): readonly [string, string] {
    const { cluster, clients, random } = this.#parts;
    const one = pickOf(random, cluster.nodeNames) ?? '';
    const others = [...cluster.nodeNames, ...clients].filter((name) => name !== one);
    return [one, pickOf(random, others) ?? ''];
  }

  #after(ms: number, run: () => void): void {
    this.#parts.clock.timer(ms, () => {
      if (!this.#isOver) run();
    });
  }
}
