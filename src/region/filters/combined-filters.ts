// Filters made of filters.

import type { Cell } from '../../base/cell.js';
import { KeptBytes, type CellView } from '../cell-view.js';
import type { Verdict } from '../column-tracker.js';
import type { RowFilter } from '../filter.js';
import type { CellSource } from '../merge-cursor.js';

/** How far a verdict moves on: 0 to the next cell (or a hint), 1 past the column, 2 past the row. */
function stepOf(verdict: Verdict): 0 | 1 | 2 {
  if (verdict.endsWith('next-row')) return 2;
  return verdict.endsWith('next-column') ? 1 : 0;
}

function includes(verdict: Verdict): boolean {
  return verdict.startsWith('include');
}

function verdictOf(isIncluded: boolean, step: 0 | 1 | 2): Verdict {
  if (step === 0) return isIncluded ? 'include' : 'skip';
  if (step === 1) return isIncluded ? 'include-next-column' : 'next-column';
  return isIncluded ? 'include-next-row' : 'next-row';
}

/** What lists and wrappers share: everything goes to all parts. */
abstract class CombinedFilter implements RowFilter {
  protected readonly parts: readonly RowFilter[];
  readonly transform: ((cell: Cell) => Cell) | undefined;

  constructor(parts: readonly RowFilter[]) {
    this.parts = parts;
    const transforms = parts.flatMap(({ transform }) =>
      transform === undefined ? [] : [transform],
    );
    this.transform =
      transforms.length === 0
        ? undefined
        : (cell) => transforms.reduce((made, transform) => transform(made), cell);
  }

  abstract get wantsNothingMore(): boolean;
  get judgesRows(): boolean {
    return this.parts.some((part) => part.judgesRows);
  }
  reset(): void {
    for (const part of this.parts) part.reset();
  }
  abstract dropsRowKey(row: Buffer): boolean;
  abstract judge(cell: CellView, source: CellSource): Verdict;
  hint(_cell: CellView, _source: CellSource): Cell | undefined {
    return undefined;
  }
  filterCells(cells: readonly Cell[]): readonly Cell[] {
    return this.parts.reduce((left, part) => part.filterCells(left), cells);
  }
  abstract dropsRow(): boolean;
}

/** What all of them let pass. */
export class AllFilter extends CombinedFilter {
  #hinting: RowFilter | undefined;

  get wantsNothingMore(): boolean {
    return this.parts.some((part) => part.wantsNothingMore);
  }
  dropsRowKey(row: Buffer): boolean {
    // All are asked: they keep what they saw.
    return this.parts.map((part) => part.dropsRowKey(row)).includes(true);
  }
  judge(cell: CellView, source: CellSource): Verdict {
    let step: 0 | 1 | 2 = 0;
    for (const part of this.parts) {
      if (part.wantsNothingMore) return 'next-row';
      const verdict = part.judge(cell, source);
      if (verdict === 'hint') {
        this.#hinting = part;
        return 'hint';
      }
      step = Math.max(step, stepOf(verdict)) as typeof step;
      // Filters that count cells must not see what an earlier one left out.
      if (!includes(verdict)) return verdictOf(false, step);
    }
    return verdictOf(true, step);
  }
  override hint(cell: CellView, source: CellSource): Cell | undefined {
    return this.#hinting?.hint(cell, source);
  }
  dropsRow(): boolean {
    return this.parts.map((part) => part.dropsRow()).includes(true);
  }
}

/** A part of an {@link AnyFilter}, and where it wants no more to be asked. */
interface AnyPart {
  readonly filter: RowFilter;
  skips: 'nothing' | 'column' | 'row';
  readonly column: KeptBytes;
}

/** What any of them lets pass. */
export class AnyFilter extends CombinedFilter {
  readonly #any: readonly AnyPart[];

  constructor(parts: readonly RowFilter[]) {
    super(parts);
    this.#any = parts.map((filter) => ({ filter, skips: 'nothing', column: new KeptBytes() }));
  }

