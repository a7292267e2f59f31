import { describe, expect, it } from 'vitest';
import { familyDescriptor } from '../base/table.js';
import { RegionRig, startMs } from './testing/region-rig.js';
import { deleteOf, get, put, scan } from './testing/requests.js';

async function opened(): Promise<RegionRig> {
  const rig = new RegionRig({ families: [familyDescriptor('f'), familyDescriptor('g')] });
  await rig.open();
  return rig;
}

describe('a region', () => {
  it('gives back what was put, from memory and from files', async () => {
    const rig = await opened();
    await rig.mutate(put('r1', 'f:a', 'one'));
    await rig.mutate(put('r1', 'g:b', 'two'));
    await rig.mutate(put('r2', 'f:a', 'three'));
    const all = [`r1/f:a/${startMs}/4=one`, `r1/g:b/${startMs}/4=two`];
    expect(await rig.get(get('r1'))).toEqual(all);
    await rig.region.flush();
    expect(await rig.get(get('r1'))).toEqual(all);
    expect(await rig.scan(scan())).toEqual([all, [`r2/f:a/${startMs}/4=three`]]);
    expect(await rig.scan(scan({ reversed: true }))).toEqual([[`r2/f:a/${startMs}/4=three`], all]);
    await rig.mutate(deleteOf('r1'));
    expect(await rig.get(get('r1'))).toEqual([]);
    await rig.crash();
    expect(await rig.scan(scan())).toEqual([[`r2/f:a/${startMs}/4=three`]]);
  });
});
