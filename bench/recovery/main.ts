// `bench recovery`: kill -9 of one of two region servers that has `--regions` regions and `--mb`
// megabytes of cells in its log that no flush has covered; how long until every one of these regions
// answers reads again, and whether every acknowledged row is there then.
//
// Reads are polled at each region's present server, without the pauses of the ordinary client, so that
// the figure is the cluster's. All rows are then read with the ordinary client, and each is checked.
// Needs both cores: what is measured is mostly the sorting and replaying of the log.

import os from 'node:os';
import { parseArgs } from 'node:util';
import type { Client } from '../../src/client/client.js';
import { RegionCalls, connectTo, regionsOf } from '../lib/client.js';
import type { BenchRegion } from '../lib/client.js';
import { Cluster } from '../lib/cluster.js';
import { median, print, printResult, spread } from '../lib/figures.js';
import { runBench, wholeNumber, wholeNumbers } from '../lib/options.js';
import { isListening, machine } from '../lib/processes.js';
import { rowKey, splitKeys } from '../lib/rows.js';

const { values: given } = parseArgs({
  options: {
    regions: { type: 'string', default: '200' },
    mb: { type: 'string', default: '100' },
    value: { type: 'string', default: '1024,100' },
    repeat: { type: 'string', default: '3' },
    dir: { type: 'string', default: os.tmpdir() },
    'log-level': { type: 'string', default: 'error' },
    profile: { type: 'string' },
  },
});

const regions = wholeNumber('regions', given.regions);
const megabytes = wholeNumber('mb', given.mb);
const table = 'recovered';
/** Of a cell in KeyValue layout with an 8-byte row, a 1-byte family and a 1-byte qualifier. */
const keyBytes = 30;
const batchRows = 500;
const pollMs = 10;
const recoverWithinMs = 120_000;

interface Recovery {
  readonly rows: number;
  readonly noticedMs: number;
  readonly firstMs: number;
  readonly allMs: number;
  readonly lost: number;
}

function valueOf(index: number, valueBytes: number): Buffer {
  return Buffer.alloc(valueBytes, `${index}.`);
}

/** Rows of the victim's regions only, so that its log holds all of the bytes. Returns how many. */
async function load(
  client: Client,
  isVictims: (row: Buffer) => boolean,
  valueBytes: number,
): Promise<readonly number[]> {
  const wanted = Math.ceil((megabytes * 1e6) / (keyBytes + valueBytes));
  const written: number[] = [];
  let next = 0;
  const writing = async (): Promise<void> => {
    while (written.length < wanted) {
      const indexes: number[] = [];
      while (indexes.length < batchRows) {
        if (isVictims(rowKey(next))) indexes.push(next);
        next++;
      }
      const outcomes = await client.table(table).batch(
        indexes.map((index) => ({
          kind: 'put',
          row: rowKey(index),
          values: { 'f:q': valueOf(index, valueBytes) },
        })),
      );
      for (const outcome of outcomes) if (outcome.kind === 'failed') throw outcome.error;
      written.push(...indexes);
    }
  };
  await Promise.all([writing(), writing(), writing()]);
  return written;
}

/** Which of the sorted regions holds a row. */
function regionOf(row: Buffer, sorted: readonly BenchRegion[]): BenchRegion | undefined {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Buffer.compare((sorted[middle] as BenchRegion).startKey, row) <= 0) low = middle + 1;
    else high = middle;
  }
  return sorted[low - 1];
}

const portOf = (region: BenchRegion): number => region.server.port;
const nameOf = (region: BenchRegion): string => region.name.toString('latin1');

/** Some row of the region: its first, which is empty in the table's first region. */
function rowOf({ startKey }: BenchRegion): Buffer {
  return startKey.length === 0 ? Buffer.from('0') : startKey;
}

