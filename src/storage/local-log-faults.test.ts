// Races and faults of logs on a disk that need a schedule of their own.

import { describe, expect, it } from 'vitest';
import { Simulation } from '../world/simulated/simulation.js';
import { Group, frameHeaderBytes, logNameCrc } from './log-frame.js';
import type { LogStore, LogWriter } from './log.js';
import { openStorage } from './root.js';
import { appendDurably, failureOf, readTexts } from './testing/log-helpers.js';
import { logsOf } from './testing/log-torture.js';

const firstSegment = '/cadastre/log/w/0000000000';

/** A simulated machine with a log `w` that a process has made. */
class Machine {
  readonly simulation: Simulation;

  constructor(seed: number | string = 'local log faults') {
    this.simulation = new Simulation(seed);
  }

  get drive(): ReturnType<Simulation['machine']>['drive'] {
    return this.simulation.machine().drive;
  }
  logs(process: string): LogStore {
    return logsOf(this.simulation.node(process));
  }
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.simulation.run(work);
  }
  async createLog(): Promise<LogWriter> {
    await this.run(() => openStorage(this.simulation.node('writer').world));
    return this.run(() => this.logs('writer').create('w'));
  }
  append(writer: LogWriter, ...texts: string[]): Promise<readonly number[]> {
    return this.run(() => appendDurably(writer, texts));
  }
  read(process: string): Promise<string[]> {
    return this.run(() => readTexts(this.logs(process), 'w'));
  }
  failure(work: () => Promise<unknown>): Promise<unknown> {
    return this.run(() => failureOf(work()));
  }
  /** Writes into the log behind its back, into the page cache only. */
  async scribble(bytes: Buffer, offset: number): Promise<void> {
    const { disk } = this.simulation.node('scribbler');
    const file = await this.run(() => disk.open(firstSegment, 'write'));
    await this.run(
      () =>
        new Promise<void>((resolve, reject) => {
          file.write(bytes, offset, (error) => (error === undefined ? resolve() : reject(error)));
        }),
    );
  }
}

function frameOf(text: string, sequence: number, offset: number): Buffer {
  const group = new Group();
  group.add(sequence, [Buffer.from(text)], text.length);
  return group.finish(logNameCrc('w'), 0, offset, sequence - 1);
}

const seeds = Array.from({ length: 20 }, (_, seed) => seed);

