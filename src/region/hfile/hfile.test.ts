import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';

import type { CellParts, CellType } from '../../base/cell.js';
import { Cell, compareCells, compareKeys, makeCell } from '../../base/cell.js';
import { crc32 } from '../../base/hash.js';
import type { HFileWriterOptions } from './api.js';
import { allCells, current, makeFile, plainOptions, rest, show } from './testing/files.js';
import { MemoryObjects } from './testing/memory-objects.js';
import { createHFile } from './writer.js';

const family = Buffer.from('cf');
const types: readonly CellType[] = [4, 8, 10, 12, 14];

/** A few short rows and qualifiers, so that cells meet in all ways. */
const shortBytes = fc
  .array(fc.constantFrom(0, 1, 97, 98, 254, 255), { maxLength: 4 })
  .map((bytes) => Buffer.from(bytes));
const cells = fc
  .record({
    row: shortBytes.filter((row) => row.length > 0),
    qualifier: shortBytes,
    timestamp: fc.oneof(
      fc.integer({ min: 0, max: 3 }),
      fc.constant('latest' as const),
      fc.record({ high: fc.nat(0x7fffffff), low: fc.nat(0xffffffff) }),
    ),
    type: fc.constantFrom(...types),
    value: fc.uint8Array({ maxLength: 40 }),
    tags: fc.oneof(
      fc.constant(new Uint8Array(0)),
      fc
        .uint8Array({ minLength: 1, maxLength: 9 })
        .map((tag) => Buffer.from([0, tag.length, ...tag])),
    ),
    sequence: fc.oneof(fc.nat(200), fc.maxSafeNat()),
  })
  .map(({ sequence, ...parts }) => makeCell({ family, ...parts } satisfies CellParts, sequence));
const manyCells = fc
  .uniqueArray(cells, {
    maxLength: 120,
    comparator: (a, b) => compareCells(a, b) === 0,
  })
  .map((list) => list.sort(compareCells));

const writerOptions: fc.Arbitrary<Partial<HFileWriterOptions>> = fc.record({
  blockBytes: fc.constantFrom(1, 64, 300, 65_536),
  indexBlockBytes: fc.constantFrom(64, 500, 131_072),
  bloomChunkBytes: fc.constantFrom(128, 131_072),
  compression: fc.constantFrom('none', 'gzip'),
  bloom: fc.constantFrom('none', 'row', 'rowcol'),
});

function numbered(count: number, valueBytes = 10): Cell[] {
  return Array.from({ length: count }, (_, i) =>
    makeCell(
      {
        row: Buffer.from(`row-${String(i).padStart(8, '0')}`),
        family,
        qualifier: Buffer.from('q'),
        timestamp: 1_000_000 + i,
        type: 4,
        value: Buffer.alloc(valueBytes, i),
      },
      i + 1,
    ),
  );
}

