// What the region engine uses of store files: immutable, sorted, in HBase's HFile format version 3.
// `createHFile` (writer.ts) makes one, `openHFile` (reader.ts) reads one of ours or of HBase's.
//
// Invariants:
// 1. A file is written in order, once, by a writer whose memory is bounded by a few blocks.
// 2. Bytes from the store are used only after their checksums matched: wrong data is an error of
//    code `corruption` that names object and offset, never a wrong answer (race W10).

import type { Cell } from '../../base/cell.js';
import type { BloomFilterKind } from '../../base/table.js';
import type { ObjectStore } from '../../world/object-store.js';
import type { BlockCache } from '../block-cache.js';
import type { CellCursor, Moving } from '../cell-cursor.js';

export interface HFileWriterOptions {
  /** Bytes of a data block before compression. */
  readonly blockBytes: number;
  readonly compression: 'none' | 'gzip';
  readonly bloom: BloomFilterKind;
  /** Whether cells may have tags. If false, appending one that has throws. */
  readonly withTags: boolean;
  /** Wall clock, stands in the file's information. */
  readonly createdAtMs: number;
  readonly majorCompacted: boolean;
  /** The largest sequence the file stands for (its flush's), at least that of its cells. */
  readonly sequenceMax?: number;
  /** More entries for the file's information; names are Latin-1 and not HBase's own. */
  readonly metadata?: Readonly<Record<string, Uint8Array>>;
  /** Bytes of an index block; HBase's 128 KiB if absent. */
  readonly indexBlockBytes?: number;
  /** Bytes of a bloom filter chunk; HBase's 128 KiB if absent. */
  readonly bloomChunkBytes?: number;
}

/** What a finished file holds; feeds a `StoreFileRef`. */
export interface HFileSummary {
  readonly bytes: number;
  /** CRC-32 of the whole object. */
  readonly crc32: number;
  readonly entries: number;
  readonly deletes: number;
  /** Key parts of the first and last cell (row length, row, …, type); empty if there are no cells. */
  readonly firstKey: Buffer;
  readonly lastKey: Buffer;
  /** Over the cells; 0 if there are none. */
  readonly sequenceMin: number;
  readonly sequenceMax: number;
  /**
   * Milliseconds as doubles; 0 if there are no cells. A delete marker of a column or family counts
   * as 0 too, because it reaches back to cells in other files.
   */
  readonly timestampMin: number;
  readonly timestampMax: number;
  readonly tagsLengthMax: number;
  /** Keys and values before compression. */
  readonly rawBytes: number;
}

/** Writes one file. Not for concurrent use. */
export interface HFileWriter {
  /**
   * Adds the cell in KeyValue layout at `offset`; its bytes are copied before the call returns.
   * Throws `AssertionFailure` if it sorts before the last one. A returned promise must be awaited
   * before the next call: the object's writer is behind (it rejects with the store's error).
   */
  append(
    buffer: Buffer,
    offset: number,
    keyLength: number,
    valueLength: number,
    tagsLength: number,
    sequence: number,
  ): Moving;
  appendCell(cell: Cell): Moving;
  /** Bytes so far, for cutting files by size. */
  readonly bytesWritten: number;
  /** Writes the rest and makes the object durable. */
  finish(): Promise<HFileSummary>;
  /** Drops the object. */
  abort(): Promise<void>;
}

/** What reading needs from outside, shared by all files of a server. */
export interface HFileContext {
  readonly objects: ObjectStore;
  readonly cache: BlockCache;
}

export interface HFileCursorOptions {
  /**
   * `pread` reads a block at a time and reads on ahead only when it is moved sequentially;
   * `stream` fetches several blocks with one read of the object (long scans, compaction).
   */
  readonly readType: 'pread' | 'stream';
  /** Whether blocks that had to be read go into the cache. */
  readonly cacheBlocks: boolean;
  /** Reported for every cell instead of its own: bulk loaded files have none. */
  readonly sequence?: number;
}

/** One open file. Safe for any number of cursors at once. */
export interface HFileReader {
  readonly object: string;
  readonly bytes: number;
  readonly entries: number;
  readonly compression: 'none' | 'gzip';
  /** HBase's name, `NONE` if blocks are plain. */
  readonly encoding: string;
  readonly bloom: BloomFilterKind;
  readonly hasTags: boolean;
  /** Key parts; empty if the file has no cells. */
  readonly firstKey: Buffer;
  readonly lastKey: Buffer;
  /** From the file's information; undefined if the writer noted none. */
  readonly timestampMin: number | undefined;
  readonly timestampMax: number | undefined;
  readonly sequenceMax: number | undefined;
  readonly majorCompacted: boolean;
  /** The file's information, names as Latin-1. */
  readonly info: ReadonlyMap<string, Buffer>;

  cursor(options: HFileCursorOptions): CellCursor;
  /**
   * False only if the file surely has no cell of the row. True without reading when there is no
   * filter; a promise when the filter's chunk must be read.
   */
  mayContainRow(row: Buffer): boolean | Promise<boolean>;
  /** As {@link mayContainRow}, for one column; with a row filter it asks that one. */
  mayContainColumn(row: Buffer, qualifier: Buffer): boolean | Promise<boolean>;
  /** The first key of the middle data block, where a split would cut; undefined if empty. */
  midKey(): Promise<Buffer | undefined>;
}
