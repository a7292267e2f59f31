import { describe, expect, it } from 'vitest';

import type { Cell } from '../../base/cell.js';
import { allCells, current, show, storeOf } from './testing/files.js';
import { readTestdata } from './testing/testdata.js';

/** What testdata/README.md says of each file, and the cells it was made of. */
const files = [
  ['plain.hfile', 'cells.txt', { encoding: 'NONE', compression: 'none', bloom: 'row' }],
  [
    'gzip-rowcol-tags.hfile',
    'cells-tags.txt',
    { encoding: 'NONE', compression: 'gzip', bloom: 'rowcol' },
  ],
  ['prefix.hfile', 'cells-tags.txt', { encoding: 'PREFIX', compression: 'none', bloom: 'row' }],
  ['diff.hfile', 'cells-tags.txt', { encoding: 'DIFF', compression: 'none', bloom: 'row' }],
  [
    'fast-diff.hfile',
    'cells-tags.txt',
    { encoding: 'FAST_DIFF', compression: 'none', bloom: 'row' },
  ],
  [
    'row-index-v1.hfile',
    'cells-tags.txt',
    { encoding: 'ROW_INDEX_V1', compression: 'none', bloom: 'row' },
  ],
  [
    'fast-diff-gzip-no-tags.hfile',
    'cells.txt',
    { encoding: 'FAST_DIFF', compression: 'gzip', bloom: 'none' },
  ],
] as const;

describe('a store file that HBase 2.6.1 wrote (R-D4)', () => {
  it.each(files)('%s has the cells it was made of', async (name, cellsName, facts) => {
    const lines = (await readTestdata(cellsName)).toString().trimEnd().split('\n');
    const reader = await storeOf(name, await readTestdata(name)).open();
    expect(reader).toMatchObject({ ...facts, entries: lines.length, majorCompacted: true });
    expect(reader.sequenceMax).toBe(49_000);
    const cells = await allCells(reader);
    expect(cells.map(show)).toEqual(lines);
    for (const readType of ['pread', 'stream'] as const) {
      const cursor = reader.cursor({ readType, cacheBlocks: false });
      for (const [i, cell] of cells.entries()) {
        await cursor.seek(cell);
        expect(show(current(cursor))).toBe(lines[i]);
        await cursor.seekBefore(cell);
        expect(show(current(cursor))).toBe(lines[i - 1] ?? 'none');
      }
    }
  });

  it.each(files)(
    '%s: its bloom filter and range are understood',
    async (name, _cells, { bloom }) => {
      const reader = await storeOf(name, await readTestdata(name)).open();
      const cells = await allCells(reader);
      let wrong = 0;
      for (const cell of cells) {
        expect(await reader.mayContainRow(cell.row)).toBe(true);
        expect(await reader.mayContainColumn(cell.row, cell.qualifier)).toBe(true);
        if (await reader.mayContainColumn(absentRow(cell), Buffer.from('q'))) wrong++;
      }
      if (bloom !== 'none') expect(wrong).toBeLessThan(cells.length / 10);
      expect(await reader.mayContainRow(Buffer.from('row-9999'))).toBe(false);
      expect(await reader.midKey()).toBeDefined();
      expect(reader.timestampMax).toBe(5e18);
    },
  );
});

function absentRow(cell: Cell): Buffer {
  return Buffer.concat([cell.row, Buffer.from('~')]);
}
