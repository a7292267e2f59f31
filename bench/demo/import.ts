// Writes feature rows into a table, many batches at a time, and remembers what was acknowledged.

import type { Table } from '../../src/client/public.js';
import type { FeatureRow } from './browser-data.js';
import type { Ledger } from './ledger.js';

export interface ImportOptions {
  readonly table: Table;
  readonly rows: readonly FeatureRow[];
  /** Gets every row whose cells are acknowledged. */
  readonly acknowledged: Ledger;
  /** Called after each batch with the share done, 0 to 1; false ends the import. */
  readonly onProgress: (share: number) => boolean;
}

const rowsPerBatch = 100;
const batchesInFlight = 8;

/** Resolves with the number of rows that were not acknowledged. */
export async function importRows(options: ImportOptions): Promise<number> {
  const { table, rows, acknowledged, onProgress } = options;
  let next = 0;
  let done = 0;
  let lost = 0;
  let goesOn = true;
  const work = async (): Promise<void> => {
    while (goesOn && next < rows.length) {
      const batch = rows.slice(next, next + rowsPerBatch);
      next += batch.length;
      const outcomes = await table.batch(
        batch.map(({ row, cells }) => ({ kind: 'put', row, values: cells })),
      );
      outcomes.forEach((outcome, index) => {
        const row = batch[index];
        if (outcome.kind === 'done' && row !== undefined) acknowledged.add(row);
        else lost += 1;
      });
      done += batch.length;
      goesOn = onProgress(done / rows.length) && goesOn;
    }
  };
  await Promise.all(Array.from({ length: batchesInFlight }, work));
  return lost;
}