describe('a log on a disk under races', () => {
  it.each(seeds)(
    'race W1: what was acknowledged survives a loss of power at once (%i)',
    async (seed) => {
      const machine = new Machine(seed);
      const writer = await machine.createLog();
      await machine.append(writer, 'one', 'two');
      writer.append(Buffer.from('x'.repeat(2_000)));
      machine.simulation.crashMachine();
      expect((await machine.read('later')).slice(0, 2)).toEqual(['one', 'two']);
      const again = await machine.failure(() => machine.logs('later').create('w'));
      expect(again).toMatchObject({ code: 'object-exists' });
    },
  );

  it('race W13: a group of which only the second sector arrived is cut, for every reader', async () => {
    const machine = new Machine();
    const writer = await machine.createLog();
    await machine.append(writer, 'kept');
    const { offset } = writer.position;
    await machine.append(writer, 'x'.repeat(900));
    machine.simulation.node('writer').kill();
    const firstSector = Buffer.alloc(512);
    machine.drive.peek(firstSegment).copy(firstSector, 0, 0, offset);
    await machine.scribble(firstSector, 0);
    expect(offset).toBeGreaterThan(frameHeaderBytes);
    expect(await machine.read('r1')).toEqual(['kept']);
    const ends = await machine.run(() =>
      Promise.all(['s1', 's2', 's3'].map((name) => machine.logs(name).seal('w'))),
    );
    expect(ends.map(({ sequence }) => sequence)).toEqual([2, 2, 2]);
    expect(await machine.read('r2')).toEqual(['kept']);
  });

  it.each(seeds)(
    'race W20: what the sealer read of a dead writer survives a loss of power (%i)',
    async (seed) => {
      const machine = new Machine(seed);
      const writer = await machine.createLog();
      await machine.append(writer, 'acknowledged');
      const { offset } = writer.position;
      machine.simulation.node('writer').kill();
      await machine.scribble(frameOf('never synced', 2, offset), offset);
      const end = await machine.run(() => machine.logs('sealer').seal('w'));
      expect(end.sequence).toBe(3);
      machine.simulation.crashMachine();
      expect(await machine.run(() => machine.logs('later').seal('w'))).toEqual(end);
      expect(await machine.read('later')).toEqual(['acknowledged', 'never synced']);
    },
  );

  it('race A21: the old writer lands its last group after the end was fixed: no reader sees it', async () => {
    const machine = new Machine();
    const writer = await machine.createLog();
    await machine.append(writer, 'one');
    const { offset } = writer.position;
    const end = await machine.run(() => machine.logs('master-1').seal('w'));
    await machine.scribble(frameOf('too late', 2, offset), offset);
    expect(await machine.run(() => machine.logs('master-2').seal('w'))).toEqual(end);
    expect(await machine.read('master-2')).toEqual(['one']);
  });

  it.each(seeds)(
    'race A21: an end that was read once outlives its dead maker (%i)',
    async (seed) => {
      const machine = new Machine(seed);
      const writer = await machine.createLog();
      await machine.append(writer, 'one');
      const { offset } = writer.position;
      machine.drive.faults.failNext('unlink', { where: '/log/w/end-' });
      const died = await machine.failure(() => machine.logs('master-1').seal('w'));
      expect(died).toMatchObject({ code: 'storage-unavailable' });
      const end = await machine.run(() => machine.logs('master-2').end('w'));
      expect(end?.sequence).toBe(2);
      await machine.scribble(frameOf('too late', 2, offset), offset);
      machine.simulation.crashMachine();
      expect(await machine.run(() => machine.logs('master-3').seal('w'))).toEqual(end);
      expect(await machine.read('master-3')).toEqual(['one']);
    },
  );

  it('race A21: a reader amid the sealing sees nothing that lies beyond the end', async () => {
    const machine = new Machine();
    const writer = await machine.createLog();
    await machine.append(writer, 'one');
    const { offset } = writer.position;
    const sealer = machine.simulation.node('sealer');
    const sealing = logsOf(sealer).seal('w');
    while (machine.drive.names.find('/cadastre/log/w/end-0') === undefined) {
      await machine.simulation.runFor(0.01);
    }
    sealer.suspend();
    await machine.scribble(frameOf('landed after the sealer looked', 2, offset), offset);
    const read = await machine.read('reader');
    sealer.resume();
    const end = await machine.run(() => sealing);
    expect(read).toHaveLength(end.sequence - 1);
    expect(await machine.read('later')).toEqual(read);
  });

  it('race W3: a writer that wakes after seal and release leaves nothing and acknowledges nothing', async () => {
    const machine = new Machine();
    const writer = await machine.createLog();
    await machine.append(writer, 'x'.repeat(3_000));
    machine.simulation.node('writer').suspend();
    writer.append(Buffer.from('y'.repeat(3_000)));
    const logs = machine.logs('master');
    await machine.run(async () => logs.release('w', await logs.seal('w')));
    machine.simulation.node('writer').resume();
    const failure = await machine.run(
      () => new Promise((resolve) => writer.onFailure((error) => resolve(error))),
    );
    expect(failure).toMatchObject({ code: 'sealed' });
    expect(writer.durable).toBe(1);
    expect(await machine.read('later')).toEqual([]);
  });
});

