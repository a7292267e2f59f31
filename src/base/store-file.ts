// What the catalog says of one store file of a region, and of the sorted logs it must still replay.

import type { Nonce } from './operations.js';
import type { RegionId, Revision, Sequence } from './ids.js';

/** The part of a shared file that a region may see. Empty bounds are open. */
export interface Clip {
  readonly startKey: Buffer;
  readonly endKey: Buffer;
}

/** A nonce with the wall-clock millisecond it was used. */
export interface UsedNonce extends Nonce {
  readonly usedAtMs: number;
}

/** One immutable store file, as a region refers to it. */
export interface StoreFileRef {
  readonly family: string;
  /** The object's name in the store. */
  readonly object: string;
  readonly bytes: number;
  /** CRC-32 of the whole object. */
  readonly crc32: number;
  readonly entries: number;
  readonly sequenceMin: Sequence;
  readonly sequenceMax: Sequence;
  /** The revision that made it live; 0 until the master has committed it. */
  readonly birth: Revision;
  readonly clip: Clip | undefined;
  /** What of it the clip leaves. */
  readonly visibleBytes: number;
  readonly visibleEntries: number;
  /** Made by a major compaction: holds no delete markers that still matter. */
  readonly majorCompacted: boolean;
  /** Oldest and newest cell's wall-clock milliseconds, for time-range pruning and time to live. */
  readonly timestampMin: number;
  readonly timestampMax: number;
}

/** One region's part of a sorted log, still to be replayed. */
export interface LogSlice {
  /** The sorted log's object. */
  readonly object: string;
  /** The region that wrote the edits. */
  readonly origin: RegionId;
  readonly offset: number;
  readonly bytes: number;
  readonly entries: number;
  /** Edits at or below this were flushed before the crash. */
  readonly skipUpTo: Sequence;
  readonly sequenceMax: Sequence;
  readonly clip: Clip | undefined;
}

/** A flush or compaction, as a server asks the master to commit it. */
export interface StoreCommit {
  readonly added: readonly StoreFileRef[];
  readonly removed: readonly string[];
  /** Set by a flush: all edits at or below are in store files. */
  readonly flushedSequence: Sequence | undefined;
  /** Set by a flush: the live nonce window at it. */
  readonly nonces: readonly UsedNonce[] | undefined;
  /** Set by a flush: slices wholly replayed and now covered. */
  readonly replayedSlices: readonly string[];
}
