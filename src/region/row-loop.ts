// A scan of one region: rows over all its families, forward or in reverse, page by page.
//
// It is a loop over a few phases whose state is all in fields, so that it can stop at any await, or
// for a limit, and go on where it was:
//   start → (find row) → between → row → between → … → end
// A cell that was found when a limit had been reached is kept for the next page (`#hasCell`): that is
// how it knows that a piece of a row is partial. Await points: every move of a source. Inserts and
// flushes may happen across them; what the scan reads (its views) does not change.

import type { Cell } from '../base/cell.js';
import { CadastreError } from '../base/errors.js';
import type { ResultSink, ScanLimits, ScanState } from './api.js';
import type { Moving } from './cell-cursor.js';
import { copyCell, windowOf } from './cell-copy.js';
import { KeptBytes } from './cell-view.js';
import type { RowFilter } from './filter.js';
import { SeekKeys } from './keys.js';
import type { ReadBudget } from './read-budget.js';
import type { Step, StoreScanner } from './store-scanner.js';

/** Rows have at most 32,767 bytes, so this sorts after all. */
const rowBytesMax = 32_767;

/** Which rows, in which order, and in which pieces. */
export interface RowsWanted {
  /** Empty: from the first (reversed: the last). */
  readonly startRow: Buffer;
  readonly includeStart: boolean;
  /** Empty: to the end. */
  readonly stopRow: Buffer;
  readonly includeStop: boolean;
  readonly reversed: boolean;
  /** Cells in one result at most; 0: a row is one. */
  readonly batch: number;
  /** Only `startRow` is read. */
  readonly isSingleRow: boolean;
}

export interface RowLoopParts {
  readonly rows: RowsWanted;
  /** Shared with the stores' scanners. */
  readonly row: KeptBytes;
  readonly budget: ReadBudget;
  readonly filter: RowFilter | undefined;
  /** Opens the families' scanners, sorted by family. */
  readonly openStores: () => StoreScanner[] | Promise<StoreScanner[]>;
}

type Phase = 'start' | 'find' | 'between' | 'row' | 'end';

const noLimits: ScanLimits = {
  results: 0,
  cells: 0,
  bytes: 0,
  untilMonotonicMs: 0,
  partialResults: true,
};

export class RowLoop {
  rowsScanned = 0;
  rowsFiltered = 0;
  readonly #parts: RowLoopParts;
  readonly #filter: RowFilter | undefined;
  readonly #row: KeptBytes;
  readonly #keys = new SeekKeys();
  readonly #found = new KeptBytes();
  #stores: readonly StoreScanner[] = [];
  #phase: Phase = 'start';
  #isClosed = false;
  /** Stores that have the row, and which of them is being read. */
  readonly #inRow: StoreScanner[] = [];
  #at = 0;
  /** A step that was waited for. */
  #lateStep: Step | undefined;
  #hasCell = false;
  #isDropped = false;
  readonly #collected: Cell[] = [];
  #cellsInResult = 0;
  // the page
  #limits: ScanLimits = noLimits;
  #sink: ResultSink | undefined;
  #results = 0;
  #cells = 0;
  #bytes = 0;

  constructor(parts: RowLoopParts) {
    this.#parts = parts;
    this.#filter = parts.filter;
    this.#row = parts.row;
  }

  /** A copy of the row last taken; undefined before the first. */
  get currentRow(): Buffer | undefined {
    const { buffer, length } = this.#row;
    return this.rowsScanned === 0 ? undefined : Buffer.from(buffer.subarray(0, length));
  }

