import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Incarnation, RegionId, Revision } from '../base/ids.js';
import type { Catalog } from './api.js';
import { claimObject, dropClaims } from './claims.js';
import { addLog, noteSeal, releaseLog, releaseSealedLog } from './log-needs.js';
import { candidateKind, claimKind, objectCandidate } from './records/deletion.js';
import { fileKind } from './records/files.js';
import { logKind, sortedLogKind } from './records/logs.js';
import { regionKeyOf, regionKind } from './records/regions.js';
import { putRegion, sampleFile, sampleRegion, sampleSlice } from './testing/samples.js';
import { SimulatedCatalog } from './testing/simulated-catalog.js';

function candidate(catalog: Catalog, object: string) {
  return catalog.tail.get(candidateKind, objectCandidate(object));
}

function putFile(catalog: Catalog, region: number, object: string) {
  return catalog.transact((tx) => {
    const file = sampleFile(object, { birth: tx.revision });
    tx.put(fileKind, [region as RegionId, 'f', object], file);
  });
}

function dropFile(catalog: Catalog, region: number, object: string) {
  return catalog.transact((tx) => {
    tx.delete(fileKind, [region as RegionId, 'f', object]);
  });
}

describe('references (L6)', () => {
  it('make a candidate when the last one is dropped, whoever drops it', async () => {
    const { catalog } = await new SimulatedCatalog().open();
    const born = putFile(catalog, 1, 'shared').revision;
    catalog.transact((tx) => {
      tx.put(fileKind, [2 as RegionId, 'f', 'shared'], sampleFile('shared', { birth: born }));
    });
    expect(catalog.references.count('shared')).toBe(2);
    dropFile(catalog, 1, 'shared');
    expect(candidate(catalog, 'shared')).toBeUndefined();
    const dropped = dropFile(catalog, 2, 'shared');
    expect(candidate(catalog, 'shared')).toEqual({
      birth: born,
      death: dropped.revision,
      state: 'waiting',
      bytes: 100,
      until: undefined,
    });
  });

  it('moved within one transaction make no candidate', async () => {
    const { catalog } = await new SimulatedCatalog().open();
    putFile(catalog, 1, 'a');
    catalog.transact((tx) => {
      tx.delete(fileKind, [1 as RegionId, 'f', 'a']);
      tx.put(fileKind, [2 as RegionId, 'f', 'a'], sampleFile('a'));
    });
    expect(candidate(catalog, 'a')).toBeUndefined();
    expect(catalog.references.count('a')).toBe(1);
  });

  it('added again take the candidate away, or fail while it is deleted', async () => {
    const { catalog } = await new SimulatedCatalog().open();
    putFile(catalog, 1, 'a');
    dropFile(catalog, 1, 'a');
    putFile(catalog, 2, 'a');
    expect(candidate(catalog, 'a')).toBeUndefined();
    dropFile(catalog, 2, 'a');
    catalog.transact((tx) => {
      const row = tx.get(candidateKind, objectCandidate('a'));
      if (row !== undefined)
        tx.put(candidateKind, objectCandidate('a'), { ...row, state: 'deleting' });
    });
    const revision = catalog.tail.revision;
    expect(() => putFile(catalog, 3, 'a')).toThrow(/a is being deleted/);
    expect(catalog.tail.revision).toBe(revision);
    expect(catalog.references.count('a')).toBe(0);
    expect([...catalog.tail.scan(fileKind)]).toEqual([]);
  });

  it('of slices keep a sorted log and its record, and know its size', async () => {
    const { catalog } = await new SimulatedCatalog().open();
    const slices = [sampleSlice('sorted')];
    catalog.transact((tx) => {
      claimObject(tx, 'procedure/1', { object: 'sorted', bytes: 0, birth: undefined });
    });
    const added = catalog.transact((tx) => {
      const record = { bytes: 777, crc32: 1, birth: tx.revision, entries: 1, sources: ['4'] };
      tx.put(sortedLogKind, ['sorted'], record);
      putRegion(tx, sampleRegion(1, { slices }));
      putRegion(tx, sampleRegion(2, { startKey: Buffer.from('m'), slices }));
      dropClaims(tx, 'procedure/1');
    });
    expect(catalog.references.count('sorted')).toBe(2);
    expect(candidate(catalog, 'sorted')).toBeUndefined();
    catalog.transact((tx) => {
      putRegion(tx, sampleRegion(1));
      tx.delete(regionKind, regionKeyOf(sampleRegion(2, { startKey: Buffer.from('m') })));
    });
    expect(candidate(catalog, 'sorted')).toMatchObject({ birth: added.revision, bytes: 777 });
    expect(catalog.tail.get(sortedLogKind, ['sorted'])).toBeUndefined();
  });

  it('claimed outputs that nothing refers to in the end become candidates', async () => {
    const { catalog } = await new SimulatedCatalog().open();
    catalog.transact((tx) => {
      claimObject(tx, 'procedure/1', { object: 'used', bytes: 5, birth: undefined });
      claimObject(tx, 'procedure/1', { object: 'unused', bytes: 6, birth: undefined });
      claimObject(tx, 'procedure/11', { object: 'of another', bytes: 7, birth: 1 as Revision });
    });
    catalog.transact((tx) => {
      tx.put(fileKind, [1 as RegionId, 'f', 'used'], sampleFile('used'));
      dropClaims(tx, 'procedure/1');
    });
    expect(candidate(catalog, 'used')).toBeUndefined();
    expect(candidate(catalog, 'unused')).toMatchObject({ bytes: 6 });
    expect(catalog.references.count('of another')).toBe(1);
  });

  it('counts and candidates are those of a naive recount, also after failures and restarts', async () => {
    const step = fc.record({
      what: fc.constantFrom('put', 'put', 'drop', 'slices', 'claim', 'unclaim', 'fail', 'restart'),
      region: fc.integer({ min: 1, max: 3 }),
      object: fc.nat(5).map((n) => `object-${n}`),
      other: fc.nat(5).map((n) => `object-${n}`),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const world = new SimulatedCatalog();
        let { catalog } = await world.open();
        const known = new Set<string>();
        for (const { what, region, object, other } of steps) {
          if (what === 'put') putFile(catalog, region, object);
          if (what === 'drop') dropFile(catalog, region, object);
          catalog.transact((tx) => {
            const slices = [sampleSlice(object), sampleSlice(other)];
            if (what === 'slices') putRegion(tx, sampleRegion(region, { slices }));
            const claimed = { object, bytes: 1, birth: undefined };
            if (what === 'claim') claimObject(tx, String(region), claimed);
            if (what === 'unclaim') dropClaims(tx, String(region));
          });
          if (what === 'fail') {
            expect(() =>
              catalog.transact((tx) => {
                tx.delete(fileKind, [region as RegionId, 'f', object]);
                dropClaims(tx, String(region));
                throw new Error('no');
              }),
            ).toThrow('no');
          }
          if (what === 'restart') {
            await world.run(new Promise<void>((resolve) => catalog.whenDurable(resolve)));
            if (region === 1) await world.run(catalog.checkpoint());
            world.killAll();
            ({ catalog } = await world.open());
          }
          check(catalog, known);
        }
      }),
      { numRuns: 40 },
    );
  });
});

