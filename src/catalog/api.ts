// What the catalog gives to everything above it: typed records, views of them, and transactions.
// Types only; the catalog is made by `openCatalog` (open.ts), the kinds of records are in records/.
//
// Invariants:
// 1. One transaction is one log record (L1), at most `transactionBytesMax` of it (L9).
// 2. Persist, then apply in log order, then wake (L4): `tail` holds what is queued too and is for
//    preconditions and the reads of a step; everything shown outside comes from `durable`.
// 3. A failed catalog write ends the process, so the tail never needs undoing (L4, race P14).
// 4. Dropping the last live reference to an object makes it a deletion candidate in the same
//    transaction, whoever wrote the record (L6): kinds declare what they refer to.
// 5. Values are shared between views and never changed in place.

import type { Epoch, RegionId, Revision, TableId, Timeline } from '../base/ids.js';
import type { LogPosition } from '../storage/log.js';

/** A part of a key. Numbers are safe integers; strings sort by code point, buffers by byte. */
export type KeyPart = string | number | Buffer;
export type CatalogKey = readonly KeyPart[];

/** Leading parts of a key. */
export type KeyPrefix<Key extends CatalogKey> = Key extends readonly [...infer Head, KeyPart]
  ? Head extends CatalogKey
    ? Key | KeyPrefix<Head>
    : Key
  : Key;

/** The type of a part of a key, as text. */
export type KeyPartType = 'string' | 'number' | 'bytes';

/** The type of each part of a key. */
export type KeyShape<Key extends CatalogKey> = {
  readonly [Part in keyof Key]: Key[Part] extends number
    ? 'number'
    : Key[Part] extends string
      ? 'string'
      : 'bytes';
};

/** An object that a record keeps alive. */
export interface ObjectReference {
  readonly object: string;
  /** Bytes of the whole object; 0 where the record does not know them. */
  readonly bytes: number;
  /** The revision that first referred to it. */
  readonly birth: Revision;
}

/** What a system restore does with records of a kind (page 2). */
export type OnRestore = 'keep' | 'clear' | 'merge';

/** One kind of record. Made by `defineKind` (kind.ts). */
export interface RecordKind<Key extends CatalogKey, Value> {
  /** The first part of its keys, shown to people. */
  readonly name: string;
  /** u16 that stands before every value; never reused. */
  readonly type: number;
  /** u16 of the values written now. */
  readonly version: number;
  readonly shape: readonly KeyPartType[];
  readonly onRestore: OnRestore;
  /** `cold` records are readable only after `catalog.load`. */
  readonly temperature: 'hot' | 'cold';
  /** Ordered bytes of the key, as a latin-1 string. */
  encodeKey(key: KeyPrefix<Key>): string;
  /** Throws `corruption` if the bytes are not a key of this kind. */
  decodeKey(encoded: string): Key;
  encode(value: Value): Uint8Array;
  /** Decodes a value of any version up to `version`. Throws if it cannot. */
  decode(version: number, bytes: Uint8Array): Value;
  /** What a record keeps alive; absent for kinds that keep nothing. */
  references?(value: Value): readonly ObjectReference[];
}

export interface CatalogEntry<Key extends CatalogKey, Value> {
  readonly key: Key;
  readonly value: Value;
}

