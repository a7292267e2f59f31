// hbase:meta as rows over the catalog: for each table a row with its state, then a row for each of
// its regions, in HBase's order. Nothing is stored: rows are made when they are read.
//
// Invariants:
// 1. Only what is durable is shown (L4), and only tables that a name points to: a half-made or a
//    dropped table is invisible.
// 2. `info:server` stays what it was until the region is open somewhere else, as clients expect.

import { present, unreachable } from '../../base/assert.js';
import type { Cell } from '../../base/cell.js';
import type { RegionId, TableId } from '../../base/ids.js';
import { familyDescriptor, formatTableName, regionName } from '../../base/table.js';
import type { TableDescriptor } from '../../base/table.js';
import type { Catalog, RegionKey, ScanOptions } from '../../catalog/api.js';
import type { RegionRecord } from '../../catalog/records/regions.js';
import { regionKind } from '../../catalog/records/regions.js';
import { serverKind } from '../../catalog/records/servers.js';
import { nameKind, tableKind } from '../../catalog/records/tables.js';
import type { TableState } from '../../wire/meta-rows.js';
import {
  compareMetaRows,
  metaRegionCells,
  metaTableCell,
  metaTableName,
  parseHostPort,
} from '../../wire/meta-rows.js';
import type { TableRecord } from '../../catalog/records/tables.js';

/** How hbase:meta describes itself. */
export const metaDescriptor: TableDescriptor = {
  name: metaTableName,
  families: [
    familyDescriptor('info', { versionsMax: 3, inMemory: true, blockBytes: 8_192 }),
    familyDescriptor('rep_barrier', { versionsMax: 2_147_483_647, inMemory: true }),
    familyDescriptor('table', { versionsMax: 3, inMemory: true, blockBytes: 8_192 }),
  ],
  attributes: { IS_META: 'true' },
};

export interface MetaRow {
  readonly row: Buffer;
  readonly cells: readonly Cell[];
}

/** Where a scan of meta begins. */
export interface MetaPosition {
  /** Undefined: at the first row (the last, reversed). */
  readonly row: Buffer | undefined;
  readonly isInclusive: boolean;
  readonly isReversed: boolean;
}

interface NamedTable {
  /** As it stands in rows. */
  readonly name: Buffer;
  readonly id: TableId;
}

const comma = 0x2c;