  get wantsNothingMore(): boolean {
    return this.parts.length > 0 && this.parts.every((part) => part.wantsNothingMore);
  }
  override reset(): void {
    super.reset();
    for (const part of this.#any) part.skips = 'nothing';
  }
  dropsRowKey(row: Buffer): boolean {
    if (this.parts.length === 0) return false;
    for (const part of this.#any) {
      const isOut = part.filter.wantsNothingMore || part.filter.dropsRowKey(row);
      if (isOut) part.skips = 'row';
    }
    return this.#any.every(({ skips }) => skips === 'row');
  }
  judge(cell: CellView, source: CellSource): Verdict {
    if (this.parts.length === 0) return 'include';
    let isIncluded = false;
    let step: 0 | 1 | 2 = 2;
    for (const part of this.#any) {
      const verdict = this.#ask(part, cell, source);
      isIncluded ||= includes(verdict);
      step = Math.min(step, stepOf(verdict)) as typeof step;
    }
    return verdictOf(isIncluded, step);
  }
  dropsRow(): boolean {
    return this.parts.length > 0 && !this.parts.map((part) => part.dropsRow()).includes(false);
  }

  /** One part's verdict; a part that was done with this column or row is not asked again. */
  #ask(part: AnyPart, cell: CellView, source: CellSource): Verdict {
    const { buffer, qualifierOffset, qualifierLength } = cell;
    if (part.skips === 'row' || part.filter.wantsNothingMore) return 'next-row';
    if (part.skips === 'column') {
      if (part.column.equals(buffer, qualifierOffset, qualifierLength)) return 'next-column';
      part.skips = 'nothing';
    }
    const verdict = part.filter.judge(cell, source);
    const step = stepOf(verdict);
    if (step === 1) part.column.set(buffer, qualifierOffset, qualifierLength);
    if (step > 0) part.skips = step === 1 ? 'column' : 'row';
    // Others may want what a hint would jump over.
    return verdict === 'hint' ? 'skip' : verdict;
  }
}

/** No row of which a cell is left out. */
export class SkipFilter extends CombinedFilter {
  readonly #part: RowFilter;
  #isOut = false;

  constructor(part: RowFilter) {
    super([part]);
    this.#part = part;
  }

  get wantsNothingMore(): boolean {
    return this.#part.wantsNothingMore;
  }
  override get judgesRows(): boolean {
    return true;
  }
  override reset(): void {
    super.reset();
    this.#isOut = false;
  }
  dropsRowKey(row: Buffer): boolean {
    return this.#part.dropsRowKey(row);
  }
  judge(cell: CellView, source: CellSource): Verdict {
    const verdict = this.#part.judge(cell, source);
    if (verdict !== 'include') this.#isOut = true;
    return verdict;
  }
  override hint(cell: CellView, source: CellSource): Cell | undefined {
    return this.#part.hint(cell, source);
  }
  dropsRow(): boolean {
    return this.#isOut || this.#part.dropsRow();
  }
}

/** Everything up to the first thing that is left out. */
export class WhileMatchFilter extends CombinedFilter {
  readonly #part: RowFilter;
  #isOver = false;

  constructor(part: RowFilter) {
    super([part]);
    this.#part = part;
  }

  get wantsNothingMore(): boolean {
    return this.#isOver || this.#part.wantsNothingMore;
  }
  override get judgesRows(): boolean {
    return true;
  }
  dropsRowKey(row: Buffer): boolean {
    const isOut = this.#part.dropsRowKey(row);
    if (isOut) this.#isOver = true;
    return isOut;
  }
  judge(cell: CellView, source: CellSource): Verdict {
    if (this.#isOver) return 'next-row';
    const verdict = this.#part.judge(cell, source);
    if (verdict !== 'include') this.#isOver = true;
    return verdict === 'hint' ? 'next-row' : verdict;
  }
  dropsRow(): boolean {
    const isOut = this.#part.dropsRow();
    if (isOut) this.#isOver = true;
    return isOut;
  }
}