export interface ScanOptions<Key extends CatalogKey> {
  /** Only keys that begin with these parts. */
  readonly prefix?: KeyPrefix<Key>;
  /** Start here: at or after it; reversed: at or before the last key that begins with it. */
  readonly from?: KeyPrefix<Key>;
  /** Start past this key (before it, reversed). */
  readonly after?: Key;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** The records at one revision, or as they become. */
export interface CatalogView {
  /** The last transaction that the view shows. */
  readonly revision: Revision;
  /** Throws `corruption` if the record is quarantined. */
  get<Key extends CatalogKey, Value>(kind: RecordKind<Key, Value>, key: Key): Value | undefined;
  /**
   * Records in key order. Quarantined ones are left out (they are in `catalog.quarantined`). A scan
   * over a view that changes meanwhile goes on from the last key it gave.
   */
  scan<Key extends CatalogKey, Value>(
    kind: RecordKind<Key, Value>,
    options?: ScanOptions<Key>,
  ): IterableIterator<CatalogEntry<Key, Value>>;
}

/** A view of the tail and of the transaction's own writes. Dead once its body has returned. */
export interface Transaction extends CatalogView {
  /** The revision that this transaction becomes if it writes anything. */
  readonly revision: Revision;
  put<Key extends CatalogKey, Value>(
    kind: RecordKind<Key, Value>,
    key: Key,
    value: NoInfer<Value>,
  ): void;
  /** No error if the record is not there. */
  delete<Key extends CatalogKey, Value>(kind: RecordKind<Key, Value>, key: Key): void;
}

/** A transaction that is queued; nothing about it may be shown before it is durable. */
export interface Committed<T> {
  readonly value: T;
  /** Its own revision, or, if it wrote nothing, the revision that it read. */
  readonly revision: Revision;
  /** Calls `done` once the revision is durable and applied; at once if it is. */
  whenDurable(done: () => void): void;
  durable(): Promise<void>;
}

/** A durable revision kept readable. Release it: it holds memory and the collector's horizon. */
export interface HeldView extends CatalogView {
  release(): void;
}

export interface CatalogChange<Key extends CatalogKey, Value> {
  readonly key: Key;
  readonly before: Value | undefined;
  readonly after: Value | undefined;
  readonly revision: Revision;
}

/** Ids that are never used twice (L5): (timeline, counter) packed into one number. */
export interface CatalogIds {
  /** For tables, regions and procedures. An id given to a transaction that fails is lost. */
  allocate(tx: Transaction): number;
}

/** Live references in the tail, counted by object. */
export interface LiveReferences {
  count(object: string): number;
  /**
   * False while a record that may refer to objects is quarantined: then nobody knows what is
   * unreferenced and nothing may be deleted (L6).
   */
  readonly isComplete: boolean;
}

/** A record that could not be decoded (L10). It is kept as it is until someone writes over it. */
export interface QuarantinedRecord {
  /** The key as far as it could be read, for people. */
  readonly key: string;
  readonly type: number;
  readonly version: number;
  readonly bytes: number;
  readonly reason: string;
}

export interface CatalogStatistics {
  readonly records: number;
  readonly tailRevision: Revision;
  readonly durableRevision: Revision;
  /** Log bytes that a restart would replay, roughly. */
  readonly replayBytes: number;
  readonly checkpointRevision: Revision;
  readonly checkpointRunning: boolean;
}

export interface Catalog {
  readonly clusterId: string;
  readonly epoch: Epoch;
  readonly timeline: Timeline;
  readonly tail: CatalogView;
  readonly durable: CatalogView;
  readonly ids: CatalogIds;
  readonly references: LiveReferences;
  readonly quarantined: readonly QuarantinedRecord[];
  readonly statistics: CatalogStatistics;
  /**
   * Runs `body`, then queues its writes as one log record. A body that throws leaves no trace, and
   * its error comes out. Throws `request-too-big` past the limit. Not to be nested.
   */
  transact<T>(body: (tx: Transaction) => T): Committed<T>;
  /** Makes cold records under a prefix readable in the tail and in transactions. */
  load<Key extends CatalogKey, Value>(
    kind: RecordKind<Key, Value>,
    prefix: KeyPrefix<Key>,
  ): Promise<void>;
  /** Holds the durable revision, or one that is held already. Throws `bad-request` for others. */
  at(revision?: Revision): HeldView;
  /** The oldest revision that somebody holds. */
  readonly oldestHeld: Revision | undefined;
  /** Called for each changed record of the kind once it is durable and applied, in log order. */
  watch<Key extends CatalogKey, Value>(
    kind: RecordKind<Key, Value>,
    listener: (change: CatalogChange<Key, Value>) => void,
  ): { stop(): void };
  /** Calls `done` once everything queued so far is durable and applied. */
  whenDurable(done: () => void): void;
  /** Where a region's record is in the tail, by id alone. */
  regionKey(region: RegionId): RegionKey | undefined;
  /** Writes the whole image as a checkpoint in the background; joins one that is running. */
  checkpoint(): Promise<void>;
  /** Waits for what is queued, writes a checkpoint if asked, and closes the log. */
  close(options: { readonly checkpoint: boolean }): Promise<void>;
}

/** Key of a region record: table id, start key, region id. */
export type RegionKey = readonly [table: TableId, startKey: Buffer, region: RegionId];

/** A log of which positions below `low` are needed no more. */
export interface LogNeed {
  readonly log: string;
  readonly low: LogPosition;
  /** Where it ends, once sealed. */
  readonly end: LogPosition | undefined;
}
