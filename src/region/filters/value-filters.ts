// Filters that look at values.

import { makeCell, type Cell, type CellType } from '../../base/cell.js';
import type { CellView } from '../cell-view.js';
import type { Verdict } from '../column-tracker.js';
import type { CellSource } from '../merge-cursor.js';
import { FilterBase, isColumn, valuePasses, type Comparison } from './filter-base.js';

export class ValueFilter extends FilterBase {
  readonly #comparison: Comparison;

  constructor(comparison: Comparison) {
    super();
    this.#comparison = comparison;
  }
  override judge(_cell: CellView, source: CellSource): Verdict {
    return valuePasses(this.#comparison, source) ? 'include' : 'skip';
  }
}

export interface ColumnComparison {
  readonly family: Buffer;
  readonly qualifier: Buffer;
  readonly comparison: Comparison;
}

/** Only one column, and of it only values that compare as wanted. */
export class ColumnValueFilter extends FilterBase {
  readonly #column: ColumnComparison;
  #hasFound = false;

  constructor(column: ColumnComparison) {
    super();
    this.#column = column;
  }
  override reset(): void {
    this.#hasFound = false;
  }
  override judge(cell: CellView, source: CellSource): Verdict {
    const { family, qualifier, comparison } = this.#column;
    if (!isColumn(cell, source, family, qualifier))
      return this.#hasFound ? 'next-row' : 'next-column';
    this.#hasFound = true;
    return valuePasses(comparison, source) ? 'include' : 'skip';
  }
}

export interface SingleColumnOptions {
  /** Rows without the column are dropped. */
  readonly dropsMissing: boolean;
  /** Only the newest version is asked. */
  readonly latestOnly: boolean;
  /** The column itself is not given. */
  readonly excludes: boolean;
}

/** Whole rows, by the value of one column. */
export class SingleColumnValueFilter extends FilterBase {
  readonly #column: ColumnComparison;
  readonly #options: SingleColumnOptions;
  #hasFound = false;
  #hasMatched = false;

  constructor(column: ColumnComparison, options: SingleColumnOptions) {
    super();
    this.#column = column;
    this.#options = options;
  }

  override get judgesRows(): boolean {
    return true;
  }
  override reset(): void {
    this.#hasFound = false;
    this.#hasMatched = false;
  }
  override judge(cell: CellView, source: CellSource): Verdict {
    const { family, qualifier, comparison } = this.#column;
    if (this.#hasMatched) return 'include';
    if (this.#options.latestOnly && this.#hasFound) return 'next-row';
    if (!isColumn(cell, source, family, qualifier)) return 'include';
    this.#hasFound = true;
    if (valuePasses(comparison, source)) {
      this.#hasMatched = true;
      return 'include';
    }
    return this.#options.latestOnly ? 'next-row' : 'include';
  }
  override filterCells(cells: readonly Cell[]): readonly Cell[] {
    if (!this.#options.excludes) return cells;
    const { family, qualifier } = this.#column;
    return cells.filter((cell) => !cell.family.equals(family) || !cell.qualifier.equals(qualifier));
  }
  override dropsRow(): boolean {
    return this.#hasFound ? !this.#hasMatched : this.#options.dropsMissing;
  }
}

/** Cells that have the timestamp of some version of one column. */
export class DependentColumnFilter extends FilterBase {
  readonly #family: Buffer;
  readonly #qualifier: Buffer;
  readonly #comparison: Comparison | undefined;
  readonly #drops: boolean;
  readonly #stamps = new Set<string>();

  constructor(
    column: { readonly family: Buffer; readonly qualifier: Buffer },
    comparison: Comparison | undefined,
    dropsColumn: boolean,
  ) {
    super();
    this.#family = column.family;
    this.#qualifier = column.qualifier;
    this.#comparison = comparison;
    this.#drops = dropsColumn;
  }

  override get judgesRows(): boolean {
    return true;
  }
  override reset(): void {
    this.#stamps.clear();
  }
  override judge(cell: CellView, source: CellSource): Verdict {
    if (!isColumn(cell, source, this.#family, this.#qualifier)) return 'include';
    if (this.#comparison !== undefined && !valuePasses(this.#comparison, source)) return 'skip';
    this.#stamps.add(`${cell.timestampHigh}:${cell.timestampLow}`);
    return this.#drops ? 'skip' : 'include';
  }
  override filterCells(cells: readonly Cell[]): readonly Cell[] {
    return cells.filter((cell) => this.#stamps.has(`${cell.timestampHigh}:${cell.timestampLow}`));
  }
}

/** Cells without their values, or with the values' lengths (32 bits) in place of them. */
export class KeyOnlyFilter extends FilterBase {
  override readonly transform: (cell: Cell) => Cell;

  constructor(givesLength: boolean) {
    super();
    this.transform = (cell) => withoutValue(cell, givesLength);
  }
}

function withoutValue(cell: Cell, givesLength: boolean): Cell {
  const value = Buffer.alloc(givesLength ? 4 : 0);
  if (givesLength) value.writeUInt32BE(cell.valueLength, 0);
  const { row, family, qualifier, timestampHigh: high, timestampLow: low } = cell;
  const type = cell.type as CellType;
  return makeCell({ row, family, qualifier, timestamp: { high, low }, type, value });
}
