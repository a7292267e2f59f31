// What a scan asks of a filter. The filters themselves are in filters/; a filter belongs to one scan
// and keeps its state from call to call, in the order the methods stand here.
//
// Source of the protocol: HBase's Filter and FilterBase.

import type { Cell } from '../base/cell.js';
import type { CellView } from './cell-view.js';
import type { Verdict } from './column-tracker.js';
import type { CellSource } from './merge-cursor.js';

export interface RowFilter {
  /** Whether it wants no row any more; asked before and after each row. */
  readonly wantsNothingMore: boolean;
  /** Called at each new row. */
  reset(): void;
  /** Whether the whole row is dropped, judged by its key. */
  dropsRowKey(row: Buffer): boolean;
  /** Judges a cell that the scan would give; `source` stands on it. */
  judge(cell: CellView, source: CellSource): Verdict;
  /** After the verdict `hint`: a key to go on at, after the cell; undefined: just the next cell. */
  hint(cell: CellView, source: CellSource): Cell | undefined;
  /** Changes a cell that is given, if it does that at all. */
  readonly transform: ((cell: Cell) => Cell) | undefined;
  /** Whether rows must be collected and judged as a whole. */
  readonly judgesRows: boolean;
  /** The cells of the row that remain; only if `judgesRows`. */
  filterCells(cells: readonly Cell[]): readonly Cell[];
  /** Whether the row is dropped after all; called once for each row that was not dropped by its key. */
  dropsRow(): boolean;
}
