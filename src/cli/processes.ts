// The region-server processes that `cadastre start` forks, and their life with it.
//
// Invariants:
// 1. A child never outlives its parent: it ends when the pipe between them closes.
// 2. A child that dies is told to the master at once, with the proof of its exit, and is started
//    again after a pause that grows while it keeps dying.
// 3. Children load their program while the master starts, but do nothing before `letGo`: a child of a
//    refused start must not join the cluster that has the root.
// 4. `stop` asks each child to flush and end; one that does not is killed, and its log keeps its data.

import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Logger } from '../world/log.js';

export interface ProcessesOptions {
  readonly count: number;
  /** Arguments of each child: its role and what it needs to know. */
  readonly args: readonly string[];
  readonly log: Logger;
  /** Called with the pid of a child that has ended. */
  readonly onExit: (pid: number) => void;
}

/** What parent and child say to each other. */
type ChildMessage = { readonly kind: 'go' | 'stop' };

const pauseFirstMs = 100;
const pauseMostMs = 10_000;
/** A child that lived so long is started again at once. */
const healthyMs = 60_000;
/** A clean stop flushes what is in memory; longer than this is a fault. */
const stopWithinMs = 30_000;

const launcher = fileURLToPath(new URL('../../../bin/cadastre.js', import.meta.url));

export class Processes {
  readonly #options: ProcessesOptions;
  readonly #children = new Map<ChildProcess, Promise<void>>();
  #mayGo = false;
  #isStopping = false;

  constructor(options: ProcessesOptions) {
    this.#options = options;
  }

  start(): void {
    for (let i = 0; i < this.#options.count; i++) this.#fork(0);
  }

  /** The root is ours: the children may join its cluster, these and later ones. */
  letGo(): void {
    this.#mayGo = true;
    for (const child of this.#children.keys()) tell(child, 'go');
  }

  /** Pids of the children that run. */
  get pids(): readonly number[] {
    return [...this.#children.keys()].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const child of this.#children.keys()) tell(child, 'stop');
    const killer = setTimeout(() => {
      for (const child of this.#children.keys()) child.kill('SIGKILL');
    }, stopWithinMs);
    await Promise.all(this.#children.values());
    clearTimeout(killer);
  }

  #fork(deaths: number): void {
    const startedAt = performance.now();
    const child = fork(launcher, [...this.#options.args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: process.execArgv,
    });
    const ended = new Promise<void>((resolve) => {
      child.once('exit', (code, signal) => {
        this.#children.delete(child);
        this.#onExit(child, deaths, performance.now() - startedAt, signal ?? `code ${code ?? '?'}`);
        resolve();
      });
    });
    this.#children.set(child, ended);
    if (this.#mayGo) tell(child, 'go');
  }

  #onExit(child: ChildProcess, deaths: number, livedMs: number, how: string): void {
    const { log, onExit } = this.#options;
    if (child.pid !== undefined) onExit(child.pid);
    if (this.#isStopping) return;
    const inARow = livedMs > healthyMs ? 0 : deaths;
    const pauseMs = inARow === 0 ? 0 : Math.min(pauseMostMs, pauseFirstMs * 2 ** (inARow - 1));
    log.warn('a region server ended; starting another', { childPid: child.pid, how, pauseMs });
    setTimeout(() => {
      if (!this.#isStopping) this.#fork(inARow + 1);
    }, pauseMs);
  }
}

function tell(child: ChildProcess, kind: ChildMessage['kind']): void {
  const message: ChildMessage = { kind };
  // One that is ending does not hear it; its exit is noticed anyway.
  if (child.connected) child.send(message, () => undefined);
}

/** What a child hears of its parent. */
export interface Parent {
  /** Resolves once the child may join the cluster. */
  readonly mayGo: Promise<void>;
  /** Calls `stop` when the parent asks for it; before this, the child just ends then. */
  onStop(stop: () => Promise<void>): void;
}

/** In a child, before anything else: from now on it ends when the parent is gone. */
export function obeyParent(): Parent {
  // Control-C reaches the whole process group; the parent decides what it means.
  process.on('SIGINT', () => undefined);
  // Without its parent a child has nobody to stop it: its log keeps what is not flushed.
  process.on('disconnect', () => process.exit(0));
  let stop: () => Promise<void> = () => process.exit(0);
  const mayGo = new Promise<void>((resolve) => {
    process.on('message', ({ kind }: ChildMessage) => {
      if (kind === 'go') resolve();
      else void stop();
    });
  });
  return {
    mayGo,
    onStop: (given) => {
      stop = given;
    },
  };
}
