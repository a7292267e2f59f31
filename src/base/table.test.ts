import { describe, expect, it } from 'vitest';
import type { RegionId } from './ids.js';
import { encodedRegionName, regionContains, regionName } from './table.js';

const region = {
  table: { namespace: 'default', qualifier: 't' },
  regionId: 1700000000000 as RegionId,
  startKey: Buffer.from('m'),
  endKey: Buffer.from('p'),
};

describe("a region's name", () => {
  it('is table, start key and id, then the MD5 of these, as clients build it', () => {
    const name = regionName(region).toString();
    expect(name).toBe(`t,m,1700000000000.${encodedRegionName(region)}.`);
    expect(encodedRegionName(region)).toMatch(/^[0-9a-f]{32}$/);
  });

  it('carries the namespace unless it is the default one', () => {
    const table = { namespace: 'ns', qualifier: 't' };
    expect(regionName({ ...region, table }).toString()).toMatch(/^ns:t,m,/);
  });
});

describe('a region', () => {
  it('holds its start key and not its end key', () => {
    expect(regionContains(region, Buffer.from('m'))).toBe(true);
    expect(regionContains(region, Buffer.from('p'))).toBe(false);
    expect(regionContains(region, Buffer.from('ozzz'))).toBe(true);
    expect(regionContains({ ...region, endKey: Buffer.alloc(0) }, Buffer.from('z'))).toBe(true);
    expect(regionContains(region, Buffer.from('a'))).toBe(false);
  });
});
