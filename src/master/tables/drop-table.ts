// DropTable: of a disabled table. One record frees the name, and the table is gone for everybody;
// then its rows are discarded in batches.

import type { Transaction } from '../../catalog/api.js';
import { nameKind, tableKind } from '../../catalog/records/tables.js';
import { formatTableName } from '../../base/table.js';
import type { StepRun } from '../../procedure/definition.js';
import type { Next } from '../../procedure/next.js';
import { child, children, done } from '../../procedure/next.js';
import { noTableProgress, tableInput, tableProgress } from '../codecs.js';
import type { TableInput, TableProgress } from '../codecs.js';
import type { MasterContext } from '../context.js';
import { defineMasterProcedure } from '../context.js';
import { DiscardTable } from './discard-table.js';
import { requireDisabled, tableProcedure } from './table-changes.js';

type Run = StepRun<TableInput, TableProgress, MasterContext>;

export const DropTable = defineMasterProcedure({
  type: 'DropTable',
  version: 1,
  input: tableInput,
  state: tableProgress,
  initial: () => noTableProgress,
  onRestore: 'resume',
  priority: 'table',
  ...tableProcedure,
  first: 'unlist',
  steps: { unlist: { commit: unlist, undo: 'point-of-no-return' } },
  finalSteps: { finish: { commit: finish } },
});

function unlist(run: Run, tx: Transaction): Next<'finish', TableProgress> {
  const { table } = run.input;
  const { id, record } = requireDisabled(tx, table);
  tx.delete(nameKind, [table.namespace, table.qualifier]);
  tx.put(tableKind, [id], { ...record, state: 'dropping', droppedAtMs: run.clock.now() });
  const state = { ...noTableProgress, tableId: id };
  return children([child(DiscardTable, { tableId: id })], 'finish', { state });
}

function finish(run: Run): Next<never, never> {
  run.log.info('table dropped', { table: formatTableName(run.input.table) });
  return done();
}
