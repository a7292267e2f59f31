import { describe, expect, it } from 'vitest';

import { makeCell } from '../../base/cell.js';
import { allCells, makeFile, show, storeOf } from './testing/files.js';
import { readTestdata, testdataPath } from './testing/testdata.js';

const golden = 'ours.hfile.hex';

function cells() {
  return Array.from({ length: 60 }, (_, i) =>
    makeCell(
      {
        row: Buffer.from(`row-${String(Math.floor(i / 3)).padStart(4, '0')}`),
        family: Buffer.from('cf'),
        qualifier: Buffer.from(['', 'a', 'b'][i % 3] as string),
        timestamp: 1_700_000_000_000 - i,
        type: i % 7 === 6 ? 8 : 4,
        value: Buffer.from(i % 7 === 6 ? '' : `value ${i}`),
        ...(i % 4 === 0 ? { tags: Buffer.from([0, 2, 8, i]) } : {}),
      },
      i * 50,
    ),
  );
}

describe('the format we write', () => {
  it('has not changed by a byte', async () => {
    const made = await makeFile(cells(), {
      blockBytes: 300,
      indexBlockBytes: 200,
      bloom: 'rowcol',
      bloomChunkBytes: 128,
      sequenceMax: 5_000,
      metadata: { 'cadastre.note': Buffer.from('golden') },
    });
    const bytes = made.objects.bytes.get('f') as Buffer;
    const lines = bytes.toString('hex').match(/.{1,96}/g) ?? [];
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(testdataPath(golden));
  });

  it('written by earlier versions is read', async () => {
    const lines = (await readTestdata(golden)).toString().replaceAll('\n', '');
    const reader = await storeOf('f', Buffer.from(lines, 'hex')).open();
    expect((await allCells(reader)).map(show)).toEqual(cells().map(show));
    expect(reader).toMatchObject({ sequenceMax: 5_000, bloom: 'rowcol', majorCompacted: false });
    expect(reader.info.get('cadastre.note')?.toString()).toBe('golden');
  });
});