  get cellsExamined(): number {
    let sum = 0;
    for (const store of this.#stores) sum += store.cellsExamined;
    return sum;
  }

  next(limits: ScanLimits, sink: ResultSink): ScanState | Promise<ScanState> {
    this.#limits = limits;
    this.#sink = sink;
    this.#results = 0;
    this.#cells = 0;
    this.#bytes = 0;
    this.#parts.budget.renew(limits.untilMonotonicMs);
    return this.#run();
  }

  close(): void {
    this.#isClosed = true;
    this.#phase = 'end';
    for (const store of this.#stores) store.close();
  }

  #run(): ScanState | Promise<ScanState> {
    for (;;) {
      switch (this.#phase) {
        case 'start': {
          const opening = this.#start();
          if (opening !== undefined) return opening.then(() => this.#run());
          break;
        }
        case 'find': {
          const moving = this.#findRow();
          if (moving !== undefined) return moving.then(() => this.#run());
          break;
        }
        case 'between': {
          const state = this.#beginRow();
          if (state !== undefined) return state;
          break;
        }
        case 'row': {
          const state = this.#readRow();
          if (state !== undefined) return state;
          break;
        }
        case 'end':
          if (this.#isClosed) throw scannerClosed();
          return this.#filter?.wantsNothingMore === true ? 'filter-done' : 'exhausted';
      }
    }
  }

  #start(): Moving {
    const stores = this.#parts.openStores();
    if (Array.isArray(stores)) return this.#startAt(stores);
    return stores.then((opened) => this.#startAt(opened));
  }

  #startAt(stores: readonly StoreScanner[]): Moving {
    this.#stores = stores;
    if (this.#isClosed) {
      for (const store of stores) store.close();
      return undefined;
    }
    const { startRow, includeStart, reversed } = this.#parts.rows;
    if (reversed) {
      // Where `#findRow` goes back from: the start row is taken in by standing after it.
      if (startRow.length === 0)
        this.#row.set(Buffer.alloc(rowBytesMax + 1, 0xff), 0, rowBytesMax + 1);
      else if (includeStart)
        this.#row.set(Buffer.concat([startRow, Buffer.of(0)]), 0, startRow.length + 1);
      else this.#row.set(startRow, 0, startRow.length);
      this.#phase = 'find';
      return undefined;
    }
    this.#phase = 'between';
    const key = includeStart ? this.#keys.firstOfRow(startRow) : this.#keys.afterRow(startRow);
    return this.#seekAll(key);
  }

  /** In reverse: goes to the last row before the one that was read. */
  #findRow(): Moving {
    const found = this.#found;
    found.clear();
    const key = this.#keys.firstOfRow(this.#row.buffer, 0, this.#row.length);
    const moving = all(this.#stores.map((store) => store.findRowBefore(key, found)));
    return moving === undefined ? this.#goToFound() : moving.then(() => this.#goToFound());
  }

  #goToFound(): Moving {
    const { buffer, length } = this.#found;
    if (length < 0) {
      this.#finish();
      return undefined;
    }
    this.#phase = this.#isClosed ? 'end' : 'between';
    return this.#seekAll(this.#keys.firstOfRow(buffer, 0, length));
  }

  #seekAll(key: Cell): Moving {
    return all(this.#stores.map((store) => store.seek(key)));
  }

  #finish(): void {
    this.#phase = 'end';
    if (this.#isClosed) return;
    for (const store of this.#stores) store.close();
  }

  /** Takes the next row, or says how the page ends. */
  #beginRow(): ScanState | undefined {
    const filter = this.#filter;
    if (!this.#takeRow() || filter?.wantsNothingMore === true) {
      this.#finish();
      return undefined;
    }
    const limits = this.#limits;
    if (
      this.#results >= limits.results ||
      this.#cells >= limits.cells ||
      this.#bytes >= limits.bytes
    ) {
      return 'more';
    }
    // Setting the length would free the array's store for every row: 5 % of a scan.
    while (this.#inRow.length > 0) this.#inRow.pop();
    for (const store of this.#stores) {
      if (!store.isInRow()) continue;
      store.beginRow();
      this.#inRow.push(store);
    }
    this.#at = 0;
    this.#cellsInResult = 0;
    if (this.#collected.length > 0) this.#collected.length = 0;
    this.rowsScanned++;
    this.#isDropped = false;
    if (filter !== undefined) {
      filter.reset();
      this.#isDropped = filter.dropsRowKey(this.#row.buffer.subarray(0, this.#row.length));
      if (this.#isDropped) this.#dropRow();
    }
    this.#phase = 'row';
    return undefined;
  }

  /** Puts the next row into `#row`; false if there is none, or it is past the stop row. */
  #takeRow(): boolean {
    let first: StoreScanner | undefined;
    for (const store of this.#stores) {
      if (!store.source.valid) continue;
      if (first === undefined || compareRowsOf(store, first) < 0) first = store;
    }
    if (first === undefined) return false;
    const { buffer, offset } = first.source;
    this.#row.set(buffer, offset + 10, rowLengthAt(buffer, offset));
    return this.#isBeforeStop();
  }

  #isBeforeStop(): boolean {
    const { stopRow, includeStop, reversed, isSingleRow, startRow } = this.#parts.rows;
    if (isSingleRow) return this.#row.equals(startRow, 0, startRow.length);
    if (stopRow.length === 0) return true;
    const { buffer, length } = this.#row;
    const order = buffer.compare(stopRow, 0, stopRow.length, 0, length);
    if (order === 0) return includeStop;
    return reversed ? order > 0 : order < 0;
  }

  #dropRow(): void {
    this.rowsFiltered++;
    for (const store of this.#inRow) store.skipRow();
  }

  /** Reads on in the row; undefined when it is over. */
  #readRow(): ScanState | Promise<ScanState> | undefined {
    for (;;) {
      if (this.#hasCell) {
        this.#hasCell = false;
        this.#give();
        continue;
      }
      const store = this.#inRow[this.#at];
      if (store === undefined) {
        this.#endRow();
        return undefined;
      }
      const step = this.#lateStep ?? store.step();
      this.#lateStep = undefined;
      if (typeof step !== 'string') {
        return step.then((late) => {
          this.#lateStep = late;
          return this.#run();
        });
      }
      if (step === 'row-done') {
        this.#at++;
      } else if (step === 'time') {
        const state = this.#stopForTime();
        if (state !== undefined) return state;
      } else {
        const state = this.#onCell(store);
        if (state !== undefined) return state;
      }
    }
  }

  #stopForTime(): ScanState | undefined {
    if (this.#cellsInResult > 0) {
      if (!this.#limits.partialResults) {
        this.#parts.budget.renew(Infinity);
        return undefined;
      }
      this.#endResult(true);
    }
    return 'time-limit';
  }

  /** A cell was found: gives it, or keeps it for the next page. */
  #onCell(store: StoreScanner): ScanState | undefined {
    const filter = this.#filter;
    if (filter?.judgesRows === true) {
      this.#collected.push(copyCell(store.source));
      return undefined;
    }
    const limits = this.#limits;
    const { batch } = this.#parts.rows;
    const isBatchFull = batch > 0 && this.#cellsInResult >= batch;
    const isPageFull = this.#cells >= limits.cells || this.#bytes >= limits.bytes;
    if (isBatchFull || (isPageFull && limits.partialResults && this.#cellsInResult > 0)) {
      this.#endResult(true);
      if (isPageFull || this.#results >= limits.results) {
        this.#hasCell = true;
        return 'partial';
      }
    }
    this.#give();
    return undefined;
  }

  /** Gives the cell the current store stands on. */
  #give(): void {
    const { source } = this.#inRow[this.#at] as StoreScanner;
    const transform = this.#filter?.transform;
    if (transform !== undefined) {
      this.#giveCell(transform(windowOf(source)));
      return;
    }
    const { buffer, offset, keyLength, valueLength, tagsLength } = source;
    (this.#sink as ResultSink).cell(buffer, offset, keyLength, valueLength, tagsLength);
    this.#cellsInResult++;
    this.#cells++;
    this.#bytes += 8 + keyLength + valueLength;
  }

  #giveCell(cell: Cell): void {
    const { buffer, offset, keyLength, valueLength, tagsLength } = cell;
    (this.#sink as ResultSink).cell(buffer, offset, keyLength, valueLength, tagsLength);
    this.#cellsInResult++;
    this.#cells++;
    this.#bytes += 8 + keyLength + valueLength;
  }

  #endRow(): void {
    const filter = this.#filter;
    if (filter !== undefined && !this.#isDropped) this.#judgeRow(filter);
    if (this.#cellsInResult > 0) this.#endResult(false);
    const { isSingleRow, reversed } = this.#parts.rows;
    if (isSingleRow) this.#finish();
    else this.#phase = reversed ? 'find' : 'between';
  }

  /** Lets the filter judge the row as a whole, and gives what was collected for that. */
  #judgeRow(filter: RowFilter): void {
    if (!filter.judgesRows || this.#collected.length === 0) return;
    const cells = filter.filterCells(this.#collected);
    if (filter.dropsRow()) {
      this.rowsFiltered++;
      return;
    }
    for (const cell of cells) this.#giveCell(filter.transform?.(cell) ?? cell);
  }

  #endResult(partial: boolean): void {
    (this.#sink as ResultSink).endResult(partial);
    this.#results++;
    this.#cellsInResult = 0;
  }
}

function rowLengthAt(buffer: Buffer, offset: number): number {
  return ((buffer[offset + 8] as number) << 8) | (buffer[offset + 9] as number);
}

function compareRowsOf(a: StoreScanner, b: StoreScanner): number {
  const { buffer, offset } = a.source;
  const other = b.source;
  const start = offset + 10;
  const otherStart = other.offset + 10;
  return buffer.compare(
    other.buffer,
    otherStart,
    otherStart + rowLengthAt(other.buffer, other.offset),
    start,
    start + rowLengthAt(buffer, offset),
  );
}

/** Waits for all moves, whatever becomes of each: none may be going on when an error is passed on. */
function all(moves: readonly Moving[]): Moving {
  const waiting = moves.filter((moving) => moving !== undefined);
  if (waiting.length === 0) return undefined;
  return Promise.allSettled(waiting).then((outcomes) => {
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  });
}

function scannerClosed(): CadastreError {
  return new CadastreError('scanner-reset', 'the scanner was closed on the server', {
    nextStep: 'Open a new scanner after the last row received.',
  });
}