/** Compares with a recount; `known` gathers all objects that ever had a reference. */
function check(catalog: Catalog, known: Set<string>): void {
  const counts = new Map<string, number>();
  const add = (object: string) => counts.set(object, (counts.get(object) ?? 0) + 1);
  for (const { value } of catalog.tail.scan(fileKind)) add(value.object);
  for (const { value } of catalog.tail.scan(regionKind)) {
    for (const slice of value.slices) add(slice.object);
  }
  for (let n = 1; n <= 3; n++) {
    const held = [...catalog.tail.scan(claimKind, { prefix: [String(n)] })];
    for (const { key } of held) add(key[1]);
  }
  for (const object of counts.keys()) known.add(object);
  for (const object of known) {
    expect(catalog.references.count(object), object).toBe(counts.get(object) ?? 0);
    expect(candidate(catalog, object) === undefined, object).toBe(counts.has(object));
  }
}

describe('logs', () => {
  const server = 4 as Incarnation;
  const at = (segment: number, sequence: number) => ({ segment, offset: 0, sequence });
  const ranges = (catalog: Catalog) =>
    [...catalog.tail.scan(candidateKind, { prefix: ['log'] })].map(({ key }) => key);

  it('make a candidate of each range of whole segments that is released', async () => {
    const { catalog } = await new SimulatedCatalog().open();
    catalog.transact((tx) => {
      addLog(tx, server, '4');
    });
    const release = (segment: number, sequence: number) =>
      catalog.transact((tx) => {
        releaseLog(tx, server, at(segment, sequence));
      });
    release(0, 10);
    expect(ranges(catalog)).toEqual([]);
    release(1, 20);
    release(0, 15);
    release(1, 25);
    release(3, 40);
    expect(ranges(catalog)).toEqual([
      ['log', '4', 20],
      ['log', '4', 40],
    ]);
    expect(catalog.tail.get(logKind, [server])?.low).toEqual(at(3, 40));
    expect(() =>
      catalog.transact((tx) => {
        releaseLog(tx, 9 as Incarnation, at(1, 1));
      }),
    ).toThrow(/server 9 is not in the catalog/);
  });

  it('are released whole once they are sealed and nothing needs them, never before', async () => {
    const { catalog } = await new SimulatedCatalog().open();
    catalog.transact((tx) => {
      addLog(tx, server, '4');
    });
    const releaseWhole = () =>
      catalog.transact((tx) => {
        releaseSealedLog(tx, server);
      });
    expect(releaseWhole).toThrow(/only once sealed/);
    catalog.transact((tx) => {
      noteSeal(tx, server, at(2, 33));
    });
    releaseWhole();
    expect(ranges(catalog)).toEqual([['log', '4', 33]]);
    expect(catalog.tail.get(logKind, [server])).toBeUndefined();
    releaseWhole();
  });
});
