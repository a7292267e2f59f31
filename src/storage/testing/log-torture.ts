// A log under torture, from a seed: one process appends while it may be suspended, killed or lose its
// power, others seal and read at random moments; then the promises of `log.ts` are checked.

import { expect } from 'vitest';
import { hasErrorCode } from '../error-code.js';
import { LocalLogStore } from '../local-log.js';
import type { LogPosition, LogStore, LogWriter } from '../log.js';
import { ObjectLogStore } from '../object-log.js';
import { openStorage } from '../root.js';
import type { SimNode } from '../../world/simulated/node.js';
import { Simulation } from '../../world/simulated/simulation.js';
import type { SimRandom } from '../../world/simulated/random.js';

export type TortureKind = 'local' | 'objects';

/** What the writing process did, as an observer who survives it knows. */
interface Observed {
  readonly appended: string[];
  acknowledged: number;
}

/** The logs as a node sees them; segments are small, so that they are left often. */
export function logsOf(node: SimNode): LogStore {
  const { clock, random, root } = node.world;
  if (root.kind === 'objects') return new ObjectLogStore({ objects: root.objects, clock, random });
  const sizes = { segmentBytes: 4_096, fillBytes: 1_024 };
  return new LocalLogStore({ disk: root.disk, root: root.directory, clock, ...sizes });
}

/** Appends in bursts for as long as the writer lives. */
async function keepAppending(
  node: SimNode,
  random: SimRandom,
  writer: LogWriter,
  observed: Observed,
): Promise<void> {
  const failed = new AbortController();
  writer.onFailure(() => failed.abort());
  while (!failed.signal.aborted) {
    for (let burst = random.below(6); burst >= 0; burst--) {
      const payload = `${observed.appended.length + 1}`.padEnd(random.below(900), '.');
      observed.appended.push(payload);
      const number = writer.append(Buffer.from(payload));
      writer.whenDurable(number, () => {
        expect(number).toBe(observed.acknowledged + 1);
        observed.acknowledged = number;
      });
    }
    await node.clock.sleep(random.below(4) + 1);
  }
}

async function readAll(logs: LogStore): Promise<string[]> {
  const texts: string[] = [];
  for await (const { payload, sequence } of logs.read('w')) {
    texts.push(payload.toString('utf8'));
    expect(sequence).toBe(texts.length);
  }
  return texts;
}

/** Seals and reads; what it saw before is still there at the end. */
async function sealAndRead(node: SimNode, observed: Observed): Promise<LogPosition> {
  const logs = logsOf(node);
  const early = await readAll(logs);
  const end = await logs.seal('w');
  const acknowledgedAtSeal = observed.acknowledged;
  const late = await readAll(logs);
  expect(late.length).toBe(end.sequence - 1);
  expect(late.slice(0, early.length)).toEqual(early);
  expect(late).toEqual(observed.appended.slice(0, late.length));
  expect(acknowledgedAtSeal).toBeLessThan(end.sequence);
  return end;
}

/** Runs the story of a seed. */
export async function tortureLog(kind: TortureKind, seed: number): Promise<void> {
  const simulation = new Simulation(seed);
  const random = simulation.random.fork('torture');
  const observed: Observed = { appended: [], acknowledged: 0 };
  if (kind === 'objects') makeUnclear(simulation, random);
  const node = (name: string): SimNode => simulation.node(name, { root: kind });
  const writerNode = node('writer');
  await simulation.run(() => openStorage(writerNode.world));
  const writer = await simulation.run(() => logsOf(writerNode).create('w'));
  // It may end anyhow; a killed process's promises never settle.
  keepAppending(writerNode, random.fork('writer'), writer, observed).catch(() => undefined);
  await simulation.runFor(random.below(kind === 'local' ? 60 : 600));
  await slowDown(simulation, random);
  const fate = random.pick(['lives', 'is suspended', 'is killed', 'loses power']);
  if (fate === 'is suspended') writerNode.suspend();
  if (fate === 'is killed') writerNode.kill();
  if (fate === 'loses power') {
    writerNode.kill();
    simulation.crashMachine();
  }
  const ends = await simulation.run(() => {
    const sealers = ['sealer-1', 'sealer-2', 'sealer-3'].slice(0, 1 + random.below(3));
    return Promise.all(sealers.map((name) => sealAndRead(node(name), observed)));
  });
  writerNode.resume();
  await simulation.runFor(5_000);
  simulation.crashMachine();
  const end = await simulation.run(() => sealAndRead(node('later'), observed));
  for (const earlier of ends) expect(earlier).toEqual(end);
  expect(observed.acknowledged).toBeLessThan(end.sequence);
}

