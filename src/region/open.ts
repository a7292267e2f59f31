// Opening a region: its files, then the slices of sorted logs that hold what was not flushed.
//
// Each slice says for itself what to skip and which rows to take (race W17: a merged region's flushed
// sequence says nothing about the edits of the other parent). Replayed edits keep their sequences and
// are not logged again: the slices stay listed until the flush that covers them.

import type { Sequence } from '../base/ids.js';
import type { LogSlice, StoreFileRef, UsedNonce } from '../base/store-file.js';
import type { FamilyDescriptor } from '../base/table.js';
import type { OpenRegionOptions } from './api.js';
import { openHFile } from './hfile/reader.js';
import type { RegionHost } from './host.js';
import { regionLimits } from './limits.js';
import { Memstore } from './memstore.js';
import { readSlice } from './replay.js';
import { Slice } from './retry.js';
import { storeOf, type OpenFile, type StoreView } from './store-view.js';

export interface LoadedRegion {
  /** Sorted by family. */
  readonly stores: readonly StoreView[];
  readonly openSequence: Sequence;
  readonly flushedSequence: Sequence;
  readonly nonces: readonly UsedNonce[];
  /** Objects of the slices that were replayed. */
  readonly slices: readonly string[];
}

export async function loadRegion(
  host: RegionHost,
  options: OpenRegionOptions,
): Promise<LoadedRegion> {
  const families = [...options.descriptor.families].sort((a, b) =>
    Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  );
  const files = await openFiles(host, options.files, families);
  const stores = families.map((family) => emptyStoreOf(family, files));
  const nonces = [...options.nonces];
  let last = Math.max(0, options.openSequenceMin - 1);
  let flushed = 0;
  for (const { sequenceMax } of options.files) flushed = Math.max(flushed, sequenceMax);
  for (const slice of options.slices) {
    const replayed = await replayInto(host, stores, slice, nonces);
    last = Math.max(last, replayed, slice.sequenceMax, slice.skipUpTo);
  }
  return {
    stores,
    openSequence: (1 + Math.max(last, flushed)) as Sequence,
    flushedSequence: flushed as Sequence,
    nonces,
    slices: options.slices.map(({ object }) => object),
  };
}

async function openFiles(
  host: RegionHost,
  refs: readonly StoreFileRef[],
  families: readonly FamilyDescriptor[],
): Promise<readonly OpenFile[]> {
  const known = refs.filter(({ family }) => families.some(({ name }) => name === family));
  const files: OpenFile[] = [];
  let next = 0;
  const openSome = async (): Promise<void> => {
    for (let ref = known[next++]; ref !== undefined; ref = known[next++]) {
      files.push({ ref, reader: await openHFile(ref, host.context) });
    }
  };
  const openers = Math.min(known.length, regionLimits.filesOpenedAtOnce);
  await Promise.all(Array.from({ length: openers }, openSome));
  return files.sort((a, b) => a.ref.sequenceMax - b.ref.sequenceMax);
}

function emptyStoreOf(family: FamilyDescriptor, files: readonly OpenFile[]): StoreView {
  return {
    family,
    familyBytes: Buffer.from(family.name),
    active: new Memstore(),
    snapshot: undefined,
    files: files.filter(({ ref }) => ref.family === family.name),
  };
}

/** Returns the largest sequence replayed. */
async function replayInto(
  host: RegionHost,
  stores: readonly StoreView[],
  slice: LogSlice,
  nonces: UsedNonce[],
): Promise<number> {
  const { objects, clock } = host.services;
  const pauses = new Slice(clock, regionLimits.sliceMs);
  let last = 0;
  for (const record of await readSlice(objects, slice)) {
    last = Math.max(last, record.sequence);
    for (const nonce of record.nonces) nonces.push({ ...nonce, usedAtMs: record.writtenAtMs });
    for (const cell of record.cells) {
      // A family that was dropped since takes its unflushed edits along.
      const memstore = storeOf(stores, cell)?.active;
      memstore?.insert(cell.buffer, cell.offset, cell.length, record.sequence);
    }
    const pause = pauses.pause();
    if (pause !== undefined) await pause;
  }
  return last;
}
