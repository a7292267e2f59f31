// One simulated process, with its world. When it is killed, the next process of its name is a new
// SimNode; what it left behind is on its machine's drive.

import { LocalObjectStore } from '../local/object-store.js';
import type { RootStorage, World } from '../world.js';
import type { SimBucket } from './bucket.js';
import { SimClock } from './clock.js';
import { SimDisk } from './disk.js';
import { SimLife } from './life.js';
import { SimLogger, type SimLogLines } from './logger.js';
import type { SimMachine } from './machine.js';
import type { SimNet } from './net.js';
import { SimNetwork } from './network.js';
import { SimObjectStore } from './object-store.js';
import { SimProcess } from './process.js';
import type { SimRandom } from './random.js';
import type { SimScheduler } from './scheduler.js';
import { SimWorkers } from './workers.js';

/** Where a simulated local root is, on its machine's drive. */
export const simulatedRoot = '/cadastre';

export interface SimNodeParts {
  readonly name: string;
  /** Number of this process among all of the simulation. */
  readonly run: number;
  readonly machine: SimMachine;
  readonly root: 'local' | 'objects';
  readonly scheduler: SimScheduler;
  readonly random: SimRandom;
  readonly net: SimNet;
  readonly bucket: SimBucket;
  readonly lines: SimLogLines;
}

export class SimNode {
  readonly name: string;
  readonly life: SimLife;
  readonly clock: SimClock;
  readonly disk: SimDisk;
  readonly world: World;
  /** How it ended by its own `exit`. */
  exited: { readonly code: number; readonly reason: string } | undefined;

  constructor(parts: SimNodeParts) {
    const { name, machine } = parts;
    this.name = name;
    this.life = new SimLife(`${name}#${parts.run}`, parts.scheduler);
    const random = parts.random.fork(`node/${this.life.name}`);
    this.clock = new SimClock(this.life);
    this.disk = new SimDisk(machine.drive, this.life);
    const root = this.#root(parts, random);
    this.world = {
      clock: this.clock,
      random: random.fork('own'),
      network: new SimNetwork(parts.net, { node: name, machine: machine.name, life: this.life }),
      root,
      workers: new SimWorkers(this.life, random, { objects: root.objects }),
      process: new SimProcess(machine, this.life, (code, reason) => {
        this.exited = { code, reason };
        parts.scheduler.trace.add(`${this.life.name} exits with ${code}: ${reason}`);
      }),
      log: new SimLogger(parts.lines, this.life),
    };
  }

  /** `kill -9`: nothing of it runs again; what it wrote stays in the machine's caches. */
  kill(): void {
    this.life.kill();
  }

  /** SIGSTOP, and SIGCONT. */
  suspend(): void {
    this.life.suspend();
  }

  resume(): void {
    this.life.resume();
  }

  #root(parts: SimNodeParts, random: SimRandom): RootStorage {
    if (parts.root === 'objects') {
      return { kind: 'objects', objects: new SimObjectStore(parts.bucket, this.life) };
    }
    const objects = new LocalObjectStore(this.disk, simulatedRoot, random.fork('objects'));
    return { kind: 'local', disk: this.disk, directory: simulatedRoot, objects };
  }
}
