// What the table procedures share: finding a table by its name, the locks, fanning children out over
// its regions in bounded records, and the errors that a refused request gets.

import { CadastreError } from '../../base/errors.js';
import type { TableId } from '../../base/ids.js';
import type { TableName } from '../../base/table.js';
import { formatTableName } from '../../base/table.js';
import type { CatalogView, Transaction } from '../../catalog/api.js';
import type { RegionRecord } from '../../catalog/records/regions.js';
import { regionKeyOf, regionKind } from '../../catalog/records/regions.js';
import type { TableRecord, TableState } from '../../catalog/records/tables.js';
import { nameKind, tableKind } from '../../catalog/records/tables.js';
import { lockTable } from '../../procedure/lock-request.js';
import type { ChildSpec, Next } from '../../procedure/next.js';
import { children } from '../../procedure/next.js';
import type { TableInput, TableProgress } from '../codecs.js';
import { limits } from '../limits.js';

export interface FoundTable {
  readonly id: TableId;
  readonly record: TableRecord;
}

/** The table of a name; undefined if there is none. */
export function findTable(view: CatalogView, name: TableName): FoundTable | undefined {
  const id = view.get(nameKind, [name.namespace, name.qualifier]);
  if (id === undefined) return undefined;
  const record = view.get(tableKind, [id]);
  return record && { id, record };
}

/** As {@link findTable}; throws `table-not-found`. */
export function requireTable(view: CatalogView, name: TableName): FoundTable {
  const found = findTable(view, name);
  if (found !== undefined) return found;
  // Clients show the message as the table's name.
  throw new CadastreError('table-not-found', formatTableName(name));
}

/** Throws `table-not-found` or `table-not-disabled`. */
export function requireDisabled(view: CatalogView, name: TableName): FoundTable {
  const found = requireTable(view, name);
  if (found.record.state === 'disabled') return found;
  const state = found.record.state.toUpperCase();
  throw new CadastreError(
    'table-not-disabled',
    `Not DISABLED; tableName=${formatTableName(name)}, state=${state}`,
  );
}

/** Throws `table-not-found` or `table-not-enabled`. */
export function requireEnabled(view: CatalogView, name: TableName): FoundTable {
  const found = requireTable(view, name);
  if (found.record.state === 'enabled') return found;
  throw new CadastreError('table-not-enabled', formatTableName(name));
}

export function setTableState(tx: Transaction, table: TableId, state: TableState): void {
  const record = tx.get(tableKind, [table]);
  if (record !== undefined) tx.put(tableKind, [table], { ...record, state });
}

/** How table procedures lock and show themselves. */
export const tableProcedure = {
  locks: ({ table }: TableInput) => [lockTable(table, 'exclusive')],
  group: ({ table }: TableInput) => formatTableName(table),
  describe: ({ table }: TableInput) => `table ${formatTableName(table)}`,
};

/**
 * The next children over a table's regions, in key order: at most one record's worth, then `again`
 * with the cursor moved; after the last ones `last`, once all children have ended.
 */
export function fanOut<const Name extends string>(
  tx: Transaction,
  progress: TableProgress,
  specOf: (region: RegionRecord) => ChildSpec | undefined,
  names: { readonly again: Name; readonly last: Name },
): Next<Name, TableProgress> {
  const specs: ChildSpec[] = [];
  let last: RegionRecord | undefined;
  let looked = 0;
  for (const region of regionsAfter(tx, progress)) {
    const spec = specOf(region);
    if (spec !== undefined) specs.push(spec);
    last = region;
    // A step over regions that need nothing is bounded too (L9).
    if (specs.length >= limits.childrenPerRecord || ++looked >= limits.lookedAtPerRecord) break;
  }
  const isEnd = specs.length < limits.childrenPerRecord && looked < limits.lookedAtPerRecord;
  const after = last && { startKey: last.startKey, regionId: last.regionId };
  const count = progress.count + specs.length;
  if (isEnd)
    return children(specs, names.last, { state: { ...progress, count, after: undefined } });
  return children(specs, names.again, {
    atMost: limits.childrenWindow,
    state: { ...progress, count, after },
  });
}

function* regionsAfter(
  tx: Transaction,
  { tableId, after }: TableProgress,
): Generator<RegionRecord> {
  const position = after && {
    after: regionKeyOf({ tableId, startKey: after.startKey, regionId: after.regionId }),
  };
  for (const { value } of tx.scan(regionKind, { prefix: [tableId], ...position })) yield value;
}
