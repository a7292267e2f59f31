import { describe, expect, it } from 'vitest';
import type { Generation, RegionId, Sequence } from '../base/ids.js';
import type { StoreCommit } from '../base/store-file.js';
import type { Catalog } from './api.js';
import { candidateKind, objectCandidate } from './records/deletion.js';
import { fileKind } from './records/files.js';
import type { RegionRecord } from './records/regions.js';
import { regionKind } from './records/regions.js';
import { commitStores } from './store-commits.js';
import { putRegion, putServer, sampleCommit, sampleFile, sampleRegion } from './testing/samples.js';
import { sampleSlice } from './testing/samples.js';
import { SimulatedCatalog } from './testing/simulated-catalog.js';

const regionId = 7 as RegionId;

async function openWithRegion(changes: Partial<RegionRecord> = {}) {
  const world = new SimulatedCatalog();
  const { catalog } = await world.open();
  catalog.transact((tx) => {
    putServer(tx);
    putRegion(tx, sampleRegion(regionId, changes));
  });
  return { world, catalog };
}

function commit(catalog: Catalog, number: number, parts: Partial<StoreCommit>, generation = 1) {
  return catalog.transact((tx) =>
    commitStores(tx, catalog, {
      region: regionId,
      generation: generation as Generation,
      number,
      commit: sampleCommit(parts),
    }),
  ).value;
}

function flush(catalog: Catalog, number: number, object: string, generation = 1) {
  return commit(
    catalog,
    number,
    { added: [sampleFile(object)], flushedSequence: (10 * number) as Sequence },
    generation,
  );
}

function files(catalog: Catalog): string[] {
  return [...catalog.tail.scan(fileKind, { prefix: [regionId] })].map(({ key }) => key[2]);
}

function candidates(catalog: Catalog): string[] {
  return [...catalog.tail.scan(candidateKind, { prefix: ['object'] })].map(({ key }) => key[1]);
}

function region(catalog: Catalog): RegionRecord | undefined {
  const key = catalog.regionKey(regionId);
  return key === undefined ? undefined : catalog.tail.get(regionKind, key);
}

/** The region moves: closed, opened again under the next generation. */
function move(catalog: Catalog): void {
  catalog.transact((tx) => {
    const now = region(catalog);
    if (now === undefined) throw new Error('the region is there');
    putRegion(tx, { ...now, generation: 2 as Generation, lastCommitNumber: 0 });
  });
}

