// A position in a sorted run of cells (memstore, store file, or several merged), moved without
// allocating and without promises as long as what it needs is in memory.
//
// Invariants every implementation keeps:
// 1. Cells come in HBase's order (`compareCells`): keys up, equal keys by falling sequence.
// 2. The window fields are meaningful only while `valid`; the bytes behind them may be reused by
//    the next move, so whoever keeps a cell longer copies it.
// 3. A move returns `undefined` when it is done, or a promise when it must read first. Until that
//    promise settles the cursor is not valid and must not be moved or read, only closed.
// 4. Errors of reading reject that promise and leave the cursor invalid; a later seek may succeed.
// 5. A key to seek is not kept, but its bytes stay unchanged until the move is done.

import type { Cell } from '../base/cell.js';

/** What a move returns: `undefined` is done, a promise is still reading. */
export type Moving = Promise<void> | undefined;

export interface CellCursor {
  /** Whether the cursor stands on a cell. */
  readonly valid: boolean;
  /** The current cell in KeyValue layout starts at `offset` of `buffer`; see {@link Cell}. */
  readonly buffer: Buffer;
  readonly offset: number;
  readonly keyLength: number;
  readonly valueLength: number;
  /** 0 also means that no tags length stands behind the value, as in {@link Cell}. */
  readonly tagsLength: number;
  /** The edit's sequence number within its region. */
  readonly sequence: number;

  /** Goes to the first cell of the run. */
  seekToFirst(): Moving;
  /** Goes to the first cell whose key is at or after `key`'s; sequences are not compared. */
  seek(key: Cell): Moving;
  /** Goes to the last cell whose key is before `key`'s; sequences are not compared. */
  seekBefore(key: Cell): Moving;
  /** Goes to the next cell; becomes invalid after the last one. Only while `valid`. */
  next(): Moving;
  /** Lets go of what it holds; the cursor is invalid for ever. No error when repeated. */
  close(): void;
}
