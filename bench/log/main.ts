// `bench log`: durable records a second of a fenced log on a real directory, beside a bare loop of
// write + fdatasync that commits as many records at a time, in turn in the same run.
//
// The bare loop is what a program without a log format would do: one thread, synchronous calls, one
// buffer of the records' bytes appended to a file, then fdatasync. It does nothing else.
//
// Options: --seconds of one round (2), --repeat rounds (5), --dir (a temporary directory there).
// Needs a quiet disk: other writers' syncs slow both sides, but not evenly.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { LocalLogStore } from '../../src/storage/local-log.js';
import { NodeClock } from '../../src/world/real/clock.js';
import { NodeDisk } from '../../src/world/real/disk.js';

const payloadBytes = 100;
const inFlights = [1, 64, 256];

interface Round {
  readonly recordsPerS: number;
  readonly groups: number;
}

/** Keeps `inFlight` appends going, each followed by the next as soon as it is durable. */
async function logRound(directory: string, inFlight: number, seconds: number): Promise<Round> {
  const logs = new LocalLogStore({ disk: new NodeDisk(), root: directory, clock: new NodeClock() });
  const writer = await logs.create('bench');
  const payload = Buffer.alloc(payloadBytes, 0x61);
  const started = performance.now();
  const until = started + seconds * 1_000;
  let groups = 0;
  let lastDurable = 0;
  await new Promise<void>((resolve, reject) => {
    writer.onFailure(reject);
    let running = inFlight;
    const append = (): void => {
      writer.whenDurable(writer.append(payload), durable);
    };
    const durable = (): void => {
      if (writer.durable !== lastDurable) {
        groups++;
        lastDurable = writer.durable;
      }
      if (performance.now() < until) append();
      else if (--running === 0) resolve();
    };
    for (let i = 0; i < inFlight; i++) append();
  });
  const elapsedS = (performance.now() - started) / 1_000;
  await writer.close();
  return { recordsPerS: writer.durable / elapsedS, groups };
}

function bareRound(directory: string, inFlight: number, seconds: number): Round {
  const file = fs.openSync(path.join(directory, 'bare'), 'wx');
  const bytes = Buffer.alloc(inFlight * payloadBytes, 0x61);
  const started = performance.now();
  const until = started + seconds * 1_000;
  let groups = 0;
  while (performance.now() < until) {
    fs.writeSync(file, bytes);
    fs.fdatasyncSync(file);
    groups++;
  }
  const elapsedS = (performance.now() - started) / 1_000;
  fs.closeSync(file);
  return { recordsPerS: (groups * inFlight) / elapsedS, groups };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function range(values: readonly number[]): string {
  const low = Math.min(...values).toFixed(0);
  const high = Math.max(...values).toFixed(0);
  return `${median(values).toFixed(0)} (${low} to ${high})`;
}

async function inFreshDirectory<T>(parent: string, run: (at: string) => Promise<T>): Promise<T> {
  const directory = fs.mkdtempSync(path.join(parent, 'cadastre-bench-log-'));
  try {
    return await run(directory);
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new Error(`--${option} takes a number above 0, not "${text}"`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '2' },
      repeat: { type: 'string', default: '5' },
      dir: { type: 'string', default: os.tmpdir() },
    },
  });
  const seconds = positive('seconds', values.seconds);
  const repeat = positive('repeat', values.repeat);
  await inFreshDirectory(values.dir, (at) => logRound(at, 256, seconds / 2)); // warm-up
  for (const inFlight of inFlights) {
    const log: number[] = [];
    const bare: number[] = [];
    const ratios: number[] = [];
    for (let round = 0; round < repeat; round++) {
      const ours = await inFreshDirectory(values.dir, (at) => logRound(at, inFlight, seconds));
      const theirs = await inFreshDirectory(values.dir, async (at) =>
        bareRound(at, inFlight, seconds),
      );
      log.push(ours.recordsPerS);
      bare.push(theirs.recordsPerS);
      ratios.push(ours.recordsPerS / theirs.recordsPerS);
      const batch = (ours.recordsPerS * seconds) / ours.groups;
      console.log(
        `${inFlight} in flight, round ${round + 1}: log ${ours.recordsPerS.toFixed(0)} records/s` +
          ` in groups of ${batch.toFixed(1)}, bare ${theirs.recordsPerS.toFixed(0)} records/s`,
      );
    }
    console.log(`${inFlight} in flight: log ${range(log)}, bare ${range(bare)} records/s`);
    console.log(
      `RESULT [bench=log, in_flight=${inFlight}, records_per_s=${median(log).toFixed(0)}, ` +
        `bare_records_per_s=${median(bare).toFixed(0)}, ratio=${median(ratios).toFixed(2)}]`,
    );
  }
}

await main();