export class MetaImage {
  readonly #catalog: Catalog;
  /** In the order of their rows. */
  readonly #tables: NamedTable[] = [];
  readonly #watch: { stop(): void };

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
    for (const { key, value } of catalog.durable.scan(nameKind)) this.#add(key, value);
    this.#watch = catalog.watch(nameKind, ({ key, after }) => {
      this.#remove(key);
      if (after !== undefined) this.#add(key, after);
    });
  }

  close(): void {
    this.#watch.stop();
  }

  /** The row of that key. */
  get(row: Buffer): MetaRow | undefined {
    for (const found of this.rows({ row, isInclusive: true, isReversed: false })) {
      return found.row.equals(row) ? found : undefined;
    }
    return undefined;
  }

  /** Rows in HBase's order from a position on. Ends or goes on as the catalog changes meanwhile. */
  *rows(position: MetaPosition): Generator<MetaRow> {
    const { row, isInclusive, isReversed } = position;
    for (const found of isReversed ? this.#backward(row) : this.#forward(row)) {
      const order = row === undefined ? 1 : compareMetaRows(found.row, row);
      // The first rows of a table may still lie before the position.
      if (order === 0 ? !isInclusive : order < 0 !== isReversed && row !== undefined) continue;
      yield found;
    }
  }

  *#forward(row: Buffer | undefined): Generator<MetaRow> {
    const start = row === undefined ? undefined : splitRow(row);
    let index = start === undefined ? 0 : this.#indexOf(start.table);
    for (; index < this.#tables.length; index++) {
      const table = present(this.#tables[index], 'an index below the length');
      const isStart = start?.table.equals(table.name) === true;
      if (!isStart || start.key === undefined) yield* this.#tableRow(table);
      yield* this.#regionRows(table, false, isStart ? start.key : undefined);
    }
  }

  *#backward(row: Buffer | undefined): Generator<MetaRow> {
    const start = row === undefined ? undefined : splitRow(row);
    let index = this.#tables.length - 1;
    if (start !== undefined) {
      index = this.#indexOf(start.table);
      if (this.#tables[index]?.name.equals(start.table) !== true) index--;
    }
    for (; index >= 0; index--) {
      const table = present(this.#tables[index], 'an index from 0 on');
      const isStart = start?.table.equals(table.name) === true;
      if (!isStart || start.key !== undefined) {
        yield* this.#regionRows(table, true, isStart ? start.key : undefined);
      }
      yield* this.#tableRow(table);
    }
  }

  *#tableRow({ name, id }: NamedTable): Generator<MetaRow> {
    const record = this.#catalog.durable.get(tableKind, [id]);
    if (record === undefined) return;
    const cell = metaTableCell(name.toString(), metaState(record), record.createdAtMs);
    yield { row: cell.row, cells: [cell] };
  }

  *#regionRows(
    { id }: NamedTable,
    isReversed: boolean,
    fromKey: Buffer | undefined,
  ): Generator<MetaRow> {
    const { durable } = this.#catalog;
    const table = durable.get(tableKind, [id]);
    if (table === undefined) return;
    const options: ScanOptions<RegionKey> = {
      prefix: [id],
      reverse: isReversed,
      ...(fromKey === undefined ? {} : { from: [id, fromKey] }),
    };
    for (const { value } of durable.scan(regionKind, options)) yield this.#regionRow(table, value);
  }

  #regionRow({ descriptor }: TableRecord, region: RegionRecord): MetaRow {
    const { server, lastServer, lastHost } = region;
    const name = regionName({ ...region, table: descriptor.name });
    const isReplaced = region.state === 'split' || region.state === 'merged';
    const opener = server ?? lastServer;
    const record =
      opener === undefined ? undefined : this.#catalog.durable.get(serverKind, [opener]);
    const cells = metaRegionCells({
      name,
      region: {
        table: descriptor.name,
        regionId: region.regionId,
        startKey: region.startKey,
        endKey: region.endKey,
        isOffline: isReplaced,
        isSplit: region.state === 'split',
      },
      server:
        lastServer === undefined || lastHost === undefined
          ? undefined
          : {
              ...parseHostPort(lastHost),
              startCode: lastServer,
              openSequence: region.openSequence,
            },
      transitionServer:
        record === undefined || opener === undefined
          ? undefined
          : { host: record.host, port: record.port, startCode: opener },
      state: stateText(region),
      timestamp: region.sinceMs,
    });
    return { row: name, cells };
  }

  /** The first table at or after a name. */
  #indexOf(name: Buffer): number {
    let low = 0;
    let high = this.#tables.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const table = present(this.#tables[middle], 'an index below the length');
      if (Buffer.compare(table.name, name) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #add(key: readonly [string, string], id: TableId): void {
    const name = nameOf(key);
    this.#tables.splice(this.#indexOf(name), 0, { name, id });
  }

  #remove(key: readonly [string, string]): void {
    const name = nameOf(key);
    const index = this.#indexOf(name);
    if (this.#tables[index]?.name.equals(name) === true) this.#tables.splice(index, 1);
  }
}

function nameOf([namespace, qualifier]: readonly [string, string]): Buffer {
  return Buffer.from(formatTableName({ namespace, qualifier }));
}

/** The parts of a row key that order rows: the table, and the start key where there is one. */
function splitRow(row: Buffer): { readonly table: Buffer; readonly key: Buffer | undefined } {
  const first = row.indexOf(comma);
  if (first < 0) return { table: row, key: undefined };
  const last = row.lastIndexOf(comma);
  const end = last > first ? last : row.length;
  return { table: row.subarray(0, first), key: row.subarray(first + 1, end) };
}

/** The region id in a full region name (`TABLE,STARTKEY,ID.ENCODED.`); undefined if there is none. */
export function regionIdOfName(name: Buffer): RegionId | undefined {
  const last = name.lastIndexOf(comma);
  const digits = /^(\d{1,16})\.[0-9a-f]{32}\.$/.exec(name.subarray(last + 1).toString('latin1'));
  return digits?.[1] === undefined ? undefined : (Number(digits[1]) as RegionId);
}

/** As HBase spells a region's state. */
export function stateText({ state }: Pick<RegionRecord, 'state'>): string {
  return state.replaceAll('-', '_').toUpperCase();
}

/** HBase knows four states of a table; the others are never shown. */
export function metaState({ state }: Pick<TableRecord, 'state'>): TableState {
  switch (state) {
    case 'enabled':
    case 'disabled':
    case 'enabling':
    case 'disabling':
      return state;
    case 'creating':
      return 'enabling';
    case 'dropping':
      return 'disabled';
    default:
      return unreachable(state);
  }
}