describe('a store commit', () => {
  it('of a flush adds files born now, raises the flushed sequence, drops replayed slices', async () => {
    const slices = [sampleSlice('log-a'), sampleSlice('log-b')];
    const { catalog } = await openWithRegion({ slices });
    const nonces = [{ group: '1', nonce: '2', usedAtMs: 3 }];
    const outcome = commit(catalog, 1, {
      added: [sampleFile('one')],
      flushedSequence: 42 as Sequence,
      nonces,
      replayedSlices: ['log-a'],
    });
    expect(outcome).toMatchObject({ kind: 'taken', isRepeat: false });
    expect(region(catalog)).toMatchObject({
      flushedSequence: 42,
      lastCommitNumber: 1,
      nonces,
      slices: [{ object: 'log-b' }],
    });
    const birth = catalog.tail.revision;
    expect(catalog.tail.get(fileKind, [regionId, 'f', 'one'])).toMatchObject({ birth });
    expect(candidates(catalog)).toEqual(['log-a']);
  });

  it('of a compaction swaps its inputs for its output in one revision', async () => {
    const { catalog } = await openWithRegion();
    flush(catalog, 1, 'one');
    flush(catalog, 2, 'two');
    const outcome = commit(catalog, 3, { added: [sampleFile('both')], removed: ['one', 'two'] });
    expect(outcome.kind).toBe('taken');
    expect(files(catalog)).toEqual(['both']);
    expect(catalog.tail.get(candidateKind, objectCandidate('one'))).toMatchObject({
      state: 'waiting',
      bytes: 100,
      death: catalog.tail.revision,
    });
    expect(region(catalog)?.flushedSequence).toBe(20);
  });

  it('race W14: that is sent again after its reply was lost succeeds without effect', async () => {
    const { catalog } = await openWithRegion();
    flush(catalog, 1, 'one');
    const before = catalog.tail.revision;
    expect(flush(catalog, 1, 'one')).toMatchObject({ kind: 'taken', isRepeat: true });
    expect(catalog.tail.revision).toBe(before);
    expect(files(catalog)).toEqual(['one']);
    expect(candidates(catalog)).toEqual([]);
  });

  it('race W14: sent again after the region moved leaves a live file live', async () => {
    const { catalog } = await openWithRegion();
    flush(catalog, 1, 'one');
    move(catalog);
    expect(flush(catalog, 1, 'one').kind).toBe('refused');
    expect(files(catalog)).toEqual(['one']);
    expect(candidates(catalog)).toEqual([]);
  });

  it('races W7, W14: first heard of after the region moved is refused, its file a candidate', async () => {
    const { catalog } = await openWithRegion();
    move(catalog);
    expect(flush(catalog, 1, 'one')).toEqual({
      kind: 'refused',
      reason: "the region's generation is 2, not 1",
    });
    expect(files(catalog)).toEqual([]);
    expect(candidates(catalog)).toEqual(['one']);
    expect(catalog.tail.get(candidateKind, objectCandidate('one'))?.bytes).toBe(100);
  });

  it('race W18: a late copy of a taken commit does not bring back a compacted file', async () => {
    const { catalog } = await openWithRegion();
    flush(catalog, 1, 'one');
    commit(catalog, 2, { added: [sampleFile('compacted')], removed: ['one'] });
    expect(flush(catalog, 1, 'one')).toMatchObject({ kind: 'taken', isRepeat: true });
    expect(files(catalog)).toEqual(['compacted']);
    expect(candidates(catalog)).toEqual(['one']);
    expect(region(catalog)?.flushedSequence).toBe(10);
  });

  it('whose inputs are not all listed is refused, its output a candidate', async () => {
    const { catalog } = await openWithRegion();
    flush(catalog, 1, 'one');
    const outcome = commit(catalog, 2, { added: [sampleFile('out')], removed: ['one', 'gone'] });
    expect(outcome).toMatchObject({
      kind: 'refused',
      reason: expect.stringMatching(/gone/) as string,
    });
    expect(files(catalog)).toEqual(['one']);
    expect(candidates(catalog)).toEqual(['out']);
  });

  it('that skips a number is refused, as the one before it would be lost', async () => {
    const { catalog } = await openWithRegion();
    expect(flush(catalog, 2, 'two')).toMatchObject({ kind: 'refused' });
    expect(candidates(catalog)).toEqual(['two']);
  });

  it('of a crashed server, an unserved region or an unknown one is refused (page 4)', async () => {
    const { catalog } = await openWithRegion();
    catalog.transact((tx) => {
      putServer(tx, 'crashed');
    });
    expect(flush(catalog, 1, 'one')).toMatchObject({ reason: 'server 4 is crashed' });
    catalog.transact((tx) => {
      putServer(tx);
      putRegion(tx, sampleRegion(regionId, { state: 'closed' }));
    });
    expect(flush(catalog, 1, 'two')).toMatchObject({ reason: 'the region is closed' });
    catalog.transact((tx) => {
      const key = catalog.regionKey(regionId);
      if (key !== undefined) tx.delete(regionKind, key);
    });
    expect(flush(catalog, 1, 'three')).toMatchObject({ reason: /not there/ });
    expect(candidates(catalog)).toEqual(['one', 'three', 'two']);
  });

  it('of an object that the collector is deleting is refused', async () => {
    const { catalog } = await openWithRegion();
    move(catalog);
    flush(catalog, 1, 'one');
    catalog.transact((tx) => {
      const row = tx.get(candidateKind, objectCandidate('one'));
      if (row === undefined) throw new Error('it is a candidate');
      tx.put(candidateKind, objectCandidate('one'), { ...row, state: 'deleting' });
    });
    expect(flush(catalog, 1, 'one', 2)).toMatchObject({ reason: 'one is being deleted' });
  });
});
