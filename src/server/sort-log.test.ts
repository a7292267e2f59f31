import { describe, expect, it } from 'vitest';
import type { Incarnation, RegionId, Sequence } from '../base/ids.js';
import { familyDescriptor } from '../base/table.js';
import { RegionRig } from '../region/testing/region-rig.js';
import { get, put } from '../region/testing/requests.js';
import { ObjectNamer, parseObjectName } from '../storage/names.js';
import { logSorter } from './sort-log.js';

/** The log of a server that died with three edits of region 11, and the sorting of another. */
async function setUp() {
  const rig = new RegionRig({ families: [familyDescriptor('f')] });
  await rig.open();
  for (const row of ['a', 'b', 'c']) await rig.mutate(put(row, 'f:q', row));
  const first = rig.region.openSequence + 1;
  const until = await rig.logs.seal(rig.log.name);
  const from = { segment: 1, offset: 0, sequence: 1 };
  const register = () => {
    throw new Error('sorting reads no register');
  };
  const storage = { objects: rig.objects, logs: rig.logs, register };
  const sort = logSorter(storage, rig.clock, new ObjectNamer(9 as Incarnation));
  const run = (skipUpTo: number, id = 11) =>
    sort({
      kind: 'sort-log',
      log: rig.log.name,
      from,
      until,
      regions: [{ regionId: id as RegionId, skipUpTo: skipUpTo as Sequence }],
    });
  return { rig, run, first };
}

describe('sorting a log', () => {
  it('gives the part of each region that was asked for', async () => {
    const { rig, run, first } = await setUp();
    const { object, bytes, regions } = await run(0);
    expect(regions).toMatchObject([
      { regionId: 11, entries: 3, sequenceMin: first, sequenceMax: first + 2 },
    ]);
    expect(parseObjectName(object ?? '')).toMatchObject({ incarnation: 9, kind: 'sorted' });
    expect((await rig.objects.head(object ?? ''))?.bytes).toBe(bytes);
  });

  it('leaves out what was flushed, and what is not owned', async () => {
    const { run, first } = await setUp();
    expect((await run(first)).regions).toMatchObject([{ entries: 2, sequenceMin: first + 1 }]);
    expect(await run(first + 2)).toMatchObject({ object: undefined, regions: [] });
    expect(await run(0, 12)).toMatchObject({ object: undefined, regions: [] });
  });

  it('run twice makes two objects with the same edits (race W4)', async () => {
    const { rig, run } = await setUp();
    const [one, two] = [await run(0), await run(0)];
    expect(one.object).not.toBe(two.object);
    const bytesOf = (object: string | undefined) => rig.objects.get(object ?? '');
    expect(await bytesOf(one.object)).toEqual(await bytesOf(two.object));
  });

  it('gives what a region needs to come back', async () => {
    const { rig } = await setUp();
    await rig.crash();
    expect(await rig.get(get('b'))).toHaveLength(1);
  });
});
