// The interleavings of RACES.md that concern one region and its logs.

import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import type { Generation, RegionId, Sequence, TableId } from '../base/ids.js';
import type { LogSlice } from '../base/store-file.js';
import { familyDescriptor } from '../base/table.js';
import { LocalLogStore } from '../storage/local-log.js';
import type { ObjectStore, ObjectWriter } from '../world/object-store.js';
import type { World } from '../world/world.js';
import { simulatedRoot } from '../world/simulated/node.js';
import { Simulation } from '../world/simulated/simulation.js';
import { MemoryObjects } from './hfile/testing/memory-objects.js';
import { LogRecordBuilder } from './log-record.js';
import { readSortedLog, sortLog, type SortedLog } from './sorted-log.js';
import { MemoryLogs } from './testing/memory-log.js';
import { RegionRig, TestClock, TextSink, unlimited } from './testing/region-rig.js';
import { amount, cellAt, get, increment, put, scan } from './testing/requests.js';

async function opened(settings: Readonly<Record<string, string>> = {}): Promise<RegionRig> {
  const rig = new RegionRig({ families: [familyDescriptor('f', { versionsMax: 9 })], settings });
  await rig.open();
  return rig;
}

function values(cells: readonly string[]): string[] {
  return cells.map((text) => text.split('=')[1] ?? '');
}

const all = scan({ versionsMax: 9 });

/** A log record of one put. */
function record(region: number, sequence: number, row: string, value: string): Buffer {
  const builder = new LogRecordBuilder();
  builder.begin({
    tableId: 7 as TableId,
    regionId: region as RegionId,
    generation: 1 as Generation,
    sequence: sequence as Sequence,
    writtenAtMs: 1,
  });
  builder.addCell(cellAt(row, 'f:q', value, { timestamp: sequence }), 0);
  return Buffer.from(builder.finish());
}

function sliceOf(sorted: SortedLog, region: number, changes: Partial<LogSlice> = {}): LogSlice {
  const found = sorted.slices.find(({ regionId }) => regionId === region);
  if (found === undefined) throw new Error(`no slice of region ${region}`);
  return {
    object: sorted.object,
    origin: found.regionId,
    offset: found.offset,
    bytes: found.bytes,
    entries: found.entries,
    skipUpTo: 0 as Sequence,
    sequenceMax: found.sequenceMax,
    clip: undefined,
    ...changes,
  };
}

function logsOf({ root, clock }: World): LocalLogStore {
  if (root.kind !== 'local') throw new Error('a local root');
  return new LocalLogStore({ disk: root.disk, root: root.directory, clock });
}

