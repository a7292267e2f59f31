// Makes and reads whole store files in tests.

import { Cell, compareCells } from '../../../base/cell.js';
import { BlockCache } from '../../block-cache.js';
import type { CellCursor } from '../../cell-cursor.js';
import type { HFileCursorOptions, HFileReader, HFileSummary, HFileWriterOptions } from '../api.js';
import { openHFile } from '../reader.js';
import { createHFile } from '../writer.js';
import { MemoryObjects } from './memory-objects.js';

export const plainOptions: HFileWriterOptions = {
  blockBytes: 256,
  compression: 'none',
  bloom: 'row',
  withTags: true,
  createdAtMs: 1_700_000_000_000,
  majorCompacted: false,
};

/** One store file in memory, with a cache of its own. */
export interface MadeFile {
  readonly objects: MemoryObjects;
  readonly cache: BlockCache;
  readonly summary: HFileSummary;
  readonly file: { readonly object: string; readonly bytes: number };
  open(): Promise<HFileReader>;
}

/** Puts bytes into a store with a cache before it. */
export function storeOf(object: string, bytes: Buffer, cacheBytes = 64 * 1024 * 1024) {
  const objects = new MemoryObjects();
  objects.bytes.set(object, bytes);
  const cache = new BlockCache({ bytesMax: cacheBytes });
  const file = { object, bytes: bytes.length };
  return { objects, cache, file, open: () => openHFile(file, { objects, cache }) };
}

/** Writes the cells, which are sorted here. */
export async function makeFile(
  cells: readonly Cell[],
  options: Partial<HFileWriterOptions> = {},
  cacheBytes?: number,
): Promise<MadeFile> {
  const objects = new MemoryObjects();
  const writer = createHFile(await objects.createWriter('f'), { ...plainOptions, ...options });
  for (const cell of [...cells].sort(compareCells)) await writer.appendCell(cell);
  const summary = await writer.finish();
  const bytes = objects.bytes.get('f') as Buffer;
  return { ...storeOf('f', bytes, cacheBytes), summary };
}

/** A copy of the cell the cursor stands on; undefined if it stands on none. */
export function current(cursor: CellCursor): Cell | undefined {
  if (!cursor.valid) return undefined;
  const { buffer, offset, keyLength, valueLength, tagsLength, sequence } = cursor;
  const window = new Cell(buffer, offset, keyLength, valueLength, tagsLength, sequence);
  return new Cell(Buffer.from(window.bytes), 0, keyLength, valueLength, tagsLength, sequence);
}

/** All cells from where the cursor stands. */
export async function rest(cursor: CellCursor): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (let cell = current(cursor); cell !== undefined; cell = current(cursor)) {
    cells.push(cell);
    await cursor.next();
  }
  return cells;
}

/** All cells of a file. */
export async function allCells(
  reader: HFileReader,
  options: Partial<HFileCursorOptions> = {},
): Promise<Cell[]> {
  const cursor = reader.cursor({ readType: 'pread', cacheBlocks: true, ...options });
  await cursor.seekToFirst();
  return rest(cursor);
}

/** A cell as comparable text. */
export function show(cell: Cell | undefined): string {
  if (cell === undefined) return 'none';
  return `${cell.bytes.toString('hex')} @${cell.sequence}`;
}
