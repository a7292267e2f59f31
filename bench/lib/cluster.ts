// A throw-away cluster for a bench: `bin/cadastre.js start` as a child process on a root of its own.
//
// Invariants:
// 1. Whatever happens to the bench, `stop` ends the cluster's processes and removes its root; region
//    servers end with the master by themselves.
// 2. The cluster is the one that users run: real processes, no flags but those the bench names.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { CadastreError } from '../../src/base/errors.js';
import type { Address } from '../../src/world/network.js';
import { address } from './options.js';
import { childrenOf } from './processes.js';

const launcher = fileURLToPath(new URL('../../../bin/cadastre.js', import.meta.url));
const startWithinMs = 60_000;

export interface ClusterOptions {
  readonly servers: number;
  /** The root is made below this; default: the system's temporary directory. */
  readonly parent?: string | undefined;
  /** More arguments of `start`. */
  readonly arguments?: readonly string[];
  /** Settings, as `name=value`. */
  readonly settings?: readonly string[];
  /** Of Node itself, for the master and the servers alike. */
  readonly nodeArguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const announced = z.object({ master: z.string(), pid: z.number() });

export class Cluster {
  readonly master: Address;
  readonly root: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, master: Address, root: string) {
    this.#child = child;
    this.master = master;
    this.root = root;
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    const parent = options.parent ?? os.tmpdir();
    const root = fs.mkdtempSync(path.join(parent, 'cadastre-bench-'));
    const child = spawn(
      process.execPath,
      [
        ...(options.nodeArguments ?? []),
        launcher,
        'start',
        '--root',
        root,
        '--port',
        '0',
        '--json',
        '--servers',
        `${options.servers}`,
        ...(options.arguments ?? []),
        ...(options.settings ?? []).flatMap((setting) => ['--set', setting]),
      ],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, ...options.environment },
      },
    );
    try {
      const { master } = announced.parse(JSON.parse(await firstLine(child)));
      return new Cluster(child, address('master', master), root);
    } catch (error) {
      child.kill('SIGKILL');
      fs.rmSync(root, { recursive: true });
      throw error;
    }
  }

  get masterPid(): number {
    return this.#child.pid ?? 0;
  }
  /** Pids of the region servers that run now. */
  get serverPids(): readonly number[] {
    return childrenOf(this.masterPid);
  }

  /** Clean when profiles are to be written; else at once. */
  async stop(how: 'clean' | 'kill' = 'kill'): Promise<void> {
    const servers = this.serverPids;
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill(how === 'clean' ? 'SIGTERM' : 'SIGKILL');
      await ended;
    }
    // They end by themselves when the pipe to their parent closes; their root must not go before.
    while (servers.some(isRunning)) await new Promise((resolve) => setTimeout(resolve, 10));
    fs.rmSync(this.root, { recursive: true });
  }
}

function isRunning(pid: number): boolean {
  return fs.existsSync(`/proc/${pid}`);
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timeout = setTimeout(() => reject(notUp('says nothing')), startWithinMs);
    child.once('exit', (code) => reject(notUp(`ended with code ${code ?? '?'}`)));
    child.stdout?.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      const end = text.indexOf('\n');
      if (end < 0) return;
      clearTimeout(timeout);
      resolve(text.slice(0, end));
    });
  });
}

function notUp(why: string): CadastreError {
  return new CadastreError('internal', `the cluster did not start: it ${why}`, {
    nextStep: 'Its own lines are above. Was the project built ("npm run build")?',
  });
}
