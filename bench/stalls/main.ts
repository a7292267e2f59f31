// `bench stalls`: how late the event loops of a region server and of its master are while clients
// write as fast as they can, and the server flushes and compacts without pause.
//
// One server takes single puts, batches and gets side by side, with a flush size so small that a flush
// comes every few seconds and compactions follow. The delay is measured inside the processes, by a
// timer of 1 ms that is loaded into them. Needs both cores: a process that the system does not let
// run is late too.

import os from 'node:os';
import { parseArgs } from 'node:util';
import { getOf, mutationOf } from '../../src/client/operations.js';
import { RegionCalls, connectTo, noNonce, prepared, regionsOf } from '../lib/client.js';
import type { BenchRegion } from '../lib/client.js';
import { Cluster } from '../lib/cluster.js';
import { median, print, printResult, spread } from '../lib/figures.js';
import { runLoad } from '../lib/load.js';
import type { SendOne } from '../lib/load.js';
import { runBench, seconds, wholeNumber } from '../lib/options.js';
import { machine } from '../lib/processes.js';
import { rowKey } from '../lib/rows.js';
import { StallWatch } from '../lib/stalls.js';
import type { Stalls } from '../lib/stalls.js';

const { values: given } = parseArgs({
  options: {
    seconds: { type: 'string', default: '15' },
    repeat: { type: 'string', default: '3' },
    rows: { type: 'string', default: '1000000' },
    'flush-size': { type: 'string', default: '16m' },
    dir: { type: 'string', default: os.tmpdir() },
    profile: { type: 'string' },
  },
});
const rows = wholeNumber('rows', given.rows);
const value = Buffer.alloc(100, 0x76);

/** Of 64 requests under way: how many are single puts and how many gets; the rest are batches. */
const inFlight = 64;
const puts = 40;
const gets = 20;

const randomRow = (): Buffer => rowKey(Math.floor(Math.random() * rows));

function senders(calls: RegionCalls, region: BenchRegion): (index: number) => SendOne {
  const put = () =>
    mutationOf({ kind: 'put', row: randomRow(), values: { 'f:q': value } }, noNonce);
  const single = calls.mutate(
    region,
    prepared(50_000, () => ({ mutation: put() })),
  );
  const batch = calls.batch(
    region,
    prepared(200, () => Array.from({ length: 100 }, put)),
  );
  const get = calls.get(
    region,
    prepared(50_000, () => getOf(randomRow(), {})),
    false,
  );
  return (index) => (index < puts ? single : index < puts + gets ? get : batch);
}

function report(who: string, rounds: readonly Stalls[]): void {
  const of = (pick: (round: Stalls) => number): string => spread(rounds.map(pick), 1);
  print(
    `${who}: event loop late by ${of((round) => round.p99Ms)} ms at p99, ` +
      `${of((round) => round.p999Ms)} at p99.9, ${of((round) => round.maxMs)} at worst`,
  );
  printResult(
    {
      bench: 'stalls',
      process: who,
      stall_p99_ms: median(rounds.map((round) => round.p99Ms)),
      stall_p999_ms: median(rounds.map((round) => round.p999Ms)),
      stall_max_ms: median(rounds.map((round) => round.maxMs)),
    },
    1,
  );
}

async function main(): Promise<void> {
  print(`bench stalls on ${machine()}`);
  const watch = new StallWatch();
  const { profile } = given;
  const cluster = await Cluster.start({
    servers: 1,
    parent: given.dir,
    settings: [`hbase.hregion.memstore.flush.size=${given['flush-size']}`],
    nodeArguments: [
      ...watch.nodeArguments,
      ...(profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profile]),
    ],
    environment: watch.environment,
  });
  try {
    const client = await connectTo(cluster.master);
    await client.admin.createTable({ name: 'stalls', families: ['f'] });
    const [region] = await regionsOf(client, 'stalls');
    const [serverPid] = cluster.serverPids;
    if (region === undefined || serverPid === undefined)
      throw new Error('nothing serves the table');
    const calls = new RegionCalls();
    const sender = senders(calls, region);
    const load = { inFlight, seconds: seconds('seconds', given.seconds), sender, serverPids: [] };
    await runLoad({ ...load, seconds: load.seconds / 2 });
    const server: Stalls[] = [];
    const master: Stalls[] = [];
    const rates: number[] = [];
    for (let i = 0; i < wholeNumber('repeat', given.repeat); i++) {
      await Promise.all([watch.take(serverPid), watch.take(cluster.masterPid)]);
      rates.push((await runLoad(load)).opsPerS);
      server.push(await watch.take(serverPid));
      master.push(await watch.take(cluster.masterPid));
    }
    print(`${spread(rates)} operations per s`);
    report('server', server);
    report('master', master);
    calls.close();
    client.close();
  } finally {
    await cluster.stop(profile === undefined ? 'kill' : 'clean');
    watch.close();
  }
}

await runBench(main);
