// Values with cells as plain values, so that tests compare them by content and not by buffer.

import { Cell } from '../../base/cell.js';
import { CadastreError } from '../../base/errors.js';

/** Cells become their bytes and buffers their hexadecimal digits, at any depth. */
export function comparable(value: unknown): unknown {
  if (value instanceof Cell) return `cell ${value.bytes.toString('hex')}`;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value instanceof CadastreError) return `error ${value.code}`;
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  return Object.fromEntries(entries.map(([key, part]) => [key, comparable(part)]));
}