describe('a store file (R-D4)', () => {
  it('gives back exactly the cells it was made of, whatever the options', async () => {
    await fc.assert(
      fc.asyncProperty(manyCells, writerOptions, fc.boolean(), async (list, options, isStream) => {
        const made = await makeFile(list, options);
        const reader = await made.open();
        const readType = isStream ? 'stream' : 'pread';
        const read = await allCells(reader, { readType, cacheBlocks: !isStream });
        expect(read.map(show)).toEqual(list.map(show));
        expect(reader.entries).toBe(list.length);
        expect(made.summary.bytes).toBe(made.file.bytes);
        expect(made.summary.crc32).toBe(crc32(made.objects.bytes.get('f') as Buffer));
        const [first, last] = [list[0], list.at(-1)];
        expect(reader.firstKey.equals(first === undefined ? Buffer.of() : keyOf(first))).toBe(true);
        expect(reader.lastKey.equals(last === undefined ? Buffer.of() : keyOf(last))).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('is sought like a sorted array, forward and backward, from any position', async () => {
    await fc.assert(
      fc.asyncProperty(
        manyCells,
        writerOptions,
        fc.array(fc.tuple(cells, fc.constantFrom('seek', 'before', 'next')), { maxLength: 20 }),
        async (list, options, moves) => {
          const reader = await (await makeFile(list, options)).open();
          const cursor = reader.cursor({ readType: 'pread', cacheBlocks: true });
          let at = -1;
          for (const [key, move] of moves) {
            if (move === 'next') {
              if (!cursor.valid) continue;
              at++;
              await cursor.next();
            } else {
              const first = list.findIndex((cell) => compareKeys(cell, key) >= 0);
              at = first === -1 ? list.length : first;
              if (move === 'before') at--;
              await (move === 'seek' ? cursor.seek(key) : cursor.seekBefore(key));
            }
            expect(show(current(cursor))).toBe(show(list[at]));
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('never denies a row or column it has (bloom filters)', async () => {
    await fc.assert(
      fc.asyncProperty(manyCells, writerOptions, async (list, options) => {
        const reader = await (await makeFile(list, options)).open();
        for (const cell of list) {
          expect(await reader.mayContainRow(cell.row)).toBe(true);
          expect(await reader.mayContainColumn(cell.row, cell.qualifier)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('denies absent rows and columns mostly: false positives stay near one in a hundred', async () => {
    const list = numbered(20_000);
    for (const bloom of ['row', 'rowcol'] as const) {
      const reader = await (await makeFile(list, { bloom, bloomChunkBytes: 4096 })).open();
      let wrong = 0;
      for (let i = 0; i < 10_000; i++) {
        const row = Buffer.from(`row-${String(i).padStart(8, '0')}x`);
        if (await reader.mayContainColumn(row, Buffer.from('q'))) wrong++;
      }
      expect(wrong).toBeGreaterThan(0);
      expect(wrong).toBeLessThan(250);
    }
  });

  it('is found by column when all it has of the row is a marker that deletes the family', async () => {
    const marker = makeCell(
      {
        row: Buffer.from('r'),
        family,
        qualifier: Buffer.of(),
        timestamp: 5,
        type: 14,
        value: Buffer.of(),
      },
      1,
    );
    const reader = await (await makeFile([marker], { bloom: 'rowcol' })).open();
    expect(await reader.mayContainColumn(Buffer.from('r'), Buffer.from('any'))).toBe(true);
    expect(reader.timestampMin).toBe(0);
  });

  it('keeps cells of one key in one block, so that a seek finds the newest', async () => {
    const list = Array.from({ length: 50 }, (_, i) =>
      makeCell(
        {
          row: Buffer.from('r'),
          family,
          qualifier: Buffer.from('q'),
          timestamp: 7,
          type: 4,
          value: Buffer.alloc(20),
        },
        50 - i,
      ),
    );
    const reader = await (await makeFile(list, { blockBytes: 64 })).open();
    const cursor = reader.cursor({ readType: 'pread', cacheBlocks: true });
    await cursor.seek(list[0] as Cell);
    expect(cursor.sequence).toBe(50);
    expect(await rest(cursor)).toHaveLength(50);
  });

  it('holds values larger than its blocks', async () => {
    const list = numbered(20, 65_536);
    for (const compression of ['none', 'gzip'] as const) {
      const reader = await (await makeFile(list, { compression, blockBytes: 1024 })).open();
      expect((await allCells(reader)).map(show)).toEqual(list.map(show));
    }
  });

  it('grows an index of several levels and finds every cell through it', async () => {
    const list = numbered(5_000);
    const made = await makeFile(list, { blockBytes: 64, indexBlockBytes: 256 });
    const reader = await made.open();
    for (let i = 0; i < list.length; i += 97) {
      const cursor = reader.cursor({ readType: 'pread', cacheBlocks: true });
      await cursor.seek(list[i] as Cell);
      expect(show(current(cursor))).toBe(show(list[i]));
      await cursor.seekBefore(list[i] as Cell);
      expect(show(current(cursor))).toBe(show(list[i - 1]));
    }
    const middle = (await reader.midKey()) as Buffer;
    const order = list.findIndex((cell) => cell.row.compare(middle.subarray(2, 14)) >= 0);
    expect(Math.abs(order - 2_500)).toBeLessThan(10);
  });

  it('refuses cells out of order, and tags where none may be', async () => {
    const [a, b] = numbered(2) as [Cell, Cell];
    const writer = createHFile(await new MemoryObjects().createWriter('f'), plainOptions);
    await writer.appendCell(b);
    expect(() => writer.appendCell(a)).toThrow('in order');
    const bare = createHFile(await new MemoryObjects().createWriter('f'), {
      ...plainOptions,
      withTags: false,
    });
    const tagged = new Cell(a.buffer, 0, a.keyLength, a.valueLength, 3, 1);
    expect(() => bare.appendCell(tagged)).toThrow('without tags');
  });

  it('reports the error of the store it is written to, and leaves no object when aborted', async () => {
    const objects = new MemoryObjects();
    const object = await objects.createWriter('f');
    let written = 0;
    const failing = {
      ...object,
      write: async (bytes: Uint8Array) => {
        if (++written === 2) throw new Error('the disk is full');
        await object.write(bytes);
      },
    };
    const writer = createHFile(failing, plainOptions);
    for (const cell of numbered(40)) writer.appendCell(cell)?.catch(() => undefined);
    await expect(writer.finish()).rejects.toThrow('the disk is full');
    await writer.abort();
    expect(objects.bytes.size).toBe(0);
  });

  it('makes a full writer wait for the store', async () => {
    const writer = createHFile(await new MemoryObjects().createWriter('f'), plainOptions);
    let waits = 0;
    for (const cell of numbered(2_000, 1_000)) if (writer.appendCell(cell) !== undefined) waits++;
    expect(waits).toBeGreaterThan(0);
    expect((await writer.finish()).entries).toBe(2_000);
  });

  it('shows the sequence it is told to instead of that of the cells (bulk load)', async () => {
    const reader = await (await makeFile(numbered(3))).open();
    const read = await allCells(reader, { sequence: 77 });
    expect(read.map((cell) => cell.sequence)).toEqual([77, 77, 77]);
  });

  it('reads ahead: a stream fetches several blocks with one read, a scan finds the next block there', async () => {
    const list = numbered(3_000, 100);
    const made = await makeFile(list, { blockBytes: 4096 });
    const reader = await made.open();
    const before = made.objects.reads;
    expect(await allCells(reader, { readType: 'stream', cacheBlocks: false })).toHaveLength(3_000);
    expect(made.objects.reads - before).toBeLessThan(6);
    expect(made.cache.stats.blocks).toBe(0);
    expect(await allCells(reader)).toHaveLength(3_000);
    const cursor = reader.cursor({ readType: 'pread', cacheBlocks: true });
    expect(cursor.seekToFirst()).toBeUndefined();
    while (cursor.valid) expect(cursor.next()).toBeUndefined();
  });

  it('reads a block once for many cursors, and no more than twelve blocks at once', async () => {
    const list = numbered(2_000);
    const made = await makeFile(list, { blockBytes: 256 });
    const reader = await made.open();
    const before = made.objects.reads;
    const seeks = Array.from({ length: 400 }, async (_, i) => {
      const cursor = reader.cursor({ readType: 'pread', cacheBlocks: true });
      await cursor.seek(list[(i % 40) * 50] as Cell);
      expect(show(current(cursor))).toBe(show(list[(i % 40) * 50]));
    });
    await Promise.all(seeks);
    expect(made.objects.reads - before).toBe(40);
    expect(made.objects.readsRunningMost).toBeLessThanOrEqual(12);
  });

  it('can be closed while it reads, and is then never valid again', async () => {
    const reader = await (await makeFile(numbered(100))).open();
    const cursor = reader.cursor({ readType: 'pread', cacheBlocks: true });
    const moving = cursor.seekToFirst();
    cursor.close();
    await moving;
    expect(cursor.valid).toBe(false);
    expect(() => cursor.seekToFirst()).toThrow('closed');
  });
});

function keyOf(cell: Cell): Buffer {
  return cell.buffer.subarray(cell.offset + 8, cell.offset + 8 + cell.keyLength);
}
