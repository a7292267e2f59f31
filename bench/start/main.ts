// `bench start`: from the start of `bin/cadastre.js` on an empty root to the first acknowledged put
// (a table of one region is made on the way), and what the idle cluster holds in memory.
//
// The clock starts before the process is made. The client is this process, warm already, and asks as
// the ordinary client does. Memory is the proportional set size of all processes of the cluster, after
// they have been idle for a while. Needs a quiet machine: a start is mostly processor time.

import os from 'node:os';
import { parseArgs } from 'node:util';
import { connectTo } from '../lib/client.js';
import { Cluster } from '../lib/cluster.js';
import { median, print, printResult, spread } from '../lib/figures.js';
import { runBench, seconds, wholeNumber } from '../lib/options.js';
import { cpuUs, machine, pssMib } from '../lib/processes.js';

const { values: given } = parseArgs({
  options: {
    repeat: { type: 'string', default: '7' },
    idle: { type: 'string', default: '10' },
    servers: { type: 'string', default: '1' },
    dir: { type: 'string', default: os.tmpdir() },
    profile: { type: 'string' },
  },
});

interface Start {
  readonly upMs: number;
  readonly tableMs: number;
  readonly putMs: number;
  readonly cpuMs: number;
}

const nodeArguments =
  given.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', given.profile];

async function startOnce(servers: number, idleMs: number): Promise<Start & { idleMib?: number }> {
  const startedAt = performance.now();
  const cluster = await Cluster.start({ servers, parent: given.dir, nodeArguments });
  try {
    const upMs = performance.now() - startedAt;
    const client = await connectTo(cluster.master);
    await client.admin.createTable({ name: 'first', families: ['f'] });
    const tableMs = performance.now() - startedAt;
    await client.table('first').put('row', { 'f:q': 'value' });
    const putMs = performance.now() - startedAt;
    const pids = [cluster.masterPid, ...cluster.serverPids];
    const cpuMs = (cpuUs(pids) ?? Number.NaN) / 1_000;
    client.close();
    if (idleMs === 0) return { upMs, tableMs, putMs, cpuMs };
    await new Promise((resolve) => setTimeout(resolve, idleMs));
    const idleMib = pssMib(pids) ?? Number.NaN;
    return { upMs, tableMs, putMs, cpuMs, idleMib };
  } finally {
    await cluster.stop(given.profile === undefined ? 'kill' : 'clean');
  }
}

async function main(): Promise<void> {
  const repeat = wholeNumber('repeat', given.repeat);
  const servers = wholeNumber('servers', given.servers);
  const idleMs = seconds('idle', given.idle) * 1_000;
  print(`bench start on ${machine()}`);
  await startOnce(servers, 0); // warm-up: the files of the program come into the page cache
  const starts: Start[] = [];
  for (let i = 0; i < repeat; i++) starts.push(await startOnce(servers, 0));
  const { idleMib } = await startOnce(servers, idleMs);
  print(`master announced after ${spread(starts.map(({ upMs }) => upMs))} ms`);
  print(`table made after ${spread(starts.map(({ tableMs }) => tableMs))} ms`);
  print(`first put after ${spread(starts.map(({ putMs }) => putMs))} ms`);
  print(`processor time of the cluster till then ${spread(starts.map(({ cpuMs }) => cpuMs))} ms`);
  printResult({
    bench: 'start',
    first_put_ms: Math.round(median(starts.map(({ putMs }) => putMs))),
    idle_rss_mb: idleMib === undefined ? undefined : Math.round(idleMib),
  });
}

await runBench(main);
