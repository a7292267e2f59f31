// Which columns of a row are wanted, and how many versions of each were met.
//
// Version n of a column counts if n ≤ versionsMax, and if it is not older than the time to live or
// n ≤ versionsMin. A second cell of the same timestamp and type is the same version. Delete markers
// (raw scans, compactions) are no versions.
// Source of the semantics: HBase's ScanWildcardColumnTracker and ExplicitColumnTracker.

import { CellType, compareRanges } from '../base/cell.js';
import { KeptBytes, type CellView } from './cell-view.js';
import { isAfter } from './delete-tracker.js';

/** What to do with a cell and where to go on. */
export type Verdict =
  | 'include'
  | 'include-next-column'
  | 'include-next-row'
  | 'skip'
  | 'next-column'
  | 'next-row'
  | 'hint';

export interface VersionRules {
  readonly versionsMax: number;
  readonly versionsMin: number;
  /** Cells older than this many milliseconds since 1970 have outlived the family; 0: none has. */
  readonly oldestLiveMs: number;
}

const two32 = 2 ** 32;

export class ColumnTracker {
  readonly #rules: VersionRules;
  readonly #oldestHigh: number;
  readonly #oldestLow: number;
  /** Wanted qualifiers, sorted; undefined: all. */
  readonly #wanted: readonly Buffer[] | undefined;
  #wantedIndex = 0;
  readonly #column = new KeptBytes();
  #count = 0;
  #lastHigh = 0;
  #lastLow = 0;
  /** Type of the last version; 0: none yet in this column. */
  #lastType = 0;

  constructor(rules: VersionRules, wanted: readonly Buffer[] | undefined) {
    this.#rules = rules;
    this.#wanted = wanted;
    const oldest = Math.max(0, rules.oldestLiveMs);
    this.#oldestHigh = Math.floor(oldest / two32);
    this.#oldestLow = oldest % two32;
  }

  /** To be called at each new row. */
  reset(): void {
    this.#wantedIndex = 0;
    this.#column.clear();
    this.#lastType = 0;
  }

  /** The qualifier to go on at; undefined: the next one there is. */
  get hint(): Buffer | undefined {
    return this.#wanted?.[this.#wantedIndex];
  }

  /** Whether every wanted column is done. */
  get isDone(): boolean {
    return this.#wanted !== undefined && this.#wantedIndex >= this.#wanted.length;
  }

  /** Whether this cell, and so all older ones of its column, outlived the family and none is kept. */
  isOver(cell: CellView): boolean {
    return this.#rules.versionsMin <= 0 && this.isExpired(cell);
  }

  isExpired(cell: CellView): boolean {
    return isAfter(this.#oldestHigh, this.#oldestLow, cell.timestampHigh, cell.timestampLow);
  }

  /** Judges a cell that nothing hides. */
  check(cell: CellView): Verdict {
    if (this.#wanted !== undefined) {
      const verdict = this.#locate(cell, this.#wanted);
      if (verdict !== 'include') return verdict;
    }
    return this.#checkVersion(cell);
  }

  /** Done with the column of this cell: where to go on. */
  skipColumn(cell: CellView): Verdict {
    const wanted = this.#wanted;
    if (wanted === undefined) return 'next-column';
    while (this.#wantedIndex < wanted.length) {
      const order = compareQualifier(cell, wanted[this.#wantedIndex] as Buffer);
      if (order < 0) return 'next-column';
      this.#wantedIndex++;
      if (order === 0) break;
    }
    return this.isDone ? 'next-row' : 'next-column';
  }

  #locate(cell: CellView, wanted: readonly Buffer[]): Verdict {
    for (; this.#wantedIndex < wanted.length; this.#wantedIndex++) {
      const order = compareQualifier(cell, wanted[this.#wantedIndex] as Buffer);
      if (order === 0) return 'include';
      if (order < 0) return 'next-column';
    }
    return 'next-row';
  }

  #checkVersion(cell: CellView): Verdict {
    const { timestampHigh: high, timestampLow: low, type } = cell;
    if (!this.#column.equals(cell.buffer, cell.qualifierOffset, cell.qualifierLength)) {
      this.#column.set(cell.buffer, cell.qualifierOffset, cell.qualifierLength);
      this.#count = 0;
    } else if (type === this.#lastType && low === this.#lastLow && high === this.#lastHigh) {
      return 'skip';
    }
    if (type === CellType.put) this.#count++;
    const { versionsMax, versionsMin } = this.#rules;
    if (this.#count > versionsMax) return this.skipColumn(cell);
    if (this.#count > versionsMin && this.isExpired(cell)) return this.skipColumn(cell);
    this.#lastHigh = high;
    this.#lastLow = low;
    this.#lastType = type;
    // Markers of this column may follow, and raw scans show them: only puts end it early.
    if (this.#wanted === undefined || this.#count < versionsMax) return 'include';
    return this.skipColumn(cell) === 'next-row' ? 'include-next-row' : 'include-next-column';
  }
}

function compareQualifier(cell: CellView, qualifier: Buffer): number {
  return compareRanges(
    cell.buffer,
    cell.qualifierOffset,
    cell.qualifierLength,
    qualifier,
    0,
    qualifier.length,
  );
}