describe('a log on a failing disk', () => {
  it('race W10: a full disk ends the writer with a clear error, and the log can be sealed', async () => {
    const machine = new Machine();
    const writer = await machine.createLog();
    await machine.append(writer, 'fits');
    machine.drive.capacityBytes = 0;
    const failure = await machine.failure(() => appendDurably(writer, ['x'.repeat(20_000)]));
    expect(failure).toMatchObject({ code: 'disk-full' });
    expect(() => writer.append(Buffer.from('more'))).toThrow(/no space/);
    machine.drive.capacityBytes = 2 ** 40;
    expect((await machine.run(() => machine.logs('next').seal('w'))).sequence).toBe(2);
  });

  it('race W10: zeros that find no room do no harm while records still fit', async () => {
    const machine = new Machine();
    const writer = await machine.createLog();
    machine.drive.capacityBytes = 0;
    for (let i = 0; i < 10; i++) await machine.append(writer, 'x'.repeat(40));
    machine.drive.capacityBytes = 2 ** 40;
    for (let i = 0; i < 100; i++) await machine.append(writer, 'y'.repeat(100));
    expect(await machine.read('reader')).toHaveLength(110);
  });

  it('race W10: a disk that turned read-only ends the writer', async () => {
    const machine = new Machine();
    const writer = await machine.createLog();
    machine.drive.isReadOnly = true;
    const failure = await machine.failure(() => appendDurably(writer, ['one']));
    expect(failure).toMatchObject({ code: 'root-unusable' });
  });

  it('a failed write ends the writer for good, whatever of it arrived', async () => {
    const machine = new Machine();
    const writer = await machine.createLog();
    await machine.append(writer, 'one');
    machine.drive.faults.failNext('write', { where: firstSegment, effect: 'whole' });
    const failure = await machine.failure(() => appendDurably(writer, ['two']));
    expect(failure).toMatchObject({ code: 'storage-unavailable' });
    expect(writer.durable).toBe(1);
    expect(() => writer.append(Buffer.from('three'))).toThrow(/failed/);
    expect(await machine.failure(() => writer.close())).toBe(failure);
    expect(await machine.read('reader')).toEqual(['one', 'two']);
  });

  it('race W10: a flipped bit before the end of an open log is named with its place', async () => {
    const machine = new Machine();
    const writer = await machine.createLog();
    await machine.append(writer, 'one');
    const { offset } = writer.position;
    await machine.append(writer, 'two');
    await machine.append(writer, 'three');
    machine.drive.corrupt(firstSegment, offset + 44);
    for (const damaged of [
      await machine.failure(() => readTexts(machine.logs('r'), 'w')),
      await machine.failure(() => machine.logs('s').seal('w')),
    ]) {
      expect(damaged).toMatchObject({
        code: 'corruption',
        details: { log: 'w', segment: 0, offset, sequence: 2 },
      });
    }
  });

  it('race W10: a sealed log is read up to the damage and not beyond', async () => {
    const machine = new Machine();
    const writer = await machine.createLog();
    for (const text of ['one', 'two', 'three']) await machine.append(writer, text);
    await machine.run(() => machine.logs('s').seal('w'));
    machine.drive.corrupt(firstSegment, 140);
    const read: string[] = [];
    const damaged = await machine.failure(async () => {
      for await (const { payload } of machine.logs('r').read('w')) read.push(payload.toString());
    });
    expect(damaged).toMatchObject({ code: 'corruption', details: { sequence: 3 } });
    expect(read).toEqual(['one', 'two']);
  });

  it('race W10: a damaged end is reported', async () => {
    const machine = new Machine();
    const writer = await machine.createLog();
    await machine.append(writer, 'one');
    await machine.run(() => machine.logs('s').seal('w'));
    machine.drive.corrupt('/cadastre/log/w/end', 12);
    const damaged = await machine.failure(() => machine.logs('r').end('w'));
    expect(damaged).toMatchObject({ code: 'corruption' });
  });

  it('a frame of another log or place is never taken for one', async () => {
    const machine = new Machine();
    const writer = await machine.createLog();
    await machine.append(writer, 'one');
    const { offset } = writer.position;
    const copy = machine.drive.peek(firstSegment).subarray(0, offset);
    await machine.append(writer, copy.toString('latin1'));
    machine.simulation.node('writer').kill();
    await machine.scribble(copy, writer.position.offset);
    expect(await machine.read('r')).toHaveLength(2);
  });
});
