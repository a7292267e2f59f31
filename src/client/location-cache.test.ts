import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import { LocationCache } from './location-cache.js';
import type { Location } from './location-cache.js';

const table = { namespace: 'default', qualifier: 't' };

function location(start: string, end: string, regionId: number, sequence: number): Location {
  const [startKey, endKey] = [Buffer.from(start), Buffer.from(end)];
  const region = { table, regionId, startKey, endKey, isOffline: false, isSplit: false };
  const name = Buffer.from(`t,${start},${regionId}`);
  return { name, region, server: { host: `h${sequence}`, port: 1 }, sequence };
}

const key = fc.constantFrom('', 'b', 'd', 'f', 'h', 'j');
const locations = fc
  .tuple(key, key, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }))
  .filter(([start, end]) => end === '' || start < end)
  .map(([start, end, id, sequence]) => location(start, end, id, sequence));

describe('the location cache', () => {
  it('finds a region that holds the row, and never two for one row, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(locations, { maxLength: 30 }), (added) => {
        const cache = new LocationCache();
        for (const one of added) cache.add(one);
        const found = new Set<Location>();
        for (const row of ['', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k']) {
          const holding = cache.holding(Buffer.from(row));
          if (holding === undefined) continue;
          found.add(holding);
          expect(holding.region.startKey.toString() <= row).toBe(true);
          const end = holding.region.endKey.toString();
          expect(end === '' || row < end).toBe(true);
        }
        expect(found.size).toBe(cache.size);
      }),
    );
  });

  it('finds the region before a row, and the last of the table', () => {
    const cache = new LocationCache();
    const [first, second] = [location('', 'm', 1, 1), location('m', '', 2, 1)];
    cache.add(second);
    expect(cache.before(Buffer.from('m'))).toBeUndefined();
    cache.add(first);
    expect(cache.before(Buffer.from('m'))).toBe(first);
    expect(cache.before(Buffer.from('n'))).toBe(second);
    expect(cache.before(undefined)).toBe(second);
  });

  it('keeps a newer location when an older look-up comes in late', () => {
    const cache = new LocationCache();
    const newer = location('', '', 1, 5);
    cache.add(newer);
    cache.add(location('', '', 1, 4));
    expect(cache.holding(Buffer.from('a'))).toBe(newer);
    cache.forget(location('', '', 1, 5));
    expect(cache.holding(Buffer.from('a'))).toBe(newer);
  });

  it('puts the halves of a split in the place of their parent', () => {
    const cache = new LocationCache();
    cache.add(location('', '', 1, 9));
    cache.add(location('m', '', 3, 1));
    expect(cache.holding(Buffer.from('a'))).toBeUndefined();
    expect(cache.holding(Buffer.from('z'))?.region.regionId).toBe(3);
    cache.add(location('', '', 1, 10));
    expect(cache.holding(Buffer.from('z'))?.region.regionId).toBe(3);
  });

  it('follows a region only to a place that is not older', () => {
    const cache = new LocationCache();
    const known = location('', '', 1, 5);
    cache.add(known);
    const moved = (sequence: number) =>
      new CadastreError('region-moved', 'moved', { details: { host: 'there', port: 2, sequence } });
    expect(cache.follow(known, moved(4))).toBe(false);
    expect(cache.follow(known, new CadastreError('region-moved', 'somewhere'))).toBe(false);
    expect(cache.follow(known, moved(6))).toBe(true);
    expect(cache.holding(Buffer.from('a'))?.server).toEqual({ host: 'there', port: 2 });
  });
});
