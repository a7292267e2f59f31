// Filters that look at row keys only.

import type { Cell } from '../../base/cell.js';
import type { Random } from '../../world/random.js';
import type { CellView } from '../cell-view.js';
import type { Verdict } from '../column-tracker.js';
import { SeekKeys } from '../keys.js';
import { FilterBase, type Comparison } from './filter-base.js';

/** Rows whose key compares as wanted. */
export class RowKeyFilter extends FilterBase {
  readonly #comparison: Comparison;
  #isOut = false;

  constructor(comparison: Comparison) {
    super();
    this.#comparison = comparison;
  }

  override reset(): void {
    this.#isOut = false;
  }
  override dropsRowKey(row: Buffer): boolean {
    this.#isOut = !this.#comparison.passes(row, 0, row.length);
    return this.#isOut;
  }
  override judge(): Verdict {
    return this.#isOut ? 'next-row' : 'include';
  }
  override dropsRow(): boolean {
    return this.#isOut;
  }
}

/** Rows that begin with a prefix. */
export class PrefixFilter extends FilterBase {
  readonly #prefix: Buffer;
  readonly #reversed: boolean;
  #isOut = true;
  #hasPassed = false;

  constructor(prefix: Buffer, reversed: boolean) {
    super();
    this.#prefix = prefix;
    this.#reversed = reversed;
  }

  override get wantsNothingMore(): boolean {
    return this.#hasPassed;
  }
  override reset(): void {
    this.#isOut = true;
  }
  override dropsRowKey(row: Buffer): boolean {
    const prefix = this.#prefix;
    const order = row.compare(prefix, 0, prefix.length, 0, Math.min(row.length, prefix.length));
    this.#isOut = order !== 0;
    if (this.#reversed ? order < 0 : order > 0) this.#hasPassed = true;
    return this.#isOut;
  }
  override judge(): Verdict {
    return this.#isOut ? 'next-row' : 'include';
  }
  override dropsRow(): boolean {
    return this.#isOut;
  }
}

/** Rows up to and including one. */
export class InclusiveStopFilter extends FilterBase {
  readonly #stopRow: Buffer;
  readonly #reversed: boolean;
  #isDone = false;

  constructor(stopRow: Buffer, reversed: boolean) {
    super();
    this.#stopRow = stopRow;
    this.#reversed = reversed;
  }

  override get wantsNothingMore(): boolean {
    return this.#isDone;
  }
  override dropsRowKey(row: Buffer): boolean {
    const order = row.compare(this.#stopRow);
    this.#isDone = this.#reversed ? order < 0 : order > 0;
    return this.#isDone;
  }
}

/** So many rows; of each region, so clients that span regions count on. */
export class PageFilter extends FilterBase {
  readonly #rowsMax: number;
  #rows = 0;

  constructor(rowsMax: number) {
    super();
    this.#rowsMax = rowsMax;
  }

  override get wantsNothingMore(): boolean {
    return this.#rows >= this.#rowsMax;
  }
  override get judgesRows(): boolean {
    return true;
  }
  override dropsRow(): boolean {
    this.#rows++;
    return this.#rows > this.#rowsMax;
  }
}

/** Each row with a probability. */
export class RandomRowFilter extends FilterBase {
  readonly #chance: number;
  readonly #random: Random;
  #isOut = false;

  constructor(chance: number, random: Random) {
    super();
    this.#chance = chance;
    this.#random = random;
  }

  override reset(): void {
    this.#isOut = false;
  }
  override dropsRowKey(): boolean {
    this.#isOut = this.#random.float() >= this.#chance;
    return this.#isOut;
  }
  override dropsRow(): boolean {
    return this.#isOut;
  }
}

/** Nothing at all. */
export class FilterAllFilter extends FilterBase {
  override get wantsNothingMore(): boolean {
    return true;
  }
}

export interface RowRange {
  readonly start: Buffer;
  readonly startInclusive: boolean;
  /** Empty: to the end. */
  readonly stop: Buffer;
  readonly stopInclusive: boolean;
}

/** Rows in any of several ranges; goes from one to the next without reading what is between. */
export class MultiRowRangeFilter extends FilterBase {
  /** By start. */
  readonly #ranges: readonly RowRange[];
  readonly #reversed: boolean;
  readonly #keys = new SeekKeys();
  #next: Buffer | undefined;
  #isOut = false;
  #isDone = false;

