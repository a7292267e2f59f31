// A whole cluster in a simulation: one machine with a master and region servers on one local root, and
// a launcher elsewhere that starts again whatever died, as `cadastre start` and an init system would.
//
// Invariants:
// 1. A process is started again only after it is gone, and after a pause: never two of one name.
// 2. Nothing here helps the cluster on: what dies is found by the cluster's own means (the launcher
//    sometimes tells the master of an exit, as the real one does).

import { asCadastreError } from '../src/base/errors.js';
import type { Settings } from '../src/base/settings.js';
import { startMaster } from '../src/master/master.js';
import type { Master } from '../src/master/master.js';
import { startServer } from '../src/server/server.js';
import type { RegionServer } from '../src/server/server.js';
import { openStorage } from '../src/storage/root.js';
import type { Address } from '../src/world/network.js';
import type { SimNode } from '../src/world/simulated/node.js';
import type { SimRandom } from '../src/world/simulated/random.js';
import type { Simulation } from '../src/world/simulated/simulation.js';

export interface SimClusterOptions {
  readonly simulation: Simulation;
  readonly settings: Settings;
  readonly servers: number;
}

/** One process of the cluster, over all of its lives. */
interface Role {
  readonly name: string;
  readonly start: (node: SimNode) => Promise<void>;
  readonly stopped: () => void;
  deathsInARow: number;
}

export const masterAddress: Address = { host: 'master', port: 16_000 };
/** Where the launcher and the clients run: it outlives the cluster's machine. */
export const elsewhere = { machine: 'elsewhere' } as const;

const softwareVersion = 'simulated';
const pauseFirstMs = 50;
const pauseMostMs = 2_000;
const healthyMs = 10_000;
/** How often the launcher tells the master of an exit, before the master finds it out. */
const toldProbability = 0.5;

export class SimCluster {
  readonly simulation: Simulation;
  readonly serverNames: readonly string[];
  readonly #settings: Settings;
  readonly #random: SimRandom;
  readonly #launcher: SimNode;
  readonly #servers = new Map<string, RegionServer>();
  #master: Master | undefined;
  /** Ends of processes that were not meant: by their own exit, with the reason. */
  readonly exits: string[] = [];

  constructor({ simulation, settings, servers }: SimClusterOptions) {
    this.simulation = simulation;
    this.#settings = settings;
    this.#random = simulation.random.fork('launcher');
    this.#launcher = simulation.node('launcher', elsewhere);
    this.serverNames = Array.from({ length: servers }, (_, index) => `server-${index + 1}`);
  }

  /** The master that is up and has said so; it may be busy starting its work. */
  get master(): Master | undefined {
    return this.#master;
  }

  /** The running servers by name. */
  get servers(): ReadonlyMap<string, RegionServer> {
    return this.#servers;
  }

  get nodeNames(): readonly string[] {
    return ['master', ...this.serverNames];
  }

  start(): void {
    this.#launch({
      name: 'master',
      deathsInARow: 0,
      start: async (node) => {
        const { host, port } = masterAddress;
        const storage = await openStorage(node.world);
        const settings = this.#settings;
        const { world } = node;
        const options = { world, storage, settings, host, port, softwareVersion };
        this.#master = await startMaster(options);
      },
      stopped: () => {
        this.#master = undefined;
      },
    });
    for (const name of this.serverNames) this.#launch(this.#serverRole(name));
  }

  kill(name: string): void {
    this.simulation.node(name).kill();
  }

  /** Whether the process runs now (it may be suspended). */
  isRunning(name: string): boolean {
    return name === 'master' ? this.#master !== undefined : this.#servers.has(name);
  }

  #serverRole(name: string): Role {
    return {
      name,
      deathsInARow: 0,
      start: async (node) => {
        const storage = await openStorage(node.world);
        const server = await startServer({
          world: node.world,
          storage,
          settings: this.#settings,
          address: { host: name, port: 0 },
          softwareVersion,
        });
        this.#servers.set(name, server);
      },
      stopped: () => {
        this.#servers.delete(name);
      },
    };
  }

  #launch(role: Role): void {
    const node = this.simulation.node(role.name, {});
    const startedMs = this.simulation.nowMs;
    node.life.onKill(() => {
      role.stopped();
      this.#noteExit(node);
      this.#tellMaster(node);
      const livedMs = this.simulation.nowMs - startedMs;
      role.deathsInARow = livedMs > healthyMs ? 0 : role.deathsInARow + 1;
      const most = Math.min(pauseMostMs, pauseFirstMs * 2 ** role.deathsInARow);
      this.#launcher.clock.timer(this.#random.between(1, most), () => this.#launch(role));
    });
    // Inside the process, so that it may be killed at its first step.
    node.life.schedule(0, 'starts', () => {
      role.start(node).catch((error: unknown) => {
        if (node.life.isKilled) return;
        const { code, message } = asCadastreError(error);
        this.exits.push(`${node.life.name} did not start: ${code}: ${message}`);
        node.kill();
      });
    });
  }

  #noteExit(node: SimNode): void {
    if (node.exited === undefined) return;
    this.exits.push(`${node.life.name} exited with ${node.exited.code}: ${node.exited.reason}`);
  }

  #tellMaster(node: SimNode): void {
    if (node.name === 'master' || !this.#random.chance(toldProbability)) return;
    const { pid } = node.world.process.identity();
    const master = this.simulation.node('master');
    master.life.schedule(this.#random.between(0, 20), `hears that ${pid} exited`, () => {
      this.#master?.processExited(pid);
    });
  }
}
