// Rows of hbase:meta as clients read them: one for each region, one for each table's state. Pure
// functions between them and base types. Source: section 5 of research/wire-trace.md.

import { fromBinary, toBinary, create } from '@bufbuild/protobuf';
import { CellType, compareRanges, makeCell } from '../base/cell.js';
import type { Cell } from '../base/cell.js';
import { CadastreError } from '../base/errors.js';
import type { TableName } from '../base/table.js';
import type { RegionInfo as RegionInfoMessage } from './generated/hbase/hbase_pb.js';
import { RegionInfoSchema } from './generated/hbase/hbase_pb.js';
import { safeNumberOf } from './uint64.js';
import { viewOf } from './views.js';

/** The full name, and row key prefix of none: hbase:meta is not in itself. */
export const metaRegionName: Buffer = Buffer.from('hbase:meta,,1');
export const metaTableName: TableName = { namespace: 'hbase', qualifier: 'meta' };
const magic = Buffer.from('PBUF');
const comma = 0x2c;
const emptyBuffer = Buffer.alloc(0);

/** A region as its row tells it. */
export interface MetaRegion {
  readonly table: TableName;
  /** HBase's are creation times; higher than those of the regions it came from. */
  readonly regionId: number;
  readonly startKey: Buffer;
  readonly endKey: Buffer;
  /** Both set on the parent of a split. */
  readonly isOffline: boolean;
  readonly isSplit: boolean;
}

export interface MetaServer {
  readonly host: string;
  readonly port: number;
  readonly startCode: number;
}

/** The message, every field of it written as HBase does. */
export function regionInfoMessage(region: MetaRegion): RegionInfoMessage {
  const { namespace, qualifier } = region.table;
  return create(RegionInfoSchema, {
    regionId: BigInt(region.regionId),
    tableName: { namespace: Buffer.from(namespace), qualifier: Buffer.from(qualifier) },
    startKey: region.startKey,
    endKey: region.endKey,
    offline: region.isOffline,
    split: region.isSplit,
    replicaId: 0,
  });
}

export function regionOfMessage(message: RegionInfoMessage): MetaRegion {
  const { tableName } = message;
  if (tableName === undefined) throw new CadastreError('bad-request', 'a region without a table');
  return {
    table: { namespace: text(tableName.namespace), qualifier: text(tableName.qualifier) },
    regionId: safeNumberOf(message.regionId, 'a region id'),
    startKey: viewOf(message.startKey),
    endKey: viewOf(message.endKey),
    isOffline: message.offline,
    isSplit: message.split,
  };
}

/** The value of `info:regioninfo`. */
export function encodeRegionInfo(region: MetaRegion): Buffer {
  return Buffer.concat([magic, toBinary(RegionInfoSchema, regionInfoMessage(region))]);
}

/** Throws `corruption` for anything else. */
export function decodeRegionInfo(value: Buffer): MetaRegion {
  if (value.compare(magic, 0, 4, 0, Math.min(4, value.length)) !== 0) {
    throw new CadastreError('corruption', 'a region in hbase:meta does not start with PBUF');
  }
  try {
    return regionOfMessage(fromBinary(RegionInfoSchema, value.subarray(4)));
  } catch (cause) {
    throw new CadastreError('corruption', 'a region in hbase:meta cannot be decoded', { cause });
  }
}

export type TableState = 'enabled' | 'disabled' | 'disabling' | 'enabling';

const tableStates: readonly TableState[] = ['enabled', 'disabled', 'disabling', 'enabling'];

/** The value of `table:state`: the bare message. */
export function encodeTableState(state: TableState): Buffer {
  return Buffer.from([8, tableStates.indexOf(state)]);
}

/** Throws `corruption` for anything else: an unknown state must not pass for an enabled table. */
export function decodeTableState(value: Buffer): TableState {
  const state = value.length === 2 && value[0] === 8 ? tableStates[value[1] as number] : undefined;
  if (state !== undefined) return state;
  throw new CadastreError('corruption', `table state ${value.toString('hex')} is unknown`);
}

/** All of a region's row, as the master knows it. */
export interface MetaRegionRow {
  readonly name: Buffer;
  readonly region: MetaRegion;
  /** Where it is, or was last, open; undefined before the first time. */
  readonly server: (MetaServer & { readonly openSequence: number }) | undefined;
  /** The server of the running or last transition. */
  readonly transitionServer: MetaServer | undefined;
  /** OPEN, CLOSED, OPENING, … as HBase spells them. */
  readonly state: string;
  /** Of the last transition, milliseconds. */
  readonly timestamp: number;
  readonly daughters?: readonly [MetaRegion, MetaRegion];
  readonly mergedFrom?: readonly MetaRegion[];
}

