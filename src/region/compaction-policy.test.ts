import { describe, expect, it } from 'vitest';
import type { Revision, Sequence } from '../base/ids.js';
import type { StoreFileRef } from '../base/store-file.js';
import { selectMinor, wantsMajor } from './compaction-policy.js';

const rules = { filesMin: 3, filesMax: 5, ratio: 1.2, bytesMin: 10 };

function files(...sizes: readonly number[]): StoreFileRef[] {
  return sizes.map((bytes, i) => ({
    family: 'f',
    object: `data/${i}`,
    bytes,
    crc32: 0,
    entries: 1,
    sequenceMin: i as Sequence,
    sequenceMax: i as Sequence,
    birth: 1 as Revision,
    clip: undefined,
    visibleBytes: bytes,
    visibleEntries: 1,
    majorCompacted: false,
    timestampMin: 0,
    timestampMax: 0,
  }));
}

function chosen(...sizes: readonly number[]): readonly number[] | undefined {
  return selectMinor(files(...sizes), rules)?.map(({ visibleBytes }) => visibleBytes);
}

describe('the choice of files to merge', () => {
  it('waits for enough of them', () => {
    expect(chosen()).toBeUndefined();
    expect(chosen(100, 100)).toBeUndefined();
    expect(chosen(100, 100, 100)).toEqual([100, 100, 100]);
  });
  it('leaves out a file that is large beside the others', () => {
    expect(chosen(1000, 100, 90, 80)).toEqual([100, 90, 80]);
    expect(chosen(1000, 100, 90)).toBeUndefined();
  });
  it('takes most files, then the fewest bytes, and no more than allowed', () => {
    expect(chosen(50, 50, 50, 40, 40, 40, 40)).toEqual([50, 40, 40, 40, 40]);
  });
  it('merges small files whatever their ratio', () => {
    expect(chosen(7, 1, 1)).toEqual([7, 1, 1]);
  });
  it('of all of them is worth while unless one clean file is left', () => {
    const [file] = files(100);
    if (file === undefined) throw new Error('a file');
    expect(wantsMajor([], false)).toBe(false);
    expect(wantsMajor([file], false)).toBe(true);
    const clean = { ...file, majorCompacted: true };
    expect(wantsMajor([clean], false)).toBe(false);
    expect(wantsMajor([clean], true)).toBe(true);
    const clip = { startKey: Buffer.from('a'), endKey: Buffer.from('b') };
    expect(wantsMajor([{ ...clean, clip }], false)).toBe(true);
  });
});
