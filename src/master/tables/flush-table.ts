// FlushTable: asks the servers to flush every open region of a table, a child for each. A region
// that moves or whose server dies is flushed by that, so there is nothing to insist on.

import type { Transaction } from '../../catalog/api.js';
import { noState } from '../../procedure/codec.js';
import type { StepRun } from '../../procedure/definition.js';
import { lockTable } from '../../procedure/lock-request.js';
import type { Next } from '../../procedure/next.js';
import { child, done, failed, step, wait } from '../../procedure/next.js';
import { remoteRequest } from '../assignment/operations.js';
import { findRegion } from '../assignment/region-writes.js';
import { isHeld } from '../assignment/transit.js';
import { noTableProgress, regionInput, tableInput, tableProgress } from '../codecs.js';
import type { RegionInput, TableInput, TableProgress } from '../codecs.js';
import type { MasterContext } from '../context.js';
import { defineMasterProcedure } from '../context.js';
import { fanOut, requireEnabled, tableProcedure } from './table-changes.js';

type TableRun = StepRun<TableInput, TableProgress, MasterContext>;
type RegionRun = StepRun<RegionInput, undefined, MasterContext>;

const FlushRegion = defineMasterProcedure({
  type: 'FlushRegion',
  version: 1,
  input: regionInput,
  state: noState,
  initial: () => undefined,
  onRestore: 'drop',
  priority: 'background',
  // None: a flush must not hold back the recovery of its region.
  locks: () => [],
  group: ({ table }) => tableProcedure.group({ table }),
  describe: ({ region }) => `region ${region}`,
  first: 'flush',
  steps: {
    flush: { commit: flush, undo: 'none' },
    flushed: { commit: flushed, undo: 'none' },
  },
});

function flush(run: RegionRun, tx: Transaction): Next<'flushed', never> {
  const region = findRegion(run.context.catalog, tx, run.input.region);
  if (region?.state !== 'open' || region.server === undefined || !isHeld(tx, region)) return done();
  const { regionId, generation, server } = region;
  return wait(
    { remote: remoteRequest(server, { kind: 'flush', regionId, generation }) },
    'flushed',
  );
}

function flushed(run: RegionRun, tx: Transaction): Next<'flush', never> {
  const { reply } = run;
  const region = findRegion(run.context.catalog, tx, run.input.region);
  if (reply?.kind === 'remote-failed' && reply.delivered === 'executed') {
    // Of a region that was closed or moved meanwhile the server knows nothing.
    const isGone = region?.state !== 'open' || reply.error.kind === 'refresh-location';
    return isGone || reply.error.kind === 'fenced' ? done() : failed(reply.error);
  }
  return reply?.kind === 'remote-failed' ? step('flush') : done();
}

const FlushTable = defineMasterProcedure({
  type: 'FlushTable',
  version: 1,
  input: tableInput,
  state: tableProgress,
  initial: () => noTableProgress,
  onRestore: 'drop',
  priority: 'background',
  locks: ({ table }) => [lockTable(table, 'shared')],
  group: tableProcedure.group,
  describe: tableProcedure.describe,
  first: 'prepare',
  steps: {
    prepare: { commit: prepare, undo: 'none' },
    flush: { commit: flushAll, undo: 'none' },
    finish: { commit: finish, undo: 'none' },
  },
});

function prepare(run: TableRun, tx: Transaction): Next<'flush', TableProgress> {
  const { id } = requireEnabled(tx, run.input.table);
  return step('flush', { ...noTableProgress, tableId: id });
}

function flushAll(run: TableRun, tx: Transaction): Next<'flush' | 'finish', TableProgress> {
  const { table } = run.input;
  return fanOut(
    tx,
    run.state,
    ({ regionId, state }) =>
      state === 'open' ? child(FlushRegion, { table, region: regionId }) : undefined,
    { again: 'flush', last: 'finish' },
  );
}

function finish({ children }: TableRun): Next<never, never> {
  const { firstFailure } = children;
  return firstFailure === undefined ? done() : failed(firstFailure.error);
}

export { FlushRegion, FlushTable };
