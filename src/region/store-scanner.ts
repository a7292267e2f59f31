// Reads one family row by row: of all cells in order, which ones does the reader see?
//
// Order of judging, HBase's: visible at the read point; family alive; cell alive; delete markers; time
// range; columns; versions; filter; the store's limit and offset.
// Going on: the next few cells are stepped over, which is cheap; then the source is told to seek.
// Between two moves it may stop for time and go on later as if nothing had been.

import { unreachable } from '../base/assert.js';
import { CellType, compareRanges, type Cell } from '../base/cell.js';
import type { TimeRange } from '../base/operations.js';
import type { CellCursor, Moving } from './cell-cursor.js';
import { hasOutlivedItself } from './cell-ttl.js';
import { CellView, KeptBytes } from './cell-view.js';
import { ColumnTracker, type Verdict, type VersionRules } from './column-tracker.js';
import { DeleteTracker, isAfter } from './delete-tracker.js';
import type { RowFilter } from './filter.js';
import { compareKeyBytes } from './hfile/key.js';
import { SeekKeys } from './keys.js';
import { advanceTo, mergeOf, type CellSource } from './merge-cursor.js';
import type { ReadBudget } from './read-budget.js';

/** Cells stepped over before a seek: about what a seek costs. */
const stepsBeforeSeek = 8;

export interface StoreScanOptions {
  readonly family: Buffer;
  readonly rules: VersionRules;
  /** Sorted qualifiers; undefined: all. */
  readonly columns: readonly Buffer[] | undefined;
  readonly timeRange: TimeRange | undefined;
  /** Delete markers newer than the time range do not hide what is in it. */
  readonly keepsDeleted: boolean;
  readonly raw: boolean;
  readonly readPoint: number;
  readonly nowMs: number;
  readonly filter: RowFilter | undefined;
  /** Versions of a column given after the filter has seen them; without a filter the rules say it. */
  readonly versionsAfterFilter: number;
  /** At most this many cells of a row, after `storeOffset`. */
  readonly storeLimit: number;
  readonly storeOffset: number;
  /** The row is the only one: nothing needs to stand on the next. */
  readonly isSingleRow: boolean;
}

/** `cell`: the source stands on a cell to give. `time`: stopped in between. */
export type Step = 'cell' | 'row-done' | 'time';

type Move = 'stay' | 'next' | 'seek-column' | 'seek-row' | 'seek-hint';

export class StoreScanner {
  readonly source: CellSource;
  readonly #runs: readonly CellCursor[];
  readonly #options: StoreScanOptions;
  readonly #budget: ReadBudget;
  /** The row being read; shared with the region's scanner, which sets it. */
  readonly #row: KeptBytes;
  readonly #keys = new SeekKeys();
  readonly #view = new CellView();
  readonly #deletes = new DeleteTracker();
  readonly #columns: ColumnTracker;
  readonly #skipped = new KeptBytes();
  #move: Move = 'stay';
  #skipping: 'nothing' | 'column' | 'row' | 'hint' = 'nothing';
  #steps = 0;
  #hint: Cell | undefined;
  #cellsOfRow = 0;
  readonly #filteredColumn = new KeptBytes();
  #versionsFiltered = 0;
  #cellsExamined = 0;

  constructor(
    runs: readonly CellCursor[],
    options: StoreScanOptions,
    row: KeptBytes,
    budget: ReadBudget,
  ) {
    this.#runs = runs;
    this.source = mergeOf(runs);
    this.#options = options;
    this.#row = row;
    this.#budget = budget;
    this.#columns = new ColumnTracker(options.rules, options.columns);
  }

  get cellsExamined(): number {
    return this.#cellsExamined;
  }

  seek(key: Cell): Moving {
    this.#move = 'stay';
    return this.source.seek(key);
  }

