// EnableTable: one record says ENABLING, then its regions are opened, then it is ENABLED.

import { formatTableName } from '../../base/table.js';
import type { Transaction } from '../../catalog/api.js';
import type { StepRun } from '../../procedure/definition.js';
import type { Next } from '../../procedure/next.js';
import { child, done, step } from '../../procedure/next.js';
import { AssignRegion } from '../assignment/assign.js';
import { noTableProgress, tableInput, tableProgress } from '../codecs.js';
import type { TableInput, TableProgress } from '../codecs.js';
import type { MasterContext } from '../context.js';
import { defineMasterProcedure } from '../context.js';
import { fanOut, requireDisabled, setTableState, tableProcedure } from './table-changes.js';

type Run = StepRun<TableInput, TableProgress, MasterContext>;
type Then = Next<'prepare' | 'assign' | 'finish', TableProgress>;

export const EnableTable = defineMasterProcedure({
  type: 'EnableTable',
  version: 1,
  input: tableInput,
  state: tableProgress,
  initial: () => noTableProgress,
  onRestore: 'resume',
  priority: 'table',
  ...tableProcedure,
  first: 'prepare',
  steps: { prepare: { commit: prepare, undo: 'point-of-no-return' } },
  finalSteps: {
    assign: { commit: assign },
    finish: { commit: finish },
  },
});

function prepare(run: Run, tx: Transaction): Then {
  const { id } = requireDisabled(tx, run.input.table);
  setTableState(tx, id, 'enabling');
  return step('assign', { ...noTableProgress, tableId: id });
}

function assign(run: Run, tx: Transaction): Then {
  const { table } = run.input;
  return fanOut(
    tx,
    run.state,
    ({ regionId, state }) =>
      state === 'split' || state === 'merged'
        ? undefined
        : child(AssignRegion, { table, region: regionId, isRecovery: false, server: undefined }),
    { again: 'assign', last: 'finish' },
  );
}

function finish(run: Run, tx: Transaction): Then {
  setTableState(tx, run.state.tableId, 'enabled');
  run.log.info('table enabled', { table: formatTableName(run.input.table) });
  return done();
}
