// The delete markers met so far in one row of one family, and what they hide.
//
// Cells come in order, so a marker is met before the puts it hides, and of a column only the last
// marker matters: a version marker hides puts that follow it at once, a column marker hides all the
// rest of its column. Family markers have an empty qualifier and come first.
// Source of the semantics: HBase's reference guide ("Versions") and its ScanDeleteTracker.

import { CellType } from '../base/cell.js';
import { KeptBytes, type CellView } from './cell-view.js';

/** What hides a put: nothing, a marker of just this version, or one of all older ones too. */
export type Hidden = 'no' | 'version' | 'column';

export class DeleteTracker {
  isEmpty = true;
  #hasFamily = false;
  #familyHigh = 0;
  #familyLow = 0;
  readonly #familyVersions: { readonly high: number; readonly low: number }[] = [];
  readonly #column = new KeptBytes();
  #columnType = 0;
  #columnHigh = 0;
  #columnLow = 0;

  reset(): void {
    if (this.isEmpty) return;
    this.isEmpty = true;
    this.#hasFamily = false;
    this.#familyVersions.length = 0;
    this.#column.clear();
  }

  add(cell: CellView): void {
    this.isEmpty = false;
    const { timestampHigh: high, timestampLow: low, type } = cell;
    if (this.#hasFamily && !isAfter(high, low, this.#familyHigh, this.#familyLow)) return;
    if (type === CellType.deleteFamily) {
      this.#hasFamily = true;
      this.#familyHigh = high;
      this.#familyLow = low;
      return;
    }
    if (type === CellType.deleteFamilyVersion) {
      this.#familyVersions.push({ high, low });
      return;
    }
    const isSameColumn = this.#isColumnOf(cell);
    if (isSameColumn && this.#columnType === CellType.deleteColumn) return;
    if (!isSameColumn) {
      this.#column.set(cell.buffer, cell.qualifierOffset, cell.qualifierLength);
    }
    this.#columnType = type;
    this.#columnHigh = high;
    this.#columnLow = low;
  }

  /** What hides this put. Puts come after the markers that precede them in order. */
  hides(cell: CellView): Hidden {
    const { timestampHigh: high, timestampLow: low } = cell;
    if (this.#hasFamily && !isAfter(high, low, this.#familyHigh, this.#familyLow)) return 'column';
    for (const version of this.#familyVersions) {
      if (version.high === high && version.low === low) return 'version';
    }
    if (!this.#isColumnOf(cell)) return 'no';
    if (this.#columnType === CellType.deleteColumn) return 'column';
    return this.#columnHigh === high && this.#columnLow === low ? 'version' : 'no';
  }

  #isColumnOf(cell: CellView): boolean {
    return this.#column.equals(cell.buffer, cell.qualifierOffset, cell.qualifierLength);
  }
}

/** Whether a timestamp is later than another; halves, unsigned. */
export function isAfter(high: number, low: number, otherHigh: number, otherLow: number): boolean {
  return high > otherHigh || (high === otherHigh && low > otherLow);
}