/** Resolves when each of the lost regions has answered a read; milliseconds of the first and the last. */
async function untilServing(client: Client, lost: readonly BenchRegion[], killedAtMs: number) {
  const calls = new RegionCalls();
  const pending = new Map(lost.map((region) => [nameOf(region), portOf(region)]));
  let firstMs = 0;
  try {
    while (pending.size > 0) {
      const now = performance.now() - killedAtMs;
      if (now > recoverWithinMs) throw new Error(`${pending.size} regions are not back`);
      const moved = (await regionsOf(client, table)).filter(
        (region) => (pending.get(nameOf(region)) ?? portOf(region)) !== portOf(region),
      );
      const answered = await Promise.all(
        moved.map((region) => calls.serves(region, rowOf(region))),
      );
      moved.forEach((region, i) => {
        if (answered[i] === true) pending.delete(nameOf(region));
      });
      if (firstMs === 0 && pending.size < lost.length) firstMs = performance.now() - killedAtMs;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  } finally {
    calls.close();
  }
  return { firstMs, allMs: performance.now() - killedAtMs };
}

async function untilNoticed(client: Client, killedAtMs: number): Promise<number> {
  while ((await client.admin.status()).deadServers.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return performance.now() - killedAtMs;
}

/** How many of the written rows are missing or wrong. */
async function countLost(
  client: Client,
  written: readonly number[],
  valueBytes: number,
): Promise<number> {
  const expected = new Map(written.map((index) => [rowKey(index).toString('latin1'), index]));
  for await (const page of client.table(table).scanPages()) {
    for (const { key, cells } of page) {
      const name = key.toString('latin1');
      const index = expected.get(name);
      const value = cells[0]?.value;
      if (index !== undefined && value?.equals(valueOf(index, valueBytes)) === true) {
        expected.delete(name);
      }
    }
  }
  return expected.size;
}

async function recoverOnce(valueBytes: number): Promise<Recovery> {
  const nodeArguments =
    given.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', given.profile];
  const cluster = await Cluster.start({
    servers: 2,
    parent: given.dir,
    nodeArguments,
    arguments: ['--log-level', given['log-level']],
  });
  try {
    const client = await connectTo(cluster.master);
    await untilServers(client, 2);
    await client.admin.createTable({
      name: table,
      families: ['f'],
      splits: splitKeys(2 * regions),
    });
    const all = await regionsOf(client, table);
    const { pid, port } = pickVictim(cluster, all);
    const lost = all.filter((region) => portOf(region) === port);
    const isVictims = (row: Buffer): boolean => regionOf(row, all)?.server.port === port;
    const written = await load(client, isVictims, valueBytes);
    print(`  ${written.length} rows in ${lost.length} regions of the server to be killed`);
    const killedAtMs = performance.now();
    process.kill(pid, 'SIGKILL');
    const [noticedMs, { firstMs, allMs }] = await Promise.all([
      untilNoticed(client, killedAtMs),
      untilServing(client, lost, killedAtMs),
    ]);
    const gone = await countLost(client, written, valueBytes);
    client.close();
    return { rows: written.length, noticedMs, firstMs, allMs, lost: gone };
  } finally {
    await cluster.stop(given.profile === undefined ? 'kill' : 'clean');
  }
}

async function untilServers(client: Client, count: number): Promise<void> {
  while ((await client.admin.status()).servers.length < count) {
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** A server that has regions, by its process and its port. */
function pickVictim(cluster: Cluster, all: readonly BenchRegion[]) {
  for (const port of new Set(all.map(portOf))) {
    const pid = cluster.serverPids.find((pid) => isListening(pid, port));
    if (pid !== undefined) return { pid, port };
  }
  throw new Error('no process of the cluster listens where the regions are; is this Linux?');
}

async function main(): Promise<void> {
  print(`bench recovery on ${machine()}`);
  for (const valueBytes of wholeNumbers('value', given.value)) {
    const rounds: Recovery[] = [];
    for (let i = 0; i < wholeNumber('repeat', given.repeat); i++) {
      rounds.push(await recoverOnce(valueBytes));
    }
    const of = (pick: (round: Recovery) => number): string => spread(rounds.map(pick));
    const lost = rounds.reduce((sum, round) => sum + round.lost, 0);
    print(
      `values of ${valueBytes} bytes: noticed after ${of((round) => round.noticedMs)} ms, ` +
        `first region back after ${of((round) => round.firstMs)} ms, ` +
        `all after ${of((round) => round.allMs)} ms; ${lost} acknowledged rows lost`,
    );
    printResult({
      bench: 'recovery',
      servers: 2,
      regions,
      log_mb: megabytes,
      value_bytes: valueBytes,
      noticed_ms: Math.round(median(rounds.map((round) => round.noticedMs))),
      total_time_ms: Math.round(median(rounds.map((round) => round.allMs))),
      lost,
    });
    if (lost > 0) process.exitCode = 1;
  }
}

await runBench(main);
