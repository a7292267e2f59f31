// `bench data`: the data path of one region server, through the wire: durable puts, batched puts,
// gets, scans, increments, checked puts, with 1, 16 and 64 requests in flight.
//
// It starts a throw-away cluster with one server (or takes a running one with --connect), loads a
// table of one region, flushes it, reads it once, and then measures each operation `--repeat` times.
// Puts go to a table of their own; the other operations work on what was flushed, out of the cache.
// Beside the puts stands what the disk does alone, in the same run: write + fdatasync in a loop.
//
// Needs both cores for itself, and a disk that nobody else syncs.

import os from 'node:os';
import { parseArgs } from 'node:util';
import type { Mutation } from '../../src/base/operations.js';
import { asCadastreError } from '../../src/base/errors.js';
import type { Client } from '../../src/client/client.js';
import { conditionOf } from '../../src/client/condition.js';
import { getOf, mutationOf } from '../../src/client/operations.js';
import { bareSyncsPerS } from '../lib/bare-sync.js';
import { connectTo, noNonce, prepared, regionsOf, RegionCalls } from '../lib/client.js';
import type { BenchRegion } from '../lib/client.js';
import { Cluster } from '../lib/cluster.js';
import { median, print, printResult, spread } from '../lib/figures.js';
import { runLoad } from '../lib/load.js';
import type { LoadFigures, SendOne } from '../lib/load.js';
import { address, choices, runBench, seconds, wholeNumber, wholeNumbers } from '../lib/options.js';
import { machine } from '../lib/processes.js';
import { rowKey } from '../lib/rows.js';

/** Reads first: the flushes and compactions that puts lead to would disturb them. */
const operations = ['get', 'scan', 'increment', 'check-and-put', 'put', 'put-batch'] as const;
type OperationName = (typeof operations)[number];

/** About what a put of 100 bytes is in the log. */
const bareBytes = 180;
const bareSeconds = 0.5;

const { values: given } = parseArgs({
  options: {
    op: { type: 'string', default: operations.join(',') },
    'in-flight': { type: 'string', default: '1,16,64' },
    rows: { type: 'string', default: '200000' },
    value: { type: 'string', default: '100' },
    batch: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '3' },
    repeat: { type: 'string', default: '5' },
    connect: { type: 'string' },
    pids: { type: 'string' },
    dir: { type: 'string', default: os.tmpdir() },
    set: { type: 'string', multiple: true, default: [] },
    profile: { type: 'string' },
  },
});

const options = {
  operations: choices('op', given.op, operations),
  inFlights: wholeNumbers('in-flight', given['in-flight']),
  rows: wholeNumber('rows', given.rows),
  valueBytes: wholeNumber('value', given.value),
  batch: wholeNumber('batch', given.batch),
  seconds: seconds('seconds', given.seconds),
  repeat: wholeNumber('repeat', given.repeat),
};
const value = Buffer.alloc(options.valueBytes, 0x76);

/** What the operations work on. */
interface Setting {
  readonly client: Client;
  readonly calls: RegionCalls;
  readonly read: BenchRegion;
  readonly written: BenchRegion;
  readonly serverPids: readonly number[];
}

const tables = { read: 'bench_read', written: 'bench_written' } as const;

function randomRow(): Buffer {
  return rowKey(Math.floor(Math.random() * options.rows));
}

function putOf(row: Buffer): Mutation {
  return mutationOf({ kind: 'put', row, values: { 'f:q': value } }, noNonce);
}

async function makeTable(client: Client, name: string): Promise<BenchRegion> {
  if (await client.admin.tableExists(name)) {
    await client.admin.disableTable(name);
    await client.admin.dropTable(name);
  }
  await client.admin.createTable({ name, families: ['f'] });
  const [region] = await regionsOf(client, name);
  if (region === undefined) throw new Error(`table ${name} has no region`);
  return region;
}

/** Loads, flushes, and reads everything once, so that it is in the cache. */
async function load({ client, calls, read }: Setting): Promise<void> {
  let next = 0;
  const rows = (): readonly Mutation[] =>
    Array.from({ length: 500 }, () => putOf(rowKey(next++ % options.rows)));
  const sending = async (): Promise<void> => {
    while (next < options.rows) {
      await new Promise<void>((resolve, reject) => {
        calls.batch(read, rows)((error) => (error === undefined ? resolve() : reject(error)));
      });
    }
  };
  await Promise.all([sending(), sending(), sending(), sending()]);
  await client.admin.flushTable(tables.read);
  let found = 0;
  for await (const page of client.table(tables.read).scanPages()) found += page.length;
  if (found !== options.rows) throw new Error(`loaded ${options.rows} rows, found ${found}`);
}