/** An object store whose finishing fails as the test says, before or after the object is there. */
function failingOnFinish(objects: ObjectStore, failures: ('before' | 'after')[]): ObjectStore {
  return new Proxy(objects, {
    get(target, name) {
      if (name === 'createWriter') {
        return async (key: string): Promise<ObjectWriter> => {
          const writer = await target.createWriter(key);
          return {
            write: (bytes) => writer.write(bytes),
            abort: () => writer.abort(),
            finish: async () => {
              const failure = failures.shift();
              if (failure !== 'before') await writer.finish();
              if (failure !== undefined) throw new CadastreError('storage-unavailable', 'time-out');
            },
          };
        };
      }
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

describe('sorting a log', () => {
  const options = (logs: MemoryLogs, objects: ObjectStore, object: string) => ({
    logs,
    objects,
    clock: new TestClock(),
    name: '1',
    object,
    skip: new Map([[2 as RegionId, 3 as Sequence]]),
    isOwned: (_table: TableId, region: RegionId) => region !== 9,
  });
  const filled = (): MemoryLogs => {
    const logs = new MemoryLogs();
    const writer = logs.open('1');
    for (let sequence = 1; sequence <= 5; sequence++) {
      for (const region of [3, 1, 9, 2]) {
        writer.append(record(region, sequence, `r${sequence}`, `${region}.${sequence}`));
      }
    }
    return logs;
  };

  it('run by two servers, or again after a kill, gives the same edits once (race W4)', async () => {
    const logs = filled();
    const objects = new MemoryObjects();
    const [one, two] = await Promise.all([
      sortLog(options(logs, objects, 'data/1')),
      sortLog(options(logs, objects, 'data/2')),
    ]);
    expect(objects.bytes.get('data/1')).toEqual(objects.bytes.get('data/2'));
    expect(one.slices).toEqual(two.slices);
    expect(one.slices.map(({ regionId, entries }) => [regionId, entries])).toEqual([
      [1, 5],
      [2, 2],
      [3, 5],
    ]);
    // Killed before it was finished: nothing is there. Run again under a name that is taken: the same.
    const killed = failingOnFinish(objects, ['before']);
    await expect(sortLog(options(logs, killed, 'data/3'))).rejects.toThrow('time-out');
    expect(objects.bytes.has('data/3')).toBe(false);
    expect(await sortLog(options(logs, objects, 'data/1'))).toEqual(one);
    expect(await readSortedLog(objects, 'data/1')).toEqual(one);
  });

  it('gives the bytes it always gave (golden file of version 1)', async () => {
    const objects = new MemoryObjects();
    await sortLog(options(filled(), objects, 'data/1'));
    const hex = `${objects.bytes.get('data/1')?.toString('hex') ?? ''}\n`;
    await expect(hex).toMatchFileSnapshot('testdata/sorted-log-1.hex');
  });

  it('finds every flipped bit of the object (race W10)', async () => {
    const objects = new MemoryObjects();
    const sorted = await sortLog(options(filled(), objects, 'data/1'));
    const bytes = objects.bytes.get('data/1') as Buffer;
    for (let at = 0; at < bytes.length; at += 3) {
      bytes[at] = (bytes[at] as number) ^ 4;
      const read = async (): Promise<void> => {
        await readSortedLog(objects, 'data/1');
        const rig = new RegionRig({ families: [familyDescriptor('f')], objects });
        for (const region of [1, 2, 3]) {
          rig.catalog.slices = [sliceOf(sorted, region)];
          await rig.open();
        }
      };
      await expect(read()).rejects.toMatchObject({ code: 'corruption' });
      bytes[at] = (bytes[at] as number) ^ 4;
    }
  });

  it('cuts a torn tail at the same place for every reader (race W13)', async () => {
    const results = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      const simulation = new Simulation(seed);
      const node = simulation.node('server');
      const { disk } = node;
      await simulation.run(disk.makeDirectory(simulatedRoot).then(() => disk.syncDirectory('/')));
      const writer = await simulation.run(logsOf(node.world).create('1'));
      let acknowledged = 0;
      for (let sequence = 1; sequence <= 40; sequence++) {
        const number = writer.append(record(1, sequence, `r${sequence}`, 'v'.repeat(300)));
        writer.whenDurable(number, () => (acknowledged = sequence));
      }
      await simulation.runFor(seed / 4);
      simulation.crashMachine();
      const sort = async (name: string): Promise<SortedLog> => {
        const { world } = simulation.node(name);
        const own = logsOf(world);
        await own.seal('1');
        return sortLog({
          logs: own,
          objects: world.root.objects,
          clock: world.clock,
          name: '1',
          object: `data/00/${name}`,
          skip: new Map(),
          isOwned: () => true,
        });
      };
      const [one, two] = await simulation.run(Promise.all([sort('a'), sort('b')]));
      expect(one.slices).toEqual(two.slices);
      expect(one.crc32).toBe(two.crc32);
      const entries = one.slices[0]?.entries ?? 0;
      expect(entries).toBeGreaterThanOrEqual(acknowledged);
      results.add(`${entries}`);
    }
    expect(results.size).toBeGreaterThan(1);
  });
});

describe('a flush', () => {
  it('that was taken just before the crash gives no duplicate and loses no edit (race W5)', async () => {
    const rig = await opened();
    await rig.mutate(put('r', 'f:q', 'flushed', 1));
    const before = rig.region.readPoint;
    rig.catalog.failures.push('lost');
    rig.log.isHeld = true;
    rig.region.mutate(put('r', 'f:q', 'tail', 2), undefined, () => undefined);
    rig.log.settle();
    await rig.region.flush();
    rig.region.mutate(put('r', 'f:q', 'after', 3), undefined, () => undefined);
    rig.log.settle();
    await rig.crash();
    expect(values((await rig.scan(all)).flat())).toEqual(['after', 'tail', 'flushed']);
    const raw = (await rig.scan(scan({ raw: true, versionsMax: 9 }))).flat();
    expect(raw).toHaveLength(3);
    expect(rig.region.openSequence).toBeGreaterThan(before + 2);
  });

  it('is committed only when all it holds is durable (L4)', async () => {
    const rig = await opened();
    rig.log.isHeld = true;
    rig.region.mutate(put('r', 'f:q', 'v'), undefined, () => undefined);
    const flushing = rig.region.flush();
    for (let i = 0; i < 50; i++) await Promise.resolve();
    expect(rig.catalog.commits).toHaveLength(0);
    rig.log.settle();
    await flushing;
    expect(rig.catalog.commits).toHaveLength(1);
  });

  it('that arrives after the region moved is refused, and the region serves no more (race W7)', async () => {
    const rig = await opened();
    await rig.mutate(put('r', 'f:q', 'v'));
    const scanner = rig.region.openScanner(scan());
    rig.catalog.newGeneration();
    await expect(rig.region.flush()).rejects.toMatchObject({ code: 'stale-generation' });
    expect(rig.region.state).toBe('fenced');
    expect(rig.fenced).toHaveLength(1);
    expect(rig.catalog.files).toEqual([]);
    await expect(rig.get(get('r'))).rejects.toMatchObject({ code: 'region-not-serving' });
    await expect(rig.mutate(put('r', 'f:q', 'w'))).rejects.toMatchObject({
      code: 'region-not-serving',
    });
    expect(() => scanner.next(unlimited, new TextSink())).toThrow(CadastreError);
    await rig.region.close({ flush: true });
    // The log still has the edit: whoever recovers it finds it.
    expect(rig.host.status.logBytesNeeded).toBeGreaterThan(0);
  });

  it('whose object has an unclear outcome is written again under a new name (race W8)', async () => {
    const objects = new MemoryObjects();
    const failures: ('before' | 'after')[] = ['before', 'after'];
    const rig = new RegionRig({
      families: [familyDescriptor('f')],
      objects: failingOnFinish(objects, failures),
    });
    await rig.open();
    await rig.mutate(put('r', 'f:q', 'v'));
    await rig.region.flush();
    expect(failures).toEqual([]);
    expect(rig.catalog.files).toHaveLength(1);
    // One orphan, which nothing refers to.
    expect(objects.bytes.size).toBe(2);
    await rig.crash();
    expect(values(await rig.get(get('r')))).toEqual(['v']);
  });

  it('whose reply was lost is repeated under its number and has no second effect (race W14)', async () => {
    const rig = await opened();
    for (const value of ['1', '2', '3']) {
      await rig.mutate(put('r', 'f:q', value));
      rig.catalog.failures.push('lost', 'before', 'lost');
      await rig.region.flush();
    }
    expect(rig.catalog.commits).toHaveLength(3);
    expect(rig.catalog.files).toHaveLength(3);
  });

  it('keeps what was set aside readable, and the log needed, until it was taken', async () => {
    const rig = await opened();
    await rig.mutate(put('r', 'f:q', 'old', 1));
    const low = rig.host.status.logLowPosition.sequence;
    const flushing = rig.region.flush();
    await rig.mutate(put('r', 'f:q', 'new', 2));
    expect(values((await rig.scan(all)).flat())).toEqual(['new', 'old']);
    expect(rig.host.status.logLowPosition.sequence).toBe(low);
    await flushing;
    expect(rig.host.status.logLowPosition.sequence).toBe(low + 1);
    expect(values((await rig.scan(all)).flat())).toEqual(['new', 'old']);
  });
});

describe('a compaction', () => {
  it('committed while a scan reads its inputs does not disturb it (race W6)', async () => {
    const rig = await opened();
    for (let file = 0; file < 2; file++) {
      for (let row = 0; row < 50; row++) await rig.mutate(put(`r${row + 10}`, 'f:q', `${file}`));
      await rig.region.flush();
      rig.clock.advance(1);
    }
    const scanner = rig.region.openScanner(scan({ cacheBlocks: false }));
    const sink = new TextSink();
    const page = { ...unlimited, results: 10 };
    await scanner.next(page, sink);
    expect(rig.host.status.oldestRevisionInUse).toBeUndefined();
    const before = rig.catalog.revision;
    await rig.region.compact({ major: true });
    expect(rig.catalog.files).toHaveLength(1);
    // The horizon holds the inputs: what was dropped after this revision may still be read.
    expect(rig.host.status.oldestRevisionInUse).toBe(before);
    while ((await scanner.next(page, sink)) !== 'exhausted');
    expect(sink.results).toHaveLength(50);
    expect(new Set(values(sink.cells))).toEqual(new Set(['1']));
    expect(rig.host.status.oldestRevisionInUse).toBeUndefined();
    expect(await rig.scan(scan())).toHaveLength(50);
  });

  it('of a file shared under a clip never brings back what lies outside of it (race W15)', async () => {
    const rig = await opened();
    for (const row of ['a', 'm', 'z']) await rig.mutate(put(row, 'f:q', 'old'));
    await rig.region.flush();
    const [file] = rig.catalog.files;
    if (file === undefined) throw new Error('a file');
    await rig.region.close({ flush: true });
    // The parent's rows from m on were compacted away by a daughter, then the two were merged.
    rig.catalog.files = [
      { ...file, clip: { startKey: Buffer.from('a'), endKey: Buffer.from('m') } },
    ];
    rig.catalog.newGeneration();
    await rig.open();
    const rows = async (changes = {}): Promise<string[]> =>
      (await rig.scan(scan(changes))).flat().map((text) => text.slice(0, 1));
    expect(await rows()).toEqual(['a']);
    expect(await rows({ reversed: true })).toEqual(['a']);
    expect(await rows({ startRow: Buffer.from('m') })).toEqual([]);
    expect(await rig.get(get('m'))).toEqual([]);
    await rig.region.compact({ major: true });
    expect(rig.catalog.files.map(({ clip, entries }) => [clip, entries])).toEqual([[undefined, 1]]);
    expect(await rows()).toEqual(['a']);
  });
});

describe('a retried increment', () => {
  const nonce = { group: '18446744073709551615', nonce: '12345678901234567890' };

  it('is applied once when the server crashed after applying it (race W11, R-D1)', async () => {
    const rig = await opened();
    await rig.mutate(increment('r', 'f:n', 5, nonce));
    await rig.crash();
    const { cells } = await rig.mutate(increment('r', 'f:n', 5, nonce));
    expect(cells.map((cell) => cell.value)).toEqual([amount(5)]);
    await rig.mutate(increment('r', 'f:n', 5, { ...nonce, nonce: '7' }));
    expect(await rig.get(get('r'))).toEqual([
      expect.stringContaining(amount(10).toString('latin1')),
    ]);
  });

  it('is applied once when it was flushed, the server crashed, and again after a move (race W19)', async () => {
    const rig = await opened();
    await rig.mutate(increment('r', 'f:n', 5, nonce));
    await rig.region.flush();
    await rig.crash();
    await rig.mutate(increment('r', 'f:n', 5, nonce));
    await rig.move({ flush: true });
    const { cells } = await rig.mutate(increment('r', 'f:n', 5, nonce));
    expect(cells.map((cell) => cell.value)).toEqual([amount(5)]);
  });

  it('is applied once when it comes while the first is not durable yet, and answered after it', async () => {
    const rig = await opened();
    rig.log.isHeld = true;
    const answers: string[] = [];
    for (const name of ['first', 'second']) {
      rig.region.mutate(increment('r', 'f:n', 5, nonce), undefined, (_, result) => {
        answers.push(`${name} ${result?.cells[0]?.value.readInt32BE(4)}`);
      });
    }
    expect(answers).toEqual([]);
    rig.log.settle();
    expect(answers).toEqual(['first 5', 'second 5']);
  });

  it('is a new one after ten minutes', async () => {
    const rig = await opened();
    await rig.mutate(increment('r', 'f:n', 5, nonce));
    rig.clock.advance(10 * 60_000 + 1);
    const { cells } = await rig.mutate(increment('r', 'f:n', 5, nonce));
    expect(cells.map((cell) => cell.value)).toEqual([amount(10)]);
  });
});

describe('the log', () => {
  it('is not pinned by one idle region: at the cap the oldest edits are flushed (race W12)', async () => {
    const rig = new RegionRig({
      families: [familyDescriptor('f')],
      settings: { 'cadastre.log.bytes': '16m' },
    });
    await rig.open();
    await rig.mutate(put('idle', 'f:q', 'v'));
    // Another region of the server writes on.
    const other = await rig.openOther();
    const value = 'v'.repeat(100_000);
    for (let i = 0; i < 400; i++) {
      await new Promise<void>((resolve) =>
        other.mutate(put(`r${i % 20}`, 'f:q', value), undefined, () => resolve()),
      );
      await rig.idle();
      expect(rig.host.status.logBytesNeeded).toBeLessThan(20 * 2 ** 20);
    }
    expect(rig.catalog.files).toHaveLength(1);
  });

  it('replays the slice of a merged parent although the other was flushed far beyond (race W17)', async () => {
    const logs = new MemoryLogs();
    const writer = logs.open('1');
    for (let sequence = 101; sequence <= 150; sequence++) {
      writer.append(record(3, sequence, `b${sequence}`, 'replayed'));
    }
    const rig = await opened();
    const sorted = await sortLog({
      logs,
      objects: rig.objects,
      clock: rig.clock,
      name: '1',
      object: 'data/sorted',
      skip: new Map(),
      isOwned: () => true,
    });
    await rig.mutate(put('a', 'f:q', 'flushed'));
    await rig.region.flush();
    await rig.region.close({ flush: true });
    const flushed = 500 as Sequence;
    rig.catalog.files = rig.catalog.files.map((file) => ({ ...file, sequenceMax: flushed }));
    rig.catalog.flushed = flushed;
    rig.catalog.slices = [sliceOf(sorted, 3, { skipUpTo: 120 as Sequence })];
    rig.catalog.newGeneration();
    await rig.open();
    expect(rig.region.openSequence).toBe(501);
    expect(await rig.scan(scan())).toHaveLength(31);
    await rig.region.flush();
    expect(rig.catalog.slices).toEqual([]);
    await rig.crash();
    expect(await rig.scan(scan())).toHaveLength(31);
  });

  it('gives each daughter exactly its own edits, and again after another crash (race W16)', async () => {
    const logs = new MemoryLogs();
    const writer = logs.open('1');
    for (let i = 0; i < 26; i++) {
      writer.append(record(3, i + 1, String.fromCharCode(97 + i), `v${i}`));
    }
    const clip = { startKey: Buffer.from('m'), endKey: Buffer.from('t') };
    const rig = new RegionRig({ families: [familyDescriptor('f')], startKey: 'm', endKey: 't' });
    const sorted = await sortLog({
      logs,
      objects: rig.objects,
      clock: rig.clock,
      name: '1',
      object: 'data/sorted',
      skip: new Map(),
      isOwned: () => true,
    });
    rig.catalog.slices = [sliceOf(sorted, 3, { clip })];
    await rig.open();
    const rows = async (): Promise<string> =>
      (await rig.scan(scan())).map(([text]) => text?.slice(0, 1)).join('');
    expect(await rows()).toBe('mnopqrs');
    await rig.mutate(put('p', 'f:q', 'new'));
    await rig.crash();
    expect(await rows()).toBe('mnopqrs');
    expect(values(await rig.get(get('p')))).toEqual(['new']);
  });
});
