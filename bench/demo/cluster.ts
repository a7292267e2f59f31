// A throw-away cluster of real processes: started through the launcher as a user would, and killed.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Address } from '../../src/world/network.js';

const launcher = fileURLToPath(new URL('../../../bin/cadastre.js', import.meta.url));

const announced = z.object({ master: z.string(), servers: z.array(z.int()) });

export class DemoCluster {
  readonly master: Address;
  /** Process ids of the region servers that were started. */
  readonly servers: readonly number[];
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, master: Address, servers: readonly number[]) {
    this.#process = process;
    this.master = master;
    this.servers = servers;
  }

  /** Starts one on `root` and waits until it says where it is. */
  static async start(root: string, servers: number): Promise<DemoCluster> {
    const args = ['start', '--root', root, '--port', '0', '--servers', String(servers), '--json'];
    const child = spawn(process.execPath, [launcher, ...args, '--log-level', 'error'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      // A group of its own, so that everything in it can be killed at one stroke.
      detached: true,
    });
    const line = await firstLine(child);
    const { master, servers: pids } = announced.parse(JSON.parse(line));
    const [host = '', port = ''] = master.split(':');
    return new DemoCluster(child, { host, port: Number(port) }, pids);
  }

  killServer(index: number): void {
    const pid = this.servers[index];
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  }

  /** `kill -9` of the master and all servers, and the wait for their end. */
  async killEverything(): Promise<void> {
    const ended = once(this.#process, 'exit');
    if (this.#process.pid !== undefined) process.kill(-this.#process.pid, 'SIGKILL');
    await ended;
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await ended;
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  const { stdout } = child;
  if (stdout === null) throw new Error('the cluster has no output');
  for await (const line of createInterface({ input: stdout })) return line;
  throw new Error('the cluster ended before it said where it is');
}