/** What one of the requests under way sends, again and again. */
function senderOf(operation: OperationName, setting: Setting): (index: number) => SendOne {
  const { calls, read, written } = setting;
  switch (operation) {
    case 'put': {
      const next = prepared(20_000, () => ({ mutation: putOf(randomRow()) }));
      return () => calls.mutate(written, next);
    }
    case 'put-batch': {
      const next = prepared(200, () =>
        Array.from({ length: options.batch }, () => putOf(randomRow())),
      );
      return () => calls.batch(written, next);
    }
    case 'get': {
      const next = prepared(100_000, () => getOf(randomRow(), {}));
      return () => calls.get(read, next, true);
    }
    case 'scan':
      return () => scanner(setting.client);
    case 'increment': {
      const amounts = { 'f:n': 1 };
      const next = prepared(20_000, () => ({
        mutation: mutationOf({ kind: 'increment', row: randomRow(), amounts }, noNonce),
      }));
      return () => calls.mutate(read, next);
    }
    case 'check-and-put': {
      const next = prepared(20_000, () => {
        const row = randomRow();
        const condition = conditionOf(row, { column: 'f:q', equals: value });
        return { mutation: putOf(row), condition };
      });
      return () => calls.mutate(read, next);
    }
  }
}

/** Each request is a page of a scan of the whole table, with the ordinary client. */
function scanner(client: Client): SendOne {
  const table = client.table(tables.read);
  let pages = table.scanPages();
  const next = async (): Promise<number> => {
    for (;;) {
      const page = await pages.next();
      if (page.done !== true) return page.value.length;
      pages = table.scanPages();
    }
  };
  return (done) => {
    next().then(
      (rows) => done(undefined, rows),
      (error: unknown) => done(asCadastreError(error), 0),
    );
  };
}

async function measure(operation: OperationName, inFlight: number, setting: Setting) {
  const sender = senderOf(operation, setting);
  const { serverPids } = setting;
  await runLoad({ inFlight, seconds: options.seconds / 3, serverPids, sender });
  const rounds: LoadFigures[] = [];
  const bare: number[] = [];
  for (let i = 0; i < options.repeat; i++) {
    if (operation === 'put') bare.push(bareSyncsPerS(given.dir, bareBytes, bareSeconds));
    rounds.push(await runLoad({ inFlight, seconds: options.seconds, serverPids, sender }));
  }
  report(operation, inFlight, rounds, bare);
}

function report(
  operation: OperationName,
  inFlight: number,
  rounds: readonly LoadFigures[],
  bare: readonly number[],
): void {
  const of = (pick: (round: LoadFigures) => number): number => median(rounds.map(pick));
  const opsPerS = rounds.map((round) => round.opsPerS);
  const cpu = rounds.flatMap(({ serverCpuUsPerOp }) => serverCpuUsPerOp ?? []);
  print(
    `${operation}, ${inFlight} in flight: ${spread(opsPerS)} per s; ` +
      `client's own ${of((round) => round.clientCpuUsPerOp).toFixed(1)} µs of CPU each`,
  );
  if (bare.length > 0) {
    const share = of((round) => round.opsPerS) / (inFlight * median(bare));
    print(
      `  the disk alone: ${spread(bare)} syncs per s; puts are ${(share * 100).toFixed(0)} % of ` +
        `in-flight × that`,
    );
  }
  printResult(
    {
      bench: 'data',
      op: operation,
      in_flight: inFlight,
      ops_per_s: Math.round(median(opsPerS)),
      p50_us: of((round) => round.p50Us),
      p99_us: of((round) => round.p99Us),
      p999_us: of((round) => round.p999Us),
      server_cpu_us_per_op: cpu.length === 0 ? undefined : median(cpu),
    },
    2,
  );
}

async function main(): Promise<void> {
  print(`bench data on ${machine()}`);
  const profile = given.profile;
  const nodeArguments = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profile];
  const own =
    given.connect === undefined
      ? await Cluster.start({ servers: 1, parent: given.dir, settings: given.set, nodeArguments })
      : undefined;
  try {
    const client = await connectTo(own?.master ?? address('connect', given.connect ?? ''));
    const calls = new RegionCalls();
    const read = await makeTable(client, tables.read);
    const written = await makeTable(client, tables.written);
    const known = given.pids === undefined ? [] : wholeNumbers('pids', given.pids);
    const setting = { client, calls, read, written, serverPids: own?.serverPids ?? known };
    await load(setting);
    for (const operation of options.operations) {
      for (const inFlight of options.inFlights) await measure(operation, inFlight, setting);
    }
    calls.close();
    client.close();
  } finally {
    await own?.stop(profile === undefined ? 'kill' : 'clean');
  }
}

await runBench(main);
