// Flushes and compactions taken into the catalog (page 2, "Region record").
//
// Commits are numbered 1, 2, 3, … within (region, generation), one at a time. A number at or below
// the last one taken succeeds without effect, because a late duplicate must not bring back files that
// were compacted away since (race W18). Whatever is refused makes candidates of the objects that
// nothing refers to, in the same transaction, so that they are neither lost nor taken for live
// (races W7, W14).

import type { Generation, RegionId, Revision } from '../base/ids.js';
import type { StoreCommit, StoreFileRef } from '../base/store-file.js';
import type { Catalog, Transaction } from './api.js';
import { fileKind } from './records/files.js';
import type { RegionRecord } from './records/regions.js';
import { regionKeyOf, regionKind } from './records/regions.js';
import { serverKind } from './records/servers.js';
import { abandonObject, isDeleting } from './references.js';

export interface NumberedCommit {
  readonly region: RegionId;
  readonly generation: Generation;
  readonly number: number;
  readonly commit: StoreCommit;
}

export type StoreCommitOutcome =
  /** `isRepeat`: it had been taken before. */
  | { readonly kind: 'taken'; readonly revision: Revision; readonly isRepeat: boolean }
  /** The server closes the region. */
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * Takes or refuses a commit. Either way the caller commits the transaction and answers once it is
 * durable. `catalog.load(fileKind, [region])` comes first.
 */
export function commitStores(
  tx: Transaction,
  catalog: Pick<Catalog, 'references' | 'regionKey'>,
  numbered: NumberedCommit,
): StoreCommitOutcome {
  const key = catalog.regionKey(numbered.region);
  const region = key === undefined ? undefined : tx.get(regionKind, key);
  const refusal = refusalOfSender(tx, region, numbered);
  if (region === undefined || refusal !== undefined) {
    return refuse(tx, catalog, numbered, refusal ?? 'the region is not there any more');
  }
  if (numbered.number <= region.lastCommitNumber) {
    return { kind: 'taken', revision: tx.revision, isRepeat: true };
  }
  const listed = new Map(
    [...tx.scan(fileKind, { prefix: [region.regionId] })].map(({ value }) => [value.object, value]),
  );
  const reason = refusalOfContent(tx, region, listed, numbered);
  if (reason !== undefined) return refuse(tx, catalog, numbered, reason);
  take(tx, region, listed, numbered);
  return { kind: 'taken', revision: tx.revision, isRepeat: false };
}

const acceptingStates: readonly RegionRecord['state'][] = ['opening', 'open', 'closing'];

/** Why nothing from this sender is taken for the region (L3). */
function refusalOfSender(
  tx: Transaction,
  region: RegionRecord | undefined,
  { generation }: NumberedCommit,
): string | undefined {
  if (region === undefined) return 'the region is not there any more';
  if (region.generation !== generation) {
    return `the region's generation is ${region.generation}, not ${generation}`;
  }
  if (!acceptingStates.includes(region.state)) return `the region is ${region.state}`;
  const server = region.server === undefined ? undefined : tx.get(serverKind, [region.server]);
  if (server === undefined) return 'the region has no server';
  if (server.state === 'crashed' || server.state === 'stopped') {
    return `server ${region.server} is ${server.state}`;
  }
  return undefined;
}

/** Why this commit does not follow on what is there. */
function refusalOfContent(
  tx: Transaction,
  region: RegionRecord,
  listed: ReadonlyMap<string, StoreFileRef>,
  { number, commit }: NumberedCommit,
): string | undefined {
  if (number !== region.lastCommitNumber + 1) {
    return `commit ${number} does not follow commit ${region.lastCommitNumber}`;
  }
  for (const object of commit.removed) {
    if (!listed.has(object)) return `its input ${object} is not a file of the region any more`;
  }
  for (const { object } of commit.added) {
    if (listed.has(object)) return `${object} is a file of the region already`;
    if (isDeleting(tx, object)) return `${object} is being deleted`;
  }
  return undefined;
}

function refuse(
  tx: Transaction,
  { references }: Pick<Catalog, 'references'>,
  { commit }: NumberedCommit,
  reason: string,
): StoreCommitOutcome {
  for (const { object, bytes } of commit.added) abandonObject(tx, references, object, bytes);
  return { kind: 'refused', reason };
}

function take(
  tx: Transaction,
  region: RegionRecord,
  listed: ReadonlyMap<string, StoreFileRef>,
  { number, commit }: NumberedCommit,
): void {
  for (const object of commit.removed) {
    const file = listed.get(object);
    if (file !== undefined) tx.delete(fileKind, [region.regionId, file.family, object]);
  }
  for (const file of commit.added) {
    const birth = file.birth === 0 ? tx.revision : file.birth;
    tx.put(fileKind, [region.regionId, file.family, file.object], { ...file, birth });
  }
  const { flushedSequence, replayedSlices, nonces } = commit;
  const isHigher = flushedSequence !== undefined && flushedSequence > region.flushedSequence;
  tx.put(regionKind, regionKeyOf(region), {
    ...region,
    lastCommitNumber: number,
    flushedSequence: isHigher ? flushedSequence : region.flushedSequence,
    nonces: nonces ?? region.nonces,
    slices:
      replayedSlices.length === 0
        ? region.slices
        : region.slices.filter(({ object }) => !replayedSlices.includes(object)),
  });
}
