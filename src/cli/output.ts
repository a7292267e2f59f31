// What commands print on standard output: lines, at the speed of whoever reads them.

import { once } from 'node:events';
import type { Cell } from '../base/cell.js';
import { CellType } from '../base/cell.js';
import type { Row, Timestamp } from '../client/public.js';
import { formatUint64 } from '../wire/uint64.js';
import { showBytes, toJsonBytes } from './bytes-text.js';

/** Writes a line; waits while the reader is behind. */
export async function printLine(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
}

export function printJson(value: unknown): Promise<void> {
  return printLine(JSON.stringify(value));
}

/** Columns side by side, each as wide as its widest entry. */
export async function printTable(rows: readonly (readonly string[])[]): Promise<void> {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((text, column) => {
      widths[column] = Math.max(widths[column] ?? 0, text.length);
    });
  }
  for (const row of rows) {
    const padded = row.map((text, column) =>
      column === row.length - 1 ? text : text.padEnd(widths[column] ?? 0),
    );
    await printLine(padded.join('  '));
  }
}

const typeNames: ReadonlyMap<number, string> = new Map([
  [CellType.delete, 'delete-version'],
  [CellType.deleteColumn, 'delete-column'],
  [CellType.deleteFamily, 'delete-family'],
  [CellType.deleteFamilyVersion, 'delete-family-version'],
]);

/** A number while it is exact, else decimal digits. */
export function timestampOf(cell: Cell): Timestamp {
  const approximate = cell.timestampApproximate;
  return Number.isSafeInteger(approximate)
    ? approximate
    : formatUint64(cell.timestampHigh, cell.timestampLow);
}

/** A cell in one line, without its row. */
export function cellText(cell: Cell): string {
  const column = `${showBytes(cell.family)}:${showBytes(cell.qualifier)}`;
  const type = typeNames.get(cell.type);
  const suffix = type === undefined ? '' : `, type=${type}`;
  return `column=${column}, timestamp=${timestampOf(cell)}${suffix}, value=${showBytes(cell.value)}`;
}

/** The object of docs/reference/json-lines.md. */
export function rowJson(row: Row) {
  return {
    row: toJsonBytes(row.key),
    cells: row.cells.map((cell) => {
      const type = typeNames.get(cell.type);
      return {
        family: toJsonBytes(cell.family),
        qualifier: toJsonBytes(cell.qualifier),
        timestamp: timestampOf(cell),
        value: toJsonBytes(cell.value),
        ...(type === undefined ? {} : { type }),
      };
    }),
  };
}
