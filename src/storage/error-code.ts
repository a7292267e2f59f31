// Telling errors apart by their code.

import type { ErrorCode } from '../base/errors.js';
import { CadastreError } from '../base/errors.js';

/** Whether an error is one of ours with this code. */
export function hasErrorCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof CadastreError && error.code === code;
}
