// DisableTable: one record says DISABLING, then its regions are closed until none is left open, then
// it is DISABLED. A region whose server crashes meanwhile is closed once its slices are known, and
// its recovery sees the table's state and leaves it closed (race A5).

import { formatTableName } from '../../base/table.js';
import type { Transaction } from '../../catalog/api.js';
import type { RegionRecord } from '../../catalog/records/regions.js';
import type { StepRun } from '../../procedure/definition.js';
import type { Next } from '../../procedure/next.js';
import { child, done, step } from '../../procedure/next.js';
import { UnassignRegion } from '../assignment/unassign.js';
import { noTableProgress, tableInput, tableProgress } from '../codecs.js';
import type { TableInput, TableProgress } from '../codecs.js';
import type { MasterContext } from '../context.js';
import { defineMasterProcedure } from '../context.js';
import { fanOut, requireEnabled, setTableState, tableProcedure } from './table-changes.js';

type Run = StepRun<TableInput, TableProgress, MasterContext>;
type Then = Next<'prepare' | 'unassign' | 'finish', TableProgress>;

export const DisableTable = defineMasterProcedure({
  type: 'DisableTable',
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
    unassign: { commit: unassign },
    finish: { commit: finish },
  },
});

function prepare(run: Run, tx: Transaction): Then {
  const { id } = requireEnabled(tx, run.input.table);
  setTableState(tx, id, 'disabling');
  return step('unassign', { ...noTableProgress, tableId: id });
}

function isClosed({ state }: RegionRecord): boolean {
  return state === 'closed' || state === 'split' || state === 'merged';
}

function unassign(run: Run, tx: Transaction): Then {
  const { table } = run.input;
  return fanOut(
    tx,
    run.state,
    (region) =>
      isClosed(region)
        ? undefined
        : child(UnassignRegion, {
            table,
            region: region.regionId,
            isRecovery: false,
            server: undefined,
          }),
    { again: 'unassign', last: 'finish' },
  );
}

/** Until a whole pass has found nothing to close: a crash may have changed a region meanwhile. */
function finish(run: Run, tx: Transaction): Then {
  const { tableId, count } = run.state;
  if (count > 0) return step('unassign', { ...noTableProgress, tableId });
  setTableState(tx, tableId, 'disabled');
  run.log.info('table disabled', { table: formatTableName(run.input.table) });
  return done();
}
