// CreateTable, presplit or not.
//
//   prepare  allots the table's id; nothing shows it yet
//   regions  writes its regions in bounded batches under that id
//   publish  one record flips the name to the id: from here on the table is there
//   assign   opens the regions, as children
//   finish   ENABLED
//
// Until `publish` it can be undone: what was prepared is discarded, and nobody ever saw it. A region
// that cannot be opened does not hold the table back: it stays FAILED_OPEN with its reason (race A7).

import { CadastreError } from '../../base/errors.js';
import type { Generation, RegionId, Sequence, TableId } from '../../base/ids.js';
import { formatTableName } from '../../base/table.js';
import type { Transaction } from '../../catalog/api.js';
import { regionKeyOf, regionKind } from '../../catalog/records/regions.js';
import { nameKind, tableKind } from '../../catalog/records/tables.js';
import type { StepRun } from '../../procedure/definition.js';
import { undoChildren } from '../../procedure/definition.js';
import type { Next } from '../../procedure/next.js';
import { child, done, failed, step } from '../../procedure/next.js';
import { AssignRegion } from '../assignment/assign.js';
import { createTableInput, noTableProgress, tableProgress } from '../codecs.js';
import type { CreateTableInput, TableProgress } from '../codecs.js';
import type { MasterContext } from '../context.js';
import { defineMasterProcedure } from '../context.js';
import { limits } from '../limits.js';
import { DiscardTable } from './discard-table.js';
import { fanOut, setTableState, tableProcedure } from './table-changes.js';
import { rangesOf } from './validate.js';

type Run = StepRun<CreateTableInput, TableProgress, MasterContext>;
type Then = Next<'prepare' | 'regions' | 'publish' | 'assign' | 'finish', TableProgress>;

const asTable = ({ descriptor }: CreateTableInput) => ({ table: descriptor.name });

export const CreateTable = defineMasterProcedure({
  type: 'CreateTable',
  version: 1,
  input: createTableInput,
  state: tableProgress,
  initial: () => noTableProgress,
  // A restored half-made table that nobody can see is not worth finishing.
  onRestore: 'abort',
  priority: 'table',
  locks: (input) => tableProcedure.locks(asTable(input)),
  group: (input) => tableProcedure.group(asTable(input)),
  describe: (input) => tableProcedure.describe(asTable(input)),
  first: 'prepare',
  steps: {
    prepare: {
      commit: prepare,
      undo: ({ state }: Run) => undoChildren([child(DiscardTable, { tableId: state.tableId })]),
    },
    // What it wrote goes with the table that `prepare` undoes.
    regions: { commit: writeRegions, undo: 'none' },
    publish: { commit: publish, undo: 'point-of-no-return' },
  },
  finalSteps: {
    assign: { commit: assign },
    finish: { commit: finish },
  },
});

function prepare(run: Run, tx: Transaction): Then {
  const { descriptor } = run.input;
  const { namespace, qualifier } = descriptor.name;
  if (tx.get(nameKind, [namespace, qualifier]) !== undefined) {
    return failed(new CadastreError('table-exists', formatTableName(descriptor.name)));
  }
  const tableId = run.context.catalog.ids.allocate(tx) as TableId;
  tx.put(tableKind, [tableId], {
    descriptor,
    state: 'creating',
    createdAtMs: run.clock.now(),
    droppedAtMs: undefined,
  });
  return step('regions', { ...noTableProgress, tableId });
}

function writeRegions(run: Run, tx: Transaction): Then {
  const { tableId } = run.state;
  const ranges = rangesOf(run.input.splitKeys);
  let prepared = run.state.count;
  let bytes = 0;
  for (const { startKey, endKey } of ranges.slice(prepared)) {
    bytes += 128 + 2 * startKey.length + endKey.length;
    const isFull = bytes > limits.preparedBytesPerRecord && prepared > run.state.count;
    if (isFull || prepared - run.state.count >= limits.preparedPerRecord) break;
    const regionId = run.context.catalog.ids.allocate(tx) as RegionId;
    const region = { tableId, regionId, startKey, endKey };
    tx.put(regionKind, regionKeyOf(region), {
      ...region,
      state: 'offline',
      server: undefined,
      generation: 0 as Generation,
      openSequence: 0 as Sequence,
      flushedSequence: 0 as Sequence,
      lastCommitNumber: 0,
      lastHost: undefined,
      lastServer: undefined,
      sinceMs: run.clock.now(),
      failure: undefined,
      slices: [],
      nonces: [],
    });
    prepared++;
  }
  return step(prepared < ranges.length ? 'regions' : 'publish', {
    ...run.state,
    count: prepared,
  });
}

function publish(run: Run, tx: Transaction): Then {
  const { namespace, qualifier } = run.input.descriptor.name;
  const { tableId } = run.state;
  tx.put(nameKind, [namespace, qualifier], tableId);
  setTableState(tx, tableId, 'enabling');
  return step('assign');
}

function assign(run: Run, tx: Transaction): Then {
  const table = run.input.descriptor.name;
  return fanOut(
    tx,
    run.state,
    ({ regionId }) =>
      child(AssignRegion, { table, region: regionId, isRecovery: false, server: undefined }),
    { again: 'assign', last: 'finish' },
  );
}

function finish(run: Run, tx: Transaction): Then {
  setTableState(tx, run.state.tableId, 'enabled');
  run.log.info('table created', { table: formatTableName(run.input.descriptor.name) });
  return done();
}