  constructor(ranges: readonly RowRange[], reversed: boolean) {
    super();
    this.#ranges = [...ranges].sort((a, b) => a.start.compare(b.start));
    this.#reversed = reversed;
  }

  override get wantsNothingMore(): boolean {
    return this.#isDone;
  }
  override dropsRowKey(row: Buffer): boolean {
    this.#isOut = !this.#ranges.some((range) => isInside(row, range));
    if (!this.#isOut) return false;
    // Ranges that begin with an excluded row begin after it.
    this.#next = this.#ranges.find(({ start }) => start.compare(row) > 0)?.start;
    const isBeforeAll = this.#ranges.every(({ start }) => row.compare(start) < 0);
    this.#isDone = this.#reversed ? isBeforeAll : this.#next === undefined && this.#isAfterAll(row);
    return this.#reversed || this.#next === undefined;
  }
  override judge(): Verdict {
    return this.#isOut ? 'hint' : 'include';
  }
  override hint(): Cell | undefined {
    return this.#next === undefined ? undefined : this.#keys.firstOfRow(this.#next);
  }
  override dropsRow(): boolean {
    return this.#isOut;
  }

  #isAfterAll(row: Buffer): boolean {
    return this.#ranges.every(({ stop }) => stop.length > 0 && row.compare(stop) >= 0);
  }
}

function isInside(row: Buffer, range: RowRange): boolean {
  const fromStart = row.compare(range.start);
  if (fromStart < 0 || (fromStart === 0 && !range.startInclusive)) return false;
  if (range.stop.length === 0) return true;
  const fromStop = row.compare(range.stop);
  return fromStop < 0 || (fromStop === 0 && range.stopInclusive);
}

export interface FuzzyKey {
  readonly key: Buffer;
  /** For each byte of the key, whether the row's must be the same. */
  readonly fixed: readonly boolean[];
}

/** Rows that agree with a key in its fixed bytes. */
export class FuzzyRowFilter extends FilterBase {
  readonly #keys: readonly FuzzyKey[];
  #isOut = false;

  constructor(keys: readonly FuzzyKey[]) {
    super();
    this.#keys = keys;
  }

  override dropsRowKey(row: Buffer): boolean {
    this.#isOut = !this.#keys.some(({ key, fixed }) =>
      fixed.every((isFixed, i) => !isFixed || i >= row.length || row[i] === key[i]),
    );
    return this.#isOut;
  }
  override judge(): Verdict {
    return this.#isOut ? 'next-row' : 'include';
  }
  override dropsRow(): boolean {
    return this.#isOut;
  }
}

/** Only rows' first cells. */
export class FirstKeyOnlyFilter extends FilterBase {
  #hasFound = false;

  override reset(): void {
    this.#hasFound = false;
  }
  override judge(): Verdict {
    if (this.#hasFound) return 'next-row';
    this.#hasFound = true;
    return 'include';
  }
}

/** Cells up to the first one of certain qualifiers. */
export class FirstMatchingQualifierFilter extends FilterBase {
  readonly #qualifiers: ReadonlySet<string>;
  #hasFound = false;

  constructor(qualifiers: readonly Buffer[]) {
    super();
    this.#qualifiers = new Set(qualifiers.map((qualifier) => qualifier.toString('latin1')));
  }

  override reset(): void {
    this.#hasFound = false;
  }
  override judge(cell: CellView): Verdict {
    if (this.#hasFound) return 'next-row';
    const start = cell.qualifierOffset;
    const qualifier = cell.buffer.toString('latin1', start, start + cell.qualifierLength);
    if (this.#qualifiers.has(qualifier)) this.#hasFound = true;
    return 'include';
  }
}
