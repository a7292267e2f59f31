// A row as a get or scan answers it: its cells, in HBase's order (family, qualifier up; newest first).
//
// Cells are views on the answer they came in: nothing is copied, and a kept row keeps the answer in
// memory. Whoever keeps few rows of a long scan for long copies what is needed of them.

import { compareRanges } from '../base/cell.js';
import type { Cell } from '../base/cell.js';
import { readInt64, toBuffer } from './bytes.js';
import type { Bytes } from './bytes.js';

export class Row {
  /** At least one. */
  readonly cells: readonly Cell[];
  readonly key: Buffer;

  constructor(key: Buffer, cells: readonly Cell[]) {
    this.key = key;
    this.cells = cells;
  }

  /** The newest cell of a column. */
  cell(family: Bytes, qualifier: Bytes): Cell | undefined {
    const wantedFamily = toBuffer(family);
    const wantedQualifier = toBuffer(qualifier);
    return this.cells.find((cell) => isColumn(cell, wantedFamily, wantedQualifier));
  }

  /** All versions of a column that were read, newest first. */
  versions(family: Bytes, qualifier: Bytes): Cell[] {
    const wantedFamily = toBuffer(family);
    const wantedQualifier = toBuffer(qualifier);
    return this.cells.filter((cell) => isColumn(cell, wantedFamily, wantedQualifier));
  }

  /** The newest value of a column. */
  value(family: Bytes, qualifier: Bytes): Buffer | undefined {
    return this.cell(family, qualifier)?.value;
  }

  /** The newest value as UTF-8 text. */
  text(family: Bytes, qualifier: Bytes): string | undefined {
    return this.value(family, qualifier)?.toString('utf8');
  }

  /** The newest value as a 64-bit number. Throws `bad-request` if it is none, or above 2^53. */
  int64(family: Bytes, qualifier: Bytes): number | undefined {
    const value = this.value(family, qualifier);
    return value === undefined ? undefined : readInt64(value);
  }

  /** The newest value parsed as JSON. Throws SyntaxError if it is none. */
  json(family: Bytes, qualifier: Bytes): unknown {
    const value = this.value(family, qualifier);
    return value === undefined ? undefined : JSON.parse(value.toString('utf8'));
  }
}

/** The row of these cells; undefined if there are none. */
export function rowOf(cells: readonly Cell[]): Row | undefined {
  const first = cells[0];
  return first === undefined ? undefined : new Row(first.row, cells);
}

function isColumn(cell: Cell, family: Buffer, qualifier: Buffer): boolean {
  const { buffer, familyOffset, familyLength, qualifierOffset, qualifierLength } = cell;
  return (
    compareRanges(buffer, familyOffset, familyLength, family, 0, family.length) === 0 &&
    compareRanges(buffer, qualifierOffset, qualifierLength, qualifier, 0, qualifier.length) === 0
  );
}
