// Cells made of what a cursor stands on.

import { Cell } from '../base/cell.js';

/** Where a cell is. */
export interface CellWindow {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly keyLength: number;
  readonly valueLength: number;
  readonly tagsLength: number;
  readonly sequence: number;
}

/** A cell of its own with what the source stands on. */
export function copyCell(source: CellWindow): Cell {
  const { buffer, offset, keyLength, valueLength, tagsLength, sequence } = source;
  const length = 8 + keyLength + valueLength + (tagsLength === 0 ? 0 : 2 + tagsLength);
  const bytes = Buffer.allocUnsafe(length);
  buffer.copy(bytes, 0, offset, offset + length);
  return new Cell(bytes, 0, keyLength, valueLength, tagsLength, sequence);
}

/** A window on what the source stands on, valid until it moves. */
export function windowOf(source: CellWindow): Cell {
  const { buffer, offset, keyLength, valueLength, tagsLength, sequence } = source;
  return new Cell(buffer, offset, keyLength, valueLength, tagsLength, sequence);
}