  /** Puts the last row before `key` into `found`, if it is after what stands there. */
  findRowBefore(key: Cell, found: KeptBytes): Moving {
    const moving: Promise<void>[] = [];
    for (const run of this.#runs) {
      const moved = run.seekBefore(key);
      if (moved !== undefined) moving.push(moved);
    }
    if (moving.length > 0) return Promise.all(moving).then(() => this.#keepLastRow(found));
    this.#keepLastRow(found);
    return undefined;
  }

  /** Whether the source stands in the row being read. */
  isInRow(): boolean {
    const { valid, buffer, offset } = this.source;
    if (!valid) return false;
    const length = ((buffer[offset + 8] as number) << 8) | (buffer[offset + 9] as number);
    return this.#row.equals(buffer, offset + 10, length);
  }

  /** To be called when the row being read was set and the source stands in it. */
  beginRow(): void {
    this.#deletes.reset();
    this.#columns.reset();
    this.#skipping = 'nothing';
    this.#move = 'stay';
    this.#cellsOfRow = 0;
    this.#filteredColumn.clear();
  }

  /** The rest of the row is not wanted. */
  skipRow(): void {
    this.#skip('row');
  }

  /** Goes to the next cell of the row that the reader sees. */
  step(): Step | Promise<Step> {
    for (;;) {
      const moving = this.#go();
      if (moving !== undefined) return moving.then(() => this.step());
      if (this.#skipping === 'row' && this.#options.isSingleRow) return 'row-done';
      if (!this.isInRow()) return 'row-done';
      if (this.#budget.isSpent()) return 'time';
      this.#cellsExamined++;
      if (this.#skipping !== 'nothing' && this.#skipOn()) continue;
      if (this.#follow(this.#judge())) return 'cell';
    }
  }

  close(): void {
    this.source.close();
  }

  #go(): Moving {
    const move = this.#move;
    if (move === 'stay') return undefined;
    this.#move = 'stay';
    const row = this.#row;
    switch (move) {
      case 'next':
        return this.source.next();
      case 'seek-row':
        return advanceTo(this.source, this.#keys.afterRow(row.buffer, 0, row.length));
      case 'seek-hint':
        return this.#hint === undefined ? this.source.next() : advanceTo(this.source, this.#hint);
      case 'seek-column':
        return advanceTo(this.source, this.#keyOfNextColumn());
      default:
        return unreachable(move);
    }
  }

  #keyOfNextColumn(): Cell {
    const { buffer, length } = this.#row;
    const { family } = this.#options;
    const hint = this.#columns.hint;
    if (hint !== undefined) return this.#keys.firstOfColumn(buffer, length, family, hint);
    const skipped = this.#skipped;
    return this.#keys.afterColumn(buffer, length, family, skipped.buffer, skipped.length);
  }

  #skip(what: 'column' | 'row' | 'hint'): void {
    this.#skipping = what;
    this.#steps = 0;
    this.#move = 'next';
  }

  /** Whether the cell is still to be skipped; the next move is then chosen. */
  #skipOn(): boolean {
    if (!this.#isSkipped()) {
      this.#skipping = 'nothing';
      return false;
    }
    if (++this.#steps < stepsBeforeSeek) this.#move = 'next';
    else if (this.#skipping === 'row') this.#move = 'seek-row';
    else this.#move = this.#skipping === 'column' ? 'seek-column' : 'seek-hint';
    return true;
  }

  #isSkipped(): boolean {
    if (this.#skipping === 'row') return true;
    if (this.#skipping === 'hint') return this.#isBeforeHint();
    this.#view.load(this.source);
    const { buffer, qualifierOffset: at, qualifierLength: length } = this.#view;
    const hint = this.#columns.hint;
    return hint === undefined
      ? this.#skipped.equals(buffer, at, length)
      : compareRanges(buffer, at, length, hint, 0, hint.length) < 0;
  }

  #isBeforeHint(): boolean {
    const { buffer, offset, keyLength } = this.source;
    const hint = this.#hint;
    return (
      hint !== undefined &&
      compareKeyBytes(buffer, offset + 8, keyLength, hint.buffer, hint.offset + 8, hint.keyLength) <
        0
    );
  }

  #judge(): Verdict {
    const { source } = this;
    const view = this.#view;
    const options = this.#options;
    const columns = this.#columns;
    if (source.sequence > options.readPoint) return 'skip';
    view.load(source);
    if (columns.isDone) return 'next-row';
    if (options.rules.oldestLiveMs > 0 && columns.isOver(view)) return columns.skipColumn(view);
    if (source.tagsLength > 0 && hasOutlivedItself(source, view.timestamp, options.nowMs)) {
      return 'skip';
    }
    if (!options.raw) {
      if (view.type !== CellType.put) {
        this.#noteMarker();
        return 'skip';
      }
      if (!this.#deletes.isEmpty) {
        const hidden = this.#deletes.hides(view);
        if (hidden !== 'no') return hidden === 'version' ? 'skip' : columns.skipColumn(view);
      }
    }
    const range = options.timeRange;
    if (range !== undefined) {
      if (!isBefore(view, range.untilHigh, range.untilLow)) return 'skip';
      if (isBefore(view, range.fromHigh, range.fromLow)) return columns.skipColumn(view);
    }
    const verdict = columns.check(view);
    return options.filter === undefined ? verdict : this.#filter(verdict, options.filter);
  }

  /** A delete marker counts unless it is older than what is asked for (or outside, if kept). */
  #noteMarker(): void {
    const range = this.#options.timeRange;
    const view = this.#view;
    if (range !== undefined) {
      if (isBefore(view, range.fromHigh, range.fromLow)) return;
      if (this.#options.keepsDeleted && !isBefore(view, range.untilHigh, range.untilLow)) return;
    }
    this.#deletes.add(view);
  }

  /** What columns and versions said, and the filter's word on it. */
  #filter(verdict: Verdict, filter: RowFilter): Verdict {
    if (!verdict.startsWith('include')) return verdict;
    const view = this.#view;
    const said = filter.judge(view, this.source);
    switch (said) {
      case 'skip':
        if (verdict === 'include') return 'skip';
        return verdict === 'include-next-row' ? 'next-row' : 'next-column';
      case 'next-column':
        return verdict === 'include-next-row' ? 'next-row' : this.#columns.skipColumn(view);
      case 'next-row':
        return 'next-row';
      case 'hint':
        this.#hint = filter.hint(view, this.source);
        return 'hint';
      case 'include-next-row':
        return said;
      case 'include-next-column':
        if (verdict !== 'include') return verdict;
        return this.#columns.skipColumn(view) === 'next-row' ? 'include-next-row' : said;
      case 'include':
        return verdict === 'include' ? this.#countFiltered() : verdict;
      default:
        return unreachable(said);
    }
  }

  /** The tracker counted the family's versions; the reader wants so many after the filter. */
  #countFiltered(): Verdict {
    const { buffer, qualifierOffset, qualifierLength } = this.#view;
    if (!this.#filteredColumn.equals(buffer, qualifierOffset, qualifierLength)) {
      this.#filteredColumn.set(buffer, qualifierOffset, qualifierLength);
      this.#versionsFiltered = 0;
    }
    this.#versionsFiltered++;
    return this.#versionsFiltered > this.#options.versionsAfterFilter
      ? this.#columns.skipColumn(this.#view)
      : 'include';
  }

  /** Chooses the next move; true if the cell is given. */
  #follow(verdict: Verdict): boolean {
    switch (verdict) {
      case 'include':
        this.#move = 'next';
        return this.#isWithinStoreLimit();
      case 'include-next-column':
        this.#skipColumn();
        return this.#isWithinStoreLimit();
      case 'include-next-row':
        this.#skip('row');
        return this.#isWithinStoreLimit();
      case 'skip':
        this.#move = 'next';
        return false;
      case 'next-column':
        this.#skipColumn();
        return false;
      case 'next-row':
        this.#skip('row');
        return false;
      case 'hint':
        this.#takeHint();
        return false;
      default:
        return unreachable(verdict);
    }
  }

  #skipColumn(): void {
    const { buffer, qualifierOffset, qualifierLength } = this.#view;
    if (qualifierLength === 0) {
      // Family markers stand among the cells of the empty qualifier and must not be skipped.
      this.#move = 'next';
      return;
    }
    this.#skipped.set(buffer, qualifierOffset, qualifierLength);
    this.#skip('column');
  }

