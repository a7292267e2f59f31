// HBase's own Java client against a running Cadastre: builds test/interop/java and runs it. Needs a JDK
// and Maven, and says so where one is missing. CADASTRE_INTEROP=host:port runs it against that server
// instead, such as a real HBase: what it proves must hold there too.

import { execFile, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';

const run = promisify(execFile);
const repository = fileURLToPath(new URL('../../', import.meta.url));
const sources = join(repository, 'test/interop/java');
const work = mkdtempSync(join(tmpdir(), 'cadastre-interop-'));
const startedSchema = z.object({ master: z.string() });
/** Maven's first run fetches the client and all it needs. */
const buildTimeoutMs = 240_000;
const runTimeoutMs = 120_000;

let cluster: ChildProcess | undefined;

afterAll(async () => {
  if (cluster !== undefined && cluster.exitCode === null) {
    cluster.kill('SIGTERM');
    await once(cluster, 'exit');
  }
  rmSync(work, { recursive: true, force: true });
});

it(
  "HBase's Java client creates, reads, writes, scans and drops a table here",
  async (context) => {
    const missing = ['javac', 'java', 'mvn'].filter((name) => !isInstalled(name));
    if (missing.length > 0) {
      const text = `skipped: no ${missing.join(', no ')} on this machine (a JDK and Maven are needed)`;
      process.stdout.write(`interop/java ${text}\n`);
      context.skip(text);
    }
    const client = await fetchClient();
    if (client === undefined) {
      const text = "skipped: Maven could not fetch HBase's client";
      process.stdout.write(`interop/java ${text}\n`);
      context.skip(text);
    }
    const classPath = await build(client ?? '');
    const server = process.env['CADASTRE_INTEROP'] ?? (await startCluster());
    const { stdout } = await run('java', ['-cp', classPath, 'Interop', server], {
      timeout: runTimeoutMs,
    }).catch((error: unknown) => {
      throw new Error(`the Java program failed:\n${outputOf(error)}`, { cause: error });
    });
    expect(stdout).toMatch(/^all \d+ steps passed$/m);
  },
  buildTimeoutMs + runTimeoutMs,
);

function isInstalled(command: string): boolean {
  return spawnSync(command, ['-version'], { stdio: 'ignore' }).error === undefined;
}

/** The class path of HBase's client; undefined if Maven cannot get at it from here. */
async function fetchClient(): Promise<string | undefined> {
  const listed = join(work, 'class-path');
  const pom = join(sources, 'pom.xml');
  const target = `-Dmdep.outputFile=${listed}`;
  try {
    await run('mvn', ['-q', '-B', '-f', pom, 'dependency:build-classpath', target], {
      timeout: buildTimeoutMs,
    });
  } catch {
    return undefined;
  }
  return readFileSync(listed, 'utf8').trim();
}

/** The class path of the compiled program. */
async function build(client: string): Promise<string> {
  const classes = join(work, 'classes');
  await run('javac', ['-cp', client, '-d', classes, join(sources, 'Interop.java')]);
  return [classes, client].join(delimiter);
}

/** A cluster of its own on a root and ports of its own; its master's address. */
async function startCluster(): Promise<string> {
  const root = join(work, 'root');
  const args = [
    'bin/cadastre.js',
    'start',
    '--root',
    root,
    '--port',
    '0',
    '--servers',
    '2',
    '--json',
  ];
  const child = spawn(process.execPath, args, {
    cwd: repository,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cluster = child;
  for await (const line of createInterface({ input: child.stdout })) {
    return startedSchema.parse(JSON.parse(line)).master;
  }
  throw new Error('the cluster ended before it said where it is');
}

function outputOf(error: unknown): string {
  const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
  return `${stdout}\n${stderr}`;
}
