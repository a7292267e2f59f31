// Figures of store files in memory: writing, scanning, getting. `node dist/bench/hfile/main.js [cells]`.
// Times are processor time, so that other work on the machine disturbs them less.

import type { Cell } from '../../src/base/cell.js';
import { makeCell } from '../../src/base/cell.js';
import { BlockCache } from '../../src/region/block-cache.js';
import type { CellCursor } from '../../src/region/cell-cursor.js';
import type { HFileReader, HFileWriterOptions } from '../../src/region/hfile/api.js';
import { openHFile } from '../../src/region/hfile/reader.js';
import { MemoryObjects } from '../../src/region/hfile/testing/memory-objects.js';
import { createHFile } from '../../src/region/hfile/writer.js';

const count = Number(process.argv[2] ?? 500_000);
const valueBytes = 60;

/** Processor time used so far, milliseconds. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
}

function rowOf(i: number): Buffer {
  return Buffer.from(`user${String(i).padStart(12, '0')}`);
}

function makeCells(): Cell[] {
  const family = Buffer.from('f');
  const qualifier = Buffer.from('field0');
  return Array.from({ length: count }, (_, i) => {
    const value = Buffer.alloc(valueBytes, `${i} value `);
    return makeCell(
      { row: rowOf(i), family, qualifier, timestamp: 1.7e12 + i, type: 4, value },
      i + 1,
    );
  });
}

async function write(cells: readonly Cell[], changes: Partial<HFileWriterOptions>) {
  const objects = new MemoryObjects();
  const writer = createHFile(await objects.createWriter('f'), {
    blockBytes: 65_536,
    compression: 'none',
    bloom: 'row',
    withTags: false,
    createdAtMs: 0,
    majorCompacted: false,
    ...changes,
  });
  const start = cpuMs();
  for (const cell of cells) {
    const moving = writer.appendCell(cell);
    if (moving !== undefined) await moving;
  }
  const summary = await writer.finish();
  return { objects, summary, ms: cpuMs() - start };
}

async function open(objects: MemoryObjects, bytes: number): Promise<HFileReader> {
  const cache = new BlockCache({ bytesMax: 512 * 1024 * 1024 });
  return openHFile({ object: 'f', bytes }, { objects, cache });
}

/** Milliseconds to walk over all cells, and how many there were. */
async function scan(cursor: CellCursor): Promise<{ readonly ms: number; readonly cells: number }> {
  const start = cpuMs();
  let cells = 0;
  await cursor.seekToFirst();
  while (cursor.valid) {
    cells++;
    const moving = cursor.next();
    if (moving !== undefined) await moving;
  }
  return { ms: cpuMs() - start, cells };
}

async function gets(reader: HFileReader, keys: readonly Cell[]): Promise<number> {
  const cursor = reader.cursor({ readType: 'pread', cacheBlocks: true });
  const start = cpuMs();
  for (const key of keys) {
    const may = reader.mayContainRow(key.row);
    if (typeof may === 'boolean' ? !may : !(await may)) throw new Error('the filter denied a row');
    const moving = cursor.seek(key);
    if (moving !== undefined) await moving;
  }
  return cpuMs() - start;
}

function print(what: string, figure: string): void {
  process.stdout.write(`${what.padEnd(44)} ${figure}\n`);
}

const cells = makeCells();
const rawBytes = cells.reduce((sum, cell) => sum + cell.length, 0);
for (const compression of ['none', 'gzip'] as const) {
  for (let round = 0; round < 2; round++) {
    const made = await write(cells, { compression });
    const speed = rawBytes / 1e6 / (made.ms / 1e3);
    print(`write ${compression}`, `${speed.toFixed(0)} MB/s, ${made.summary.bytes} bytes`);
    const reader = await open(made.objects, made.summary.bytes);
    for (const readType of ['stream', 'pread'] as const) {
      const cold = await scan(reader.cursor({ readType, cacheBlocks: readType === 'pread' }));
      print(`scan ${compression}, read from the store, ${readType}`, perCell(cold));
    }
    print(
      `scan ${compression}, cached`,
      perCell(await scan(reader.cursor({ readType: 'pread', cacheBlocks: true }))),
    );
    const keys = Array.from({ length: 200_000 }, (_, i) => cells[(i * 7_919_333) % count] as Cell);
    const ms = await gets(reader, keys);
    print(
      `random gets ${compression}, cached, with filter`,
      `${((keys.length / ms) * 1e3).toFixed(0)}/s`,
    );
  }
}

function perCell(figures: { readonly ms: number; readonly cells: number }): string {
  return `${((figures.ms * 1e6) / figures.cells).toFixed(0)} ns/cell`;
}