  #takeHint(): void {
    if (this.#hint === undefined || this.#view.qualifierLength === 0 || !this.#isBeforeHint()) {
      this.#move = 'next';
      return;
    }
    this.#skip('hint');
    // Rows far away are not stepped to.
    const { row } = this.#hint;
    if (!this.#row.equals(row, 0, row.length)) this.#move = 'seek-hint';
  }

  #isWithinStoreLimit(): boolean {
    const { storeLimit, storeOffset } = this.#options;
    this.#cellsOfRow++;
    if (this.#cellsOfRow > storeOffset + storeLimit) {
      this.#skip('row');
      return false;
    }
    return this.#cellsOfRow > storeOffset;
  }

  #keepLastRow(found: KeptBytes): void {
    for (const run of this.#runs) {
      if (!run.valid) continue;
      const { buffer, offset } = run;
      const length = ((buffer[offset + 8] as number) << 8) | (buffer[offset + 9] as number);
      const isLater =
        found.length < 0 ||
        compareRanges(buffer, offset + 10, length, found.buffer, 0, found.length) > 0;
      if (isLater) found.set(buffer, offset + 10, length);
    }
  }
}

function isBefore(view: CellView, high: number, low: number): boolean {
  return isAfter(high, low, view.timestampHigh, view.timestampLow);
}