/** Its cells, in the order of their qualifiers. */
export function metaRegionCells(row: MetaRegionRow): Cell[] {
  const { server, transitionServer } = row;
  const columns: [string, Buffer][] = [];
  for (const [i, parent] of (row.mergedFrom ?? []).entries()) {
    columns.push([`merge${String(i).padStart(4, '0')}`, encodeRegionInfo(parent)]);
  }
  columns.push(['regioninfo', encodeRegionInfo(row.region)]);
  if (server !== undefined) {
    columns.push(
      ['seqnumDuringOpen', int64(server.openSequence)],
      ['server', Buffer.from(formatHostPort(server))],
      ['serverstartcode', int64(server.startCode)],
    );
  }
  if (transitionServer !== undefined) {
    columns.push(['sn', Buffer.from(formatServerName(transitionServer))]);
  }
  if (row.daughters !== undefined) {
    columns.push(['splitA', encodeRegionInfo(row.daughters[0])]);
    columns.push(['splitB', encodeRegionInfo(row.daughters[1])]);
  }
  columns.push(['state', Buffer.from(row.state)]);
  return columns.map(([qualifier, value]) =>
    metaCell(row.name, 'info', qualifier, value, row.timestamp),
  );
}

/** The row of a table: its name, with `table:state`. */
export function metaTableCell(tableName: string, state: TableState, timestamp: number): Cell {
  const value = encodeTableState(state);
  return metaCell(Buffer.from(tableName), 'table', 'state', value, timestamp);
}

function metaCell(
  row: Buffer,
  family: string,
  qualifier: string,
  value: Buffer,
  timestamp: number,
): Cell {
  return makeCell({
    row,
    family: Buffer.from(family),
    qualifier: Buffer.from(qualifier),
    timestamp,
    type: CellType.put,
    value,
  });
}

/** What a client needs of a region's row. */
export interface MetaLocation {
  readonly name: Buffer;
  readonly region: MetaRegion;
  readonly server: MetaServer | undefined;
  /** Decides which of two locations is newer; 0 if it was never open. */
  readonly openSequence: number;
}

/** Undefined for rows that are not a region's. Throws `corruption` for what cannot be decoded. */
export function decodeMetaRow(cells: readonly Cell[]): MetaLocation | undefined {
  const values = new Map<string, Buffer>();
  let name: Buffer = emptyBuffer;
  for (const cell of cells) {
    if (cell.family.toString('latin1') !== 'info') continue;
    name = cell.row;
    values.set(cell.qualifier.toString('latin1'), cell.value);
  }
  const info = values.get('regioninfo');
  if (info === undefined) return undefined;
  const sequence = values.get('seqnumDuringOpen');
  return {
    name,
    region: decodeRegionInfo(info),
    server: decodeServer(values.get('server'), values.get('serverstartcode')),
    openSequence: sequence?.length === 8 ? Number(sequence.readBigInt64BE(0)) : 0,
  };
}

function decodeServer(place: Buffer | undefined, startCode: Buffer | undefined) {
  if (place === undefined || place.length === 0) return undefined;
  const code = startCode?.length === 8 ? Number(startCode.readBigInt64BE(0)) : 0;
  return { ...parseHostPort(place.toString()), startCode: code };
}

export function formatHostPort(server: { readonly host: string; readonly port: number }): string {
  return `${server.host}:${server.port}`;
}

/** `host:port`, where the host may hold colons; `corruption` for anything else. */
export function parseHostPort(place: string): { readonly host: string; readonly port: number } {
  const match = /^(?<host>.+):(?<port>\d{1,5})$/.exec(place)?.groups;
  if (match?.['host'] !== undefined) return { host: match['host'], port: Number(match['port']) };
  throw new CadastreError('corruption', `'${place}' is not host:port`);
}

export function formatServerName(server: MetaServer): string {
  return `${server.host},${server.port},${server.startCode}`;
}

/** `host,port,startcode`; `bad-request` for anything else. */
export function parseServerName(name: string): MetaServer {
  const match = /^(?<host>[^,]+),(?<port>\d{1,5}),(?<startCode>\d{1,16})$/.exec(name)?.groups;
  if (match?.['host'] === undefined) {
    throw new CadastreError('bad-request', `'${name}' is not a server's host,port,startcode`);
  }
  const { host, port, startCode } = match;
  return { host, port: Number(port), startCode: Number(startCode) };
}

/**
 * The order of rows: by table (up to the first comma), then start key (up to the last comma), then
 * id, each as bytes; a row without commas before all rows of that table.
 */
export function compareMetaRows(a: Buffer, b: Buffer): number {
  const aTable = tableEnd(a);
  const bTable = tableEnd(b);
  const table = compareRanges(a, 0, aTable, b, 0, bTable);
  if (table !== 0) return table;
  if (aTable === a.length || bTable === b.length) {
    return Number(aTable < a.length) - Number(bTable < b.length);
  }
  const aKey = aTable + 1;
  const bKey = bTable + 1;
  const aLast = keyEnd(a, aKey);
  const bLast = keyEnd(b, bKey);
  const key = compareRanges(a, aKey, aLast - aKey, b, bKey, bLast - bKey);
  if (key !== 0) return key;
  return compareRanges(a, aLast, a.length - aLast, b, bLast, b.length - bLast);
}

/** Where the table part ends: at the first comma, or at the end. */
function tableEnd(row: Buffer): number {
  const first = row.indexOf(comma);
  return first < 0 ? row.length : first;
}

/** Where the start key ends: at the last comma, or at the end. */
function keyEnd(row: Buffer, keyStart: number): number {
  const last = row.lastIndexOf(comma);
  return last < keyStart ? row.length : last;
}

function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

function text(bytes: Uint8Array): string {
  return viewOf(bytes).toString();
}
