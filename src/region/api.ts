// The region engine as the region server sees it. A pure library over world/'s interfaces:
// `createRegionHost` (host.ts) makes what the regions of one server share, `openRegion` (region.ts)
// opens one region on it.
//
// Promises to the caller:
// 1. Acknowledged (`done` called without an error) means durable and visible. Acknowledgements of a
//    region come in the order of its log (L4).
// 2. Reads see what is durable, never the tail. What a condition or an increment read is durable
//    before its answer is given.
// 3. Nothing here reads a lease: the server checks lease or seal after a read was evaluated (L3).
// 4. Calls that need no block from the store finish before they return.

import type { Cell } from '../base/cell.js';
import type { CadastreError } from '../base/errors.js';
import type { Generation, RegionId, Revision, Sequence } from '../base/ids.js';
import type { Condition, Get, Mutation, Scan } from '../base/operations.js';
import type { Settings } from '../base/settings.js';
import type { LogSlice, StoreCommit, StoreFileRef, UsedNonce } from '../base/store-file.js';
import type { RegionInfo, TableDescriptor } from '../base/table.js';
import type { LogPosition, LogWriter } from '../storage/log.js';
import type { Clock } from '../world/clock.js';
import type { Logger } from '../world/log.js';
import type { ObjectStore } from '../world/object-store.js';
import type { Random } from '../world/random.js';
import type { Workers } from '../world/workers.js';

/** What a commit came to. After `refused` the region is fenced and must be closed. */
export type CommitOutcome =
  | { readonly kind: 'taken'; readonly revision: Revision }
  | { readonly kind: 'refused'; readonly reason: string };

/** Brings flushes and compactions to the master; the server implements it. */
export interface StoreCommitter {
  /**
   * Commits number `number` (1, 2, 3, … within the generation; one at a time). Rejects when the
   * outcome is unknown: the region then repeats the same number until it is known.
   */
  commit(
    region: RegionId,
    generation: Generation,
    number: number,
    commit: StoreCommit,
  ): Promise<CommitOutcome>;
}

/** What the server gives its regions. */
export interface RegionServices {
  readonly objects: ObjectStore;
  readonly workers: Workers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly settings: Settings;
  /** The write-ahead log of this incarnation. */
  readonly writer: LogWriter;
  readonly committer: StoreCommitter;
  /** A name no object ever had (L5). */
  newObjectName(kind: 'store'): string;
}

/** What the server asks of the regions' common parts. */
export interface HostStatus {
  readonly memstoreBytes: number;
  readonly memstoreBytesMax: number;
  /** Bytes of the log that unflushed edits still need. */
  readonly logBytesNeeded: number;
  /** Everything below is in store files: the log may be released up to here. */
  readonly logLowPosition: LogPosition;
  /** Oldest revision whose file list a scan or a running commit uses; undefined: none but the newest. */
  readonly oldestRevisionInUse: Revision | undefined;
  readonly flushesRunning: number;
  readonly compactionsRunning: number;
  readonly compactionsWaiting: number;
}

export interface OpenRegionOptions {
  readonly info: RegionInfo;
  readonly descriptor: TableDescriptor;
  readonly generation: Generation;
  readonly files: readonly StoreFileRef[];
  /** Revision of the catalog at which `files` was read. */
  readonly revision: Revision;
  /** Sorted logs still to be replayed. */
  readonly slices: readonly LogSlice[];
  /** The open sequence is at least this. */
  readonly openSequenceMin: Sequence;
  readonly nonces: readonly UsedNonce[];
  /** Called once if a commit was refused or the log failed: the region serves nothing any more. */
  readonly onFenced?: (error: CadastreError) => void;
}

/** Where the cells of a read go. Windows are valid only during the call. */
export interface ResultSink {
  /** A cell in KeyValue layout at `offset`; the tags with their length follow if `tagsLength` > 0. */
  cell(
    buffer: Buffer,
    offset: number,
    keyLength: number,
    valueLength: number,
    tagsLength: number,
  ): void;
  /** The cells since the last call are one result; `partial`: more of the same row follow. */
  endResult(partial: boolean): void;
}

/** When a page of a scan ends. Every limit is at least one. */
export interface ScanLimits {
  /** Results (rows, or pieces of rows). */
  readonly results: number;
  readonly cells: number;
  /** Bytes of cells; checked after the cell that passes it, as HBase does. */
  readonly bytes: number;
  /** By the clock's `monotonic()`. Checked between cells and while skipping. */
  readonly untilMonotonicMs: number;
  /** Whether a row may be cut by `cells`, `bytes` or time; if not, the page ends after the row. */
  readonly partialResults: boolean;
}

