// One simulated machine: its drive, and the table of its processes since it was last switched on.

import type { ProcessIdentity } from '../process.js';
import { SimDrive } from './drive.js';
import type { SimLife } from './life.js';
import type { SimRandom } from './random.js';
import type { SimScheduler } from './scheduler.js';

/** `/proc` counts a process's start in hundredths of a second. */
const ticksPerMs = 0.1;

export class SimMachine {
  readonly name: string;
  readonly drive: SimDrive;
  readonly #scheduler: SimScheduler;
  #boots = 1;
  #pids = 100;
  readonly #processes = new Map<number, SimLife>();

  constructor(name: string, scheduler: SimScheduler, random: SimRandom) {
    this.name = name;
    this.#scheduler = scheduler;
    this.drive = new SimDrive(scheduler, random.fork(`machine/${name}`));
  }

  /** Enters a new process in the table. */
  admit(life: SimLife): ProcessIdentity {
    const pid = ++this.#pids;
    this.#processes.set(pid, life);
    life.onKill(() => this.#processes.delete(pid));
    return {
      bootId: `${this.name}-boot-${this.#boots}`,
      pidNamespace: this.name,
      pid,
      startTime: String(Math.floor(this.#scheduler.nowMs * ticksPerMs)),
    };
  }

  /** Whether a process of this boot is in the table; pids are never used twice here. */
  isRunning(identity: ProcessIdentity): boolean {
    return this.#processes.has(identity.pid);
  }

  /** Power loss, and the power is back: all processes die, the drive loses what was not synced. */
  crash(): void {
    for (const life of this.#processes.values()) life.kill();
    this.drive.crash();
    this.#boots++;
  }
}
