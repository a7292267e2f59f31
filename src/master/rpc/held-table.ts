// What a refused request says of the procedure that holds the table: most often that is why.

import { CadastreError } from '../../base/errors.js';
import type { TableName } from '../../base/table.js';
import { lockTable } from '../../procedure/lock-request.js';
import type { MasterParts } from './master-parts.js';

/** Runs a check; if it refuses while a procedure has the table to itself, the error names that one. */
export function tellingHolder(
  { engine }: Pick<MasterParts, 'engine'>,
  table: TableName,
  check: () => unknown,
): void {
  try {
    check();
  } catch (error) {
    const { kind, name } = lockTable(table, 'exclusive');
    // Who only shares the table does not change its state.
    if (!(error instanceof CadastreError) || engine.exclusiveHolder(kind, name) === undefined) {
      throw error;
    }
    throw new CadastreError(error.code, error.message, {
      nextStep: `Wait for who holds it: ${engine.whoHolds(kind, name)}.`,
      details: error.details,
      cause: error,
    });
  }
}