/**
 * How a page ended:
 * - `more`: a limit was reached between two rows;
 * - `partial`: a limit was reached within a row, or its batch is full: more of that row may follow;
 * - `exhausted`: the region has nothing more for this scan;
 * - `filter-done`: the filter wants nothing more, in this region or any other;
 * - `time-limit`: time was up; cells may have been given, `next` goes on where it stopped.
 */
export type ScanState = 'more' | 'partial' | 'exhausted' | 'filter-done' | 'time-limit';

/** An open scan. One call of `next` at a time. */
export interface RegionScanner {
  /** The newest edit it sees; HBase's `mvcc_read_point`. */
  readonly readPoint: number;
  readonly rowsScanned: number;
  readonly rowsFiltered: number;
  /** The row it stands in or has just left, for heartbeats; a copy; undefined before the first. */
  readonly currentRow: Buffer | undefined;
  /** Gives the next page. Throws or rejects with `region-not-serving` once the region closed. */
  next(limits: ScanLimits, sink: ResultSink): ScanState | Promise<ScanState>;
  close(): void;
}

export interface MutateResult {
  /** False if the condition did not hold. */
  readonly processed: boolean;
  /** What increments and appends made, sorted; without them, or if the client wants none: empty. */
  readonly cells: readonly Cell[];
}

export type MutateDone = (
  error: CadastreError | undefined,
  result: MutateResult | undefined,
) => void;

/** The outcome of one of many mutations. */
export type MutateOutcome = MutateResult | CadastreError;

export type RegionState = 'open' | 'closing' | 'closed' | 'fenced';

export interface RegionMetrics {
  readonly memstoreBytes: number;
  readonly storeFiles: number;
  /** Visible bytes of all files (what their clips leave). */
  readonly storeBytes: number;
  readonly storeEntries: number;
  readonly reads: number;
  readonly writes: number;
  readonly cellsScanned: number;
  /** Edits at or below are in store files. */
  readonly flushedSequence: Sequence;
  /** Of the opening, before the first flush. */
  readonly lastFlushAtMs: number;
  readonly lastMajorCompactionAtMs: number;
  readonly compacting: 'none' | 'minor' | 'major';
  readonly openScanners: number;
}

/** One open region. */
export interface Region {
  readonly info: RegionInfo;
  readonly descriptor: TableDescriptor;
  readonly generation: Generation;
  readonly openSequence: Sequence;
  readonly state: RegionState;
  /** The newest edit that reads see. */
  readonly readPoint: number;
  readonly metrics: RegionMetrics;

  /**
   * Gives the row's cells and, if there are any, one `endResult(false)`. With `existenceOnly` at
   * most one cell. Throws or rejects: `wrong-region`, `family-not-found`, `region-not-serving`.
   */
  get(get: Get, sink: ResultSink): void | Promise<void>;
  /** Throws as {@link get}. The scan reads as of now (or `scan.readPoint`). */
  openScanner(scan: Scan): RegionScanner;
  /**
   * Applies one mutation, or several to one row as one, if `condition` holds. `done` is called once,
   * perhaps before this returns when the request is refused: `row-outside-region`,
   * `family-not-found`, `cell-too-large`, `bad-request`, `region-too-busy`, `region-not-serving`.
   * Never called when the log fails: the incarnation then ends.
   */
  mutate(
    mutations: Mutation | readonly Mutation[],
    condition: Condition | undefined,
    done: MutateDone,
  ): void;
  /** Many independent mutations, in order; puts and deletes that follow each other share one record. */
  mutateMany(
    mutations: readonly Mutation[],
    done: (outcomes: readonly MutateOutcome[]) => void,
  ): void;

  /** Writes the memstore to store files and commits them; resolves false if there was nothing. */
  flush(): Promise<boolean>;
  /** Merges store files now; `major`: all of each family, dropping what is deleted. */
  compact(options: { readonly major: boolean; readonly family?: string }): Promise<void>;
  /** A row at which a split would halve the largest family; undefined if there is none. */
  splitPoint(): Promise<Buffer | undefined>;
  /** Takes no more calls, waits for those running, flushes if told to, lets go of its files. */
  close(options: { readonly flush: boolean }): Promise<void>;
}
