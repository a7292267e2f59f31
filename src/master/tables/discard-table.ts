// DiscardTable: deletes everything of a table that no name points to any more (or yet), in bounded
// batches. Dropping a file's record makes its object a candidate for deletion (L6).

import type { TableId } from '../../base/ids.js';
import type { RegionId } from '../../base/ids.js';
import type { Transaction } from '../../catalog/api.js';
import { fileKind } from '../../catalog/records/files.js';
import { regionKeyOf, regionKind } from '../../catalog/records/regions.js';
import type { RegionRecord } from '../../catalog/records/regions.js';
import { tableKind } from '../../catalog/records/tables.js';
import { noState } from '../../procedure/codec.js';
import type { StepRun } from '../../procedure/definition.js';
import type { Next } from '../../procedure/next.js';
import { done, step } from '../../procedure/next.js';
import { tableIdInput } from '../codecs.js';
import type { TableIdInput } from '../codecs.js';
import type { MasterContext } from '../context.js';
import { defineMasterProcedure } from '../context.js';
import { limits } from '../limits.js';

type Run = StepRun<TableIdInput, undefined, MasterContext>;

export const DiscardTable = defineMasterProcedure({
  type: 'DiscardTable',
  version: 1,
  input: tableIdInput,
  state: noState,
  initial: () => undefined,
  onRestore: 'resume',
  priority: 'table',
  // Its parent holds the table's lock.
  locks: () => [],
  group: ({ tableId }) => `id ${tableId}`,
  describe: ({ tableId }) => `table id ${tableId}`,
  first: 'discard',
  steps: {},
  finalSteps: {
    discard: { before: loadFiles, commit: discard },
  },
});

/** The files of the next regions; they stay readable in the transaction that follows. */
async function loadFiles({ context, input }: Run): Promise<readonly RegionId[]> {
  const ids = nextRegions(context.catalog.tail, input.tableId).map(({ regionId }) => regionId);
  for (const id of ids) await context.catalog.load(fileKind, [id]);
  return ids;
}

function nextRegions(view: Pick<Transaction, 'scan'>, table: TableId): readonly RegionRecord[] {
  const limit = limits.discardedPerRecord;
  return [...view.scan(regionKind, { prefix: [table], limit })].map(({ value }) => value);
}

function discard(run: Run, tx: Transaction, loaded: readonly RegionId[]): Next<'discard', never> {
  const { tableId } = run.input;
  const isLoaded = new Set(loaded);
  let rows = 0;
  for (const region of nextRegions(tx, tableId)) {
    if (!isLoaded.has(region.regionId)) return step('discard');
    for (const { key } of tx.scan(fileKind, { prefix: [region.regionId] })) {
      // Each deleted file also writes a candidate. The rest of its region's come with the next.
      if (++rows > limits.discardedPerRecord) return step('discard');
      tx.delete(fileKind, key);
    }
    tx.delete(regionKind, regionKeyOf(region));
    if (++rows >= limits.discardedPerRecord) return step('discard');
  }
  tx.delete(tableKind, [tableId]);
  return done();
}
