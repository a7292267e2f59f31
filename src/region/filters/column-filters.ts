// Filters that look at families, qualifiers and timestamps.

import { compareRanges, type Cell } from '../../base/cell.js';
import { KeptBytes, type CellView } from '../cell-view.js';
import type { Verdict } from '../column-tracker.js';
import { SeekKeys } from '../keys.js';
import type { CellSource } from '../merge-cursor.js';
import {
  familyOf,
  familyPasses,
  FilterBase,
  qualifierPasses,
  type Comparison,
} from './filter-base.js';

export class FamilyFilter extends FilterBase {
  readonly #comparison: Comparison;

  constructor(comparison: Comparison) {
    super();
    this.#comparison = comparison;
  }
  override judge(_cell: CellView, source: CellSource): Verdict {
    return familyPasses(this.#comparison, source) ? 'include' : 'next-row';
  }
}

export class QualifierFilter extends FilterBase {
  readonly #comparison: Comparison;

  constructor(comparison: Comparison) {
    super();
    this.#comparison = comparison;
  }
  override judge(cell: CellView): Verdict {
    return qualifierPasses(this.#comparison, cell) ? 'include' : 'skip';
  }
}

/** A filter that sends the scan to the columns it wants. */
abstract class SeekingFilter extends FilterBase {
  readonly #keys = new SeekKeys();
  readonly #row = new KeptBytes();
  /** The qualifier to go to after the verdict `hint`. */
  protected abstract readonly wanted: Buffer | undefined;

  override hint(cell: CellView, source: CellSource): Cell | undefined {
    if (this.wanted === undefined) return undefined;
    this.#row.set(cell.buffer, cell.rowOffset, cell.rowLength);
    const { buffer, length } = this.#row;
    return this.#keys.firstOfColumn(buffer, length, familyOf(source), this.wanted);
  }
}

/** Columns whose qualifier begins with one of several prefixes. */
export class ColumnPrefixFilter extends SeekingFilter {
  /** Sorted. */
  readonly #prefixes: readonly Buffer[];
  protected wanted: Buffer | undefined;

  constructor(prefixes: readonly Buffer[]) {
    super();
    this.#prefixes = [...prefixes].sort((a, b) => a.compare(b));
  }

  override judge(cell: CellView): Verdict {
    const { buffer, qualifierOffset: start, qualifierLength: length } = cell;
    const isPrefix = (prefix: Buffer): boolean =>
      length >= prefix.length &&
      compareRanges(buffer, start, prefix.length, prefix, 0, prefix.length) === 0;
    if (this.#prefixes.some(isPrefix)) return 'include';
    this.wanted = this.#prefixes.find(
      (prefix) => compareRanges(buffer, start, length, prefix, 0, prefix.length) < 0,
    );
    return this.wanted === undefined ? 'next-row' : 'hint';
  }
}

/** Columns between two qualifiers; an absent bound is open. */
export class ColumnRangeFilter extends SeekingFilter {
  protected readonly wanted: Buffer | undefined;
  readonly #minInclusive: boolean;
  readonly #max: Buffer | undefined;
  readonly #maxInclusive: boolean;

  constructor(range: {
    readonly min: Buffer | undefined;
    readonly minInclusive: boolean;
    readonly max: Buffer | undefined;
    readonly maxInclusive: boolean;
  }) {
    super();
    this.wanted = range.min;
    this.#minInclusive = range.minInclusive;
    this.#max = range.max;
    this.#maxInclusive = range.maxInclusive;
  }

  override judge(cell: CellView): Verdict {
    if (this.wanted !== undefined) {
      const order = compareQualifier(cell, this.wanted);
      if (order < 0) return 'hint';
      if (order === 0 && !this.#minInclusive) return 'next-column';
    }
    if (this.#max === undefined) return 'include';
    const order = compareQualifier(cell, this.#max);
    return order < 0 || (order === 0 && this.#maxInclusive) ? 'include' : 'next-row';
  }
}

/** So many columns of a row, from a number of columns or a qualifier on. */
export class ColumnPaginationFilter extends SeekingFilter {
  readonly #limit: number;
  readonly #offset: number;
  protected readonly wanted: Buffer | undefined;
  #count = 0;

  constructor(limit: number, offset: number | Buffer) {
    super();
    this.#limit = limit;
    this.#offset = typeof offset === 'number' ? offset : 0;
    this.wanted = typeof offset === 'number' ? undefined : offset;
  }

  override reset(): void {
    this.#count = 0;
  }
  override judge(cell: CellView): Verdict {
    if (this.#count >= this.#offset + this.#limit) return 'next-row';
    if (this.wanted !== undefined && this.#count === 0 && compareQualifier(cell, this.wanted) < 0) {
      return 'hint';
    }
    const isSkipped = this.#count < this.#offset;
    this.#count++;
    return isSkipped ? 'next-column' : 'include-next-column';
  }
}

/** So many columns of a row; for gets. */
export class ColumnCountGetFilter extends FilterBase {
  readonly #limit: number;
  #count = 0;

  constructor(limit: number) {
    super();
    this.#limit = limit;
  }

  override get wantsNothingMore(): boolean {
    return this.#count > this.#limit;
  }
  override reset(): void {
    this.#count = 0;
  }
  override judge(): Verdict {
    this.#count++;
    return this.wantsNothingMore ? 'next-column' : 'include-next-column';
  }
}

/** Cells of certain timestamps. */
export class TimestampsFilter extends FilterBase {
  readonly #timestamps: ReadonlySet<string>;
  readonly #oldest: number;

  constructor(timestamps: readonly bigint[]) {
    super();
    this.#timestamps = new Set(timestamps.map(String));
    this.#oldest = timestamps.reduce((oldest, stamp) => Math.min(oldest, Number(stamp)), Infinity);
  }

  override judge(cell: CellView): Verdict {
    const { timestampHigh: high, timestampLow: low } = cell;
    const exact = (BigInt(high) << 32n) | BigInt(low);
    if (this.#timestamps.has(String(exact))) return 'include';
    // All older versions of the column are too old as well.
    return cell.timestamp < this.#oldest ? 'next-column' : 'skip';
  }
}

function compareQualifier(cell: CellView, qualifier: Buffer): number {
  const { buffer, qualifierOffset, qualifierLength } = cell;
  return compareRanges(buffer, qualifierOffset, qualifierLength, qualifier, 0, qualifier.length);
}
