// Makes rows of the pieces in which a scan's answers bring them.
//
// Invariant: what `take` gives out is given out once, also when a scan starts again in the middle of a
// row: `resume` says from where, and how many cells of that row are known already.

import type { Cell } from '../base/cell.js';
import type { ScanResponse } from '../wire/client-messages.js';
import { resultsOf } from './region-calls.js';
import { Row } from './row.js';

/** Where a scan goes on after what was given out. */
export interface ScanPosition {
  readonly row: Buffer;
  readonly includeRow: boolean;
}

export class RowAssembler {
  /** Cells of one row in one piece; 0: whole rows. */
  readonly #batch: number;
  /** The row whose cells are still coming. */
  #key: Buffer | undefined;
  #cells: Cell[] = [];
  /** Cells of that row that were given out. */
  #given = 0;
  /** Cells of that row that come again and are passed over. */
  #skip = 0;
  #lastWhole: Buffer | undefined;
  /** Rows that were given out to their end. */
  rows = 0;

  constructor(batch: number) {
    this.#batch = batch;
  }

  /** The rows, or pieces of them, that an answer completes. */
  take(answer: ScanResponse): Row[] {
    const rows: Row[] = [];
    const results = resultsOf(answer);
    for (let i = 0; i < results.length; i++) {
      const cells = results[i] as readonly Cell[];
      const isPartial = answer.partialFlags[i] === true;
      this.#takeResult(cells, isPartial, rows);
    }
    return rows;
  }

  /** A region's end ends its last row. */
  finishRow(): Row[] {
    const rows: Row[] = [];
    if (this.#key !== undefined) this.#endRow(rows);
    return rows;
  }

  /** Whether cells come again of a row of which pieces were given out. */
  get isInsideRow(): boolean {
    return this.#skip > 0;
  }

  /** Forgets what was not given out; undefined before the first row. */
  resume(): ScanPosition | undefined {
    if (this.#key !== undefined && this.#given > 0) {
      this.#cells = [];
      this.#skip = this.#given;
      return { row: this.#key, includeRow: true };
    }
    this.#key = undefined;
    this.#cells = [];
    this.#skip = 0;
    return this.#lastWhole && { row: this.#lastWhole, includeRow: false };
  }

  #takeResult(cells: readonly Cell[], isPartial: boolean, rows: Row[]): void {
    const first = cells[0];
    if (first === undefined) return;
    const key = first.row;
    if (this.#key !== undefined && !this.#key.equals(key)) this.#endRow(rows);
    if (this.#key === undefined && !isPartial && this.#batch === 0) {
      // The common case, without any copy.
      rows.push(new Row(key, cells));
      this.#lastWhole = key;
      this.rows += 1;
      return;
    }
    this.#key = key;
    for (const cell of cells) {
      if (this.#skip > 0) this.#skip -= 1;
      else this.#cells.push(cell);
      if (this.#batch > 0 && this.#cells.length === this.#batch) this.#give(rows);
    }
    if (!isPartial) this.#endRow(rows);
  }

  #endRow(rows: Row[]): void {
    if (this.#cells.length > 0) this.#give(rows);
    this.#lastWhole = this.#key;
    this.#key = undefined;
    this.#given = 0;
    this.#skip = 0;
    this.rows += 1;
  }

  #give(rows: Row[]): void {
    if (this.#key !== undefined) rows.push(new Row(this.#key, this.#cells));
    this.#given += this.#cells.length;
    this.#cells = [];
  }
}
