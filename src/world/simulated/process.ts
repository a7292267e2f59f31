// A simulated process's identity, its view of the others on its machine, and its end.

import type { ProcessControl, ProcessIdentity } from '../process.js';
import type { SimLife } from './life.js';
import type { SimMachine } from './machine.js';

/** Thrown by `exit`, whose caller must not go on. Code that catches it finds the world silent. */
export class SimulatedExit extends Error {
  override readonly name = 'SimulatedExit';
}

export class SimProcess implements ProcessControl {
  readonly #machine: SimMachine;
  readonly #life: SimLife;
  readonly #identity: ProcessIdentity;
  readonly #onExit: (code: number, reason: string) => void;

  constructor(machine: SimMachine, life: SimLife, onExit: (code: number, reason: string) => void) {
    this.#machine = machine;
    this.#life = life;
    this.#identity = machine.admit(life);
    this.#onExit = onExit;
  }

  identity(): ProcessIdentity {
    return this.#identity;
  }

  look(identity: ProcessIdentity): 'running' | 'gone' | 'unknown' {
    const own = this.#identity;
    const isComparable =
      identity.bootId === own.bootId && identity.pidNamespace === own.pidNamespace;
    if (!isComparable) return 'unknown';
    return this.#machine.isRunning(identity) ? 'running' : 'gone';
  }

  exit(code: number, reason: string): never {
    this.#onExit(code, reason);
    this.#life.kill();
    throw new SimulatedExit(`${this.#life.name} exited with ${code}: ${reason}`);
  }

  residentBytes(): number {
    return 64 * 2 ** 20;
  }

  /** Computing takes no virtual time; this only rises. */
  cpuMicros(): number {
    return Math.floor(this.#life.nowMs);
  }
}
