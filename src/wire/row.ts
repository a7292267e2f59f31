// The one check of row keys that come over the wire.

import { CadastreError } from '../base/errors.js';
import { wireLimits } from './limits.js';

/** The row, if it is there, not empty and not too long; else `bad-request`. */
export function checkedRow(row: Buffer | undefined): Buffer {
  if (row === undefined || row.length === 0) {
    throw new CadastreError('bad-request', 'the row is missing or empty');
  }
  if (row.length > wireLimits.rowBytesMax) {
    const limit = wireLimits.rowBytesMax;
    throw new CadastreError('bad-request', `a row of ${row.length} bytes is above ${limit}`);
  }
  return row;
}