/** Lets writes linger that are on their way when the sealers come. */
async function slowDown(simulation: Simulation, random: SimRandom): Promise<void> {
  const { drive } = simulation.machine();
  const { bucket } = simulation;
  const [driveMs, bucketMs] = [drive.delayMs, bucket.delayMs];
  drive.delayMs = [driveMs[0], random.pick([1, 20, 60])];
  bucket.delayMs = [bucketMs[0], random.pick([30, 500])];
  await simulation.runFor(random.below(30));
  drive.delayMs = driveMs;
  bucket.delayMs = bucketMs;
}

function makeUnclear(simulation: Simulation, random: SimRandom): void {
  const { faults } = simulation.bucket;
  const share = random.pick([0, 0.02, 0.1]);
  for (const request of ['create', 'get', 'list'] as const) faults.failAtRate(request, share);
}

/** Flips one bit of a log's file or object: what is read then is right, or reported as damage. */
export async function damageLog(kind: TortureKind, seed: number): Promise<void> {
  const simulation = new Simulation(seed);
  const random = simulation.random.fork('damage');
  const node = simulation.node('one', { root: kind });
  const logs = logsOf(node);
  const texts = Array.from({ length: 60 }, (_, i) => `${i}`.padEnd(random.below(400), '#'));
  await simulation.run(async () => {
    const writer = await logs.create('w');
    for (let i = 0; i < texts.length; i += 3) {
      for (const text of texts.slice(i, i + 3)) writer.append(Buffer.from(text));
      const number = writer.appended;
      await new Promise<void>((resolve) => writer.whenDurable(number, resolve));
    }
    await writer.close();
  });
  const isSealed = random.chance(0.5);
  if (isSealed) await simulation.run(() => logs.seal('w'));
  flipOneBit(simulation, kind, random);
  const read: string[] = [];
  let damage: unknown;
  await simulation.run(async () => {
    try {
      for await (const { payload } of logs.read('w')) read.push(payload.toString('utf8'));
    } catch (error) {
      damage = error;
    }
  });
  expect(read).toEqual(texts.slice(0, read.length));
  if (damage !== undefined) expect(hasErrorCode(damage, 'corruption')).toBe(true);
  // Of an open log on a disk, the last group may be taken for a torn tail: nobody knows better.
  const mayBeCut = kind === 'local' && !isSealed ? 3 : 0;
  if (damage === undefined) expect(read.length).toBeGreaterThanOrEqual(texts.length - mayBeCut);
}

function flipOneBit(simulation: Simulation, kind: TortureKind, random: SimRandom): void {
  if (kind === 'objects') {
    const infos = simulation.bucket.list('log/w/', '', 1_000);
    const { key, bytes } = infos[random.below(infos.length)] ?? { key: '', bytes: 0 };
    const damaged = Buffer.from(simulation.bucket.find(key) ?? []);
    const at = random.below(bytes);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << random.below(8));
    simulation.bucket.set(key, damaged);
    return;
  }
  const { drive } = simulation.machine();
  const segments = [0, 1, 2].map((number) => `/cadastre/log/w/000000000${number}`);
  const path = random.pick(['/cadastre/log/w/end', ...segments]);
  if (drive.names.find(path) === undefined) return;
  drive.corrupt(path, random.below(drive.peek(path).length));
}
