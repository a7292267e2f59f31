// Real processes of `bin/cadastre.js` for tests: started on a root of their own, killed in every way,
// and cleaned up whatever happens. They run what `npm run build` made.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { connect } from '../../src/client/node.js';
import type { Client } from '../../src/client/client.js';
import type { Address } from '../../src/world/network.js';

const launcher = fileURLToPath(new URL('../../bin/cadastre.js', import.meta.url));
const startWithinMs = 20_000;
const lineSchema = z.object({ master: z.string(), pid: z.number(), servers: z.array(z.number()) });

/** How a process ended, and what it said. */
export interface Ending {
  readonly code: number | null;
  readonly output: string;
}

/** One `cadastre start`, from its first word to its end. */
class Run {
  readonly process: ChildProcess;
  readonly #ended: Promise<Ending>;
  #output = '';

  constructor(args: readonly string[]) {
    this.process = spawn(process.execPath, [launcher, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on('data', (bytes: Buffer) => {
        this.#output += bytes.toString('utf8');
      });
    }
    // Also when the tests are broken off.
    const kill = (): void => this.killAll();
    process.once('exit', kill);
    this.#ended = new Promise((resolve) => {
      this.process.once('close', (code) => {
        process.off('exit', kill);
        resolve({ code, output: this.#output });
      });
    });
  }

  get output(): string {
    return this.#output;
  }

  ended(): Promise<Ending> {
    return this.#ended;
  }

  /** The line of JSON that says where things are. Rejects if the process ends before, or is slow. */
  async line(): Promise<z.infer<typeof lineSchema>> {
    const line = await new Promise<string>((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(`${why}: ${this.#output}`));
      const timer = setTimeout(() => fail('it did not start in time'), startWithinMs);
      this.process.once('close', () => {
        clearTimeout(timer);
        fail('it did not start');
      });
      this.process.stdout?.on('data', () => {
        const found = this.#output.split('\n').find((each) => each.startsWith('{"master"'));
        if (found === undefined) return;
        clearTimeout(timer);
        resolve(found);
      });
    });
    return lineSchema.parse(JSON.parse(line));
  }

  /** `kill -9` of it and of all its children, at once: they are one process group. */
  killAll(): void {
    const { pid } = this.process;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // They are gone already.
    }
  }
}

/** A running cluster. */
export interface RunningCluster {
  readonly master: Address;
  readonly pid: number;
  /** Pids of the region servers that were started first. */
  readonly servers: readonly number[];
  readonly output: string;
  /** `operationTimeoutMs`: how patient it is. */
  connect(operationTimeoutMs?: number): Promise<Client>;
  /** Sends a signal to the first process. */
  signal(signal: NodeJS.Signals): void;
  ended(): Promise<Ending>;
  /** `kill -9` of everything at once; resolves when nothing of it runs. */
  killAll(): Promise<void>;
}

/** A root in a temporary directory, and every process that was started on it. */
export class TestRoot {
  readonly directory: string;
  readonly #runs: Run[] = [];
  readonly #clients: Client[] = [];

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async make(): Promise<TestRoot> {
    return new TestRoot(await mkdtemp(join(tmpdir(), 'cadastre-cluster-')));
  }

  get path(): string {
    return join(this.directory, 'root');
  }

  /** Starts a cluster of two servers on free ports, and waits until it says where it is. */
  async start(args: readonly string[] = []): Promise<RunningCluster> {
    const run = this.#run(args);
    const { master, pid, servers } = await run.line();
    const [host = '', port] = master.split(':');
    const address = { host, port: Number(port) };
    return {
      master: address,
      pid,
      servers,
      get output() {
        return run.output;
      },
      connect: async (operationTimeoutMs = 20_000) => {
        const client = await connect({ bootstrap: [address], operationTimeoutMs });
        this.#clients.push(client);
        return client;
      },
      signal: (signal) => process.kill(pid, signal),
      ended: () => run.ended(),
      killAll: async () => {
        run.killAll();
        await run.ended();
      },
    };
  }

  /** A start that is expected to be refused. */
  refused(args: readonly string[] = []): Promise<Ending> {
    return this.#run(args).ended();
  }

  async cleanUp(): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const run of this.#runs) run.killAll();
    await Promise.all(this.#runs.map((run) => run.ended()));
    await rm(this.directory, { recursive: true, force: true });
  }

  #run(args: readonly string[]): Run {
    const port = args.includes('--port') ? [] : ['--port', '0'];
    const common = ['--root', this.path, '--json', '--servers', '2', '--log-level', 'warn'];
    const run = new Run(['start', ...common, ...port, ...args]);
    this.#runs.push(run);
    return run;
  }
}
