// A simulation: machines, nodes, network and time in one process under one seed (page 8).
//
//   const simulation = new Simulation(seed);
//   const node = simulation.node('server-1');
//   await simulation.run(startServer(node.world));
//
// Everything a node does comes through its world. Nothing moves unless `run` or `runFor` drives it;
// whoever awaits simulated work without driving waits for ever. The same seed gives the same trace.

import { CadastreError } from '../../base/errors.js';
import { SimBucket } from './bucket.js';
import { SimLogLines, type SimLogLine } from './logger.js';
import { SimMachine } from './machine.js';
import { SimNet } from './net.js';
import { SimNode } from './node.js';
import { SimRandom } from './random.js';
import { SimScheduler } from './scheduler.js';
import type { Trace } from './trace.js';

const runLimitMsDefault = 60 * 60 * 1_000;

export interface RunOptions {
  /** What is awaited, for the error. */
  readonly name?: string;
  /** Virtual milliseconds after which it is taken to hang; default: an hour. */
  readonly limitMs?: number;
}

export interface NodeOptions {
  /** Nodes of one machine share its drive; default: the machine `machine`. */
  readonly machine?: string;
  /** `objects`: the root is the simulation's bucket, as with S3; default: the machine's drive. */
  readonly root?: 'local' | 'objects';
}

export class Simulation {
  readonly random: SimRandom;
  readonly net: SimNet;
  readonly bucket: SimBucket;
  readonly #scheduler: SimScheduler;
  readonly #lines = new SimLogLines();
  readonly #machines = new Map<string, SimMachine>();
  readonly #nodes = new Map<string, SimNode>();
  readonly #nodeOptions = new Map<string, NodeOptions>();
  #lives = 0;

  constructor(seed: number | string) {
    this.random = new SimRandom(seed);
    this.#scheduler = new SimScheduler(this.random);
    this.net = new SimNet(this.#scheduler, this.random);
    this.bucket = new SimBucket(this.#scheduler, this.random);
  }

  get nowMs(): number {
    return this.#scheduler.nowMs;
  }

  get trace(): Trace {
    return this.#scheduler.trace;
  }

  get logLines(): readonly SimLogLine[] {
    return this.#lines.all();
  }

  machine(name = 'machine'): SimMachine {
    let machine = this.#machines.get(name);
    if (machine === undefined) {
      machine = new SimMachine(name, this.#scheduler, this.random);
      this.#machines.set(name, machine);
    }
    return machine;
  }

  /**
   * The running node of this name; starts a new process of it if there is none, by default on the
   * same machine and root as the one before.
   */
  node(name: string, options: NodeOptions = this.#nodeOptions.get(name) ?? {}): SimNode {
    const running = this.#nodes.get(name);
    if (running !== undefined && !running.life.isKilled) return running;
    this.#nodeOptions.set(name, options);
    const node = new SimNode({
      name,
      run: ++this.#lives,
      machine: this.machine(options.machine),
      root: options.root ?? 'local',
      scheduler: this.#scheduler,
      random: this.random,
      net: this.net,
      bucket: this.bucket,
      lines: this.#lines,
    });
    this.#nodes.set(name, node);
    return node;
  }

  /** Power loss of a machine, and power again: its nodes die, unsynced data may be lost. */
  crashMachine(name?: string): void {
    const machine = this.machine(name);
    this.trace.add(`${this.nowMs} power loss of ${machine.name}`);
    machine.crash();
  }

  /**
   * Runs the world until `work` settles, and settles as it does. Rejects if nothing is left that
   * could settle it, if it takes too long, or if an event throws.
   */
  async run<Result>(
    work: Promise<Result> | (() => Promise<Result>),
    options: RunOptions = {},
  ): Promise<Result> {
    const { name = 'the work', limitMs = runLimitMsDefault } = options;
    const promise = typeof work === 'function' ? work() : work;
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    const ending = await this.#scheduler.drive(() => isSettled, this.nowMs + limitMs);
    if (ending !== 'done') throw this.#stuck(name, ending, limitMs);
    return promise;
  }

  /** Runs the world for a virtual time. */
  async runFor(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    const ending = await this.#scheduler.drive(() => false, untilMs);
    if (ending === 'idle') this.#scheduler.advance(untilMs);
  }

  /** Runs the world until nothing more is to happen; do not use it while services run. */
  async runUntilIdle(): Promise<void> {
    await this.#scheduler.drive(() => false, Infinity);
  }

  #stuck(name: string, ending: 'time' | 'idle', limitMs: number): CadastreError {
    const suspended = [...this.#nodes.values()].filter((node) => node.life.isSuspended);
    const parts = [
      ending === 'idle'
        ? `${name} is pending and nothing is left to happen at ${this.nowMs.toFixed(3)} ms`
        : `${name} is pending after ${limitMs} virtual ms`,
      `next: ${listed(this.#scheduler.upcoming(5).map((event) => event.label))}`,
      `suspended nodes: ${listed(suspended.map((node) => node.name))}`,
      `last: ${listed(this.trace.lines(5))}`,
    ];
    return new CadastreError('internal', parts.join('; '));
  }
}

function listed(texts: readonly string[]): string {
  return texts.length === 0 ? 'none' : texts.join(', ');
}
