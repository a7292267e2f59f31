// Inputs and states of the master's procedures as bytes, over proto/master/procedures.proto.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Incarnation, RegionId, Sequence, TableId } from '../base/ids.js';
import type { TableDescriptor, TableName } from '../base/table.js';
import { fromWide, ownBuffer, toWide } from '../catalog/codec.js';
import { tableKind } from '../catalog/records/tables.js';
import { protoCodec } from '../procedure/codec.js';
import type { TableName as TableNameMessage } from './generated/procedures_pb.js';
import {
  AssignStateSchema,
  CrashStateSchema,
  CreateTableInputSchema,
  MoveStateSchema,
  RegionInputSchema,
  ServerInputSchema,
  TableIdInputSchema,
  TableInputSchema,
  TableStateSchema,
  TransitInputSchema,
  UnassignStateSchema,
} from './generated/procedures_pb.js';

/** What assign, unassign and move are asked. */
export interface TransitInput {
  /** For the lock and for people; the region's record says which table it belongs to. */
  readonly table: TableName;
  readonly region: RegionId;
  /** After a crash: no lock of the table is taken (page 3, HBASE-20173). */
  readonly isRecovery: boolean;
  /** Assign and move: the server asked for. Unassign: where the region goes next. */
  readonly server: Incarnation | undefined;
}

const regionId = (value: bigint): RegionId => fromWide(value, 'a region id') as RegionId;
const incarnation = (value: bigint): Incarnation =>
  fromWide(value, 'an incarnation') as Incarnation;
const optionalServer = (value: bigint | undefined): Incarnation | undefined =>
  value === undefined ? undefined : incarnation(value);

function tableName(message: TableNameMessage | undefined): TableName {
  return { namespace: message?.namespace ?? '', qualifier: message?.qualifier ?? '' };
}

export const transitInput = protoCodec(TransitInputSchema, {
  to: ({ table, region, isRecovery, server }: TransitInput) => ({
    table,
    region: toWide(region, 'a region id'),
    recovery: isRecovery,
    ...(server === undefined ? {} : { server: toWide(server, 'an incarnation') }),
  }),
  from: (message): TransitInput => ({
    table: tableName(message.table),
    region: regionId(message.region),
    isRecovery: message.recovery,
    server: optionalServer(message.server),
  }),
});

export interface AssignState {
  /** Failed opens so far. */
  readonly failures: number;
  /** Servers that failed to open it. */
  readonly avoid: readonly Incarnation[];
}

export const assignState = protoCodec(AssignStateSchema, {
  to: ({ failures, avoid }: AssignState) => ({
    failures,
    avoid: avoid.map((server) => toWide(server, 'an incarnation')),
  }),
  from: ({ failures, avoid }): AssignState => ({ failures, avoid: avoid.map(incarnation) }),
});

export interface UnassignState {
  /** Closes that the server tried and could not do. */
  readonly failures: number;
}

/** Of no bytes before there was one: no failures. */
export const unassignState = protoCodec(UnassignStateSchema, {
  to: ({ failures }: UnassignState) => ({ failures }),
  from: ({ failures }): UnassignState => ({ failures }),
});

export interface MoveState {
  readonly source: Incarnation | undefined;
  readonly destination: Incarnation | undefined;
}

export const moveState = protoCodec(MoveStateSchema, {
  to: ({ source, destination }: MoveState) => ({
    ...(source === undefined ? {} : { source: toWide(source, 'an incarnation') }),
    ...(destination === undefined ? {} : { destination: toWide(destination, 'an incarnation') }),
  }),
  from: ({ source, destination }): MoveState => ({
    source: optionalServer(source),
    destination: optionalServer(destination),
  }),
});

export interface RegionInput {
  readonly table: TableName;
  readonly region: RegionId;
}

export const regionInput = protoCodec(RegionInputSchema, {
  to: ({ table, region }: RegionInput) => ({ table, region: toWide(region, 'a region id') }),
  from: (message): RegionInput => ({
    table: tableName(message.table),
    region: regionId(message.region),
  }),
});

export interface ServerInput {
  readonly server: Incarnation;
}

export const serverInput = protoCodec(ServerInputSchema, {
  to: ({ server }: ServerInput) => ({ server: toWide(server, 'an incarnation') }),
  from: ({ server }): ServerInput => ({ server: incarnation(server) }),
});

/** One region's part of a sorted log, until it is in the region's record. */
export interface SortedPart {
  readonly region: RegionId;
  readonly offset: number;
  readonly bytes: number;
  readonly entries: number;
  readonly sequenceMax: Sequence;
  readonly skipUpTo: Sequence;
}

export interface CrashState {
  /** The sorted log; undefined when nothing had to be sorted. */
  readonly sorted:
    { readonly object: string; readonly bytes: number; readonly crc32: number } | undefined;
  /** What of it is not in region records yet. */
  readonly parts: readonly SortedPart[];
  /** Servers that were asked to sort it. */
  readonly avoid: readonly Incarnation[];
}

export const crashState = protoCodec(CrashStateSchema, {
  to: ({ sorted, parts, avoid }: CrashState) => ({
    object: sorted?.object ?? '',
    bytes: toWide(sorted?.bytes ?? 0, "a sorted log's bytes"),
    crc32: sorted?.crc32 ?? 0,
    regions: parts.map((part) => ({
      region: toWide(part.region, 'a region id'),
      offset: toWide(part.offset, 'an offset'),
      bytes: toWide(part.bytes, 'bytes'),
      entries: toWide(part.entries, 'entries'),
      sequenceMax: toWide(part.sequenceMax, 'a sequence'),
      skipUpTo: toWide(part.skipUpTo, 'a sequence'),
    })),
    avoid: avoid.map((server) => toWide(server, 'an incarnation')),
  }),
  from: ({ object, bytes, crc32, regions, avoid }): CrashState => ({
    sorted:
      object === '' ? undefined : { object, bytes: fromWide(bytes, "a sorted log's bytes"), crc32 },
    parts: regions.map((part) => ({
      region: regionId(part.region),
      offset: fromWide(part.offset, 'an offset'),
      bytes: fromWide(part.bytes, 'bytes'),
      entries: fromWide(part.entries, 'entries'),
      sequenceMax: fromWide(part.sequenceMax, 'a sequence') as Sequence,
      skipUpTo: fromWide(part.skipUpTo, 'a sequence') as Sequence,
    })),
    avoid: avoid.map(incarnation),
  }),
});

export interface CreateTableInput {
  readonly descriptor: TableDescriptor;
  readonly splitKeys: readonly Buffer[];
}

export const createTableInput = protoCodec(CreateTableInputSchema, {
  // The catalog's own encoding of the descriptor, so that there is one of it.
  to: ({ descriptor, splitKeys }: CreateTableInput) => ({
    recordVersion: tableKind.version,
    record: tableKind.encode({
      descriptor,
      state: 'creating',
      createdAtMs: 0,
      droppedAtMs: undefined,
    }),
    splitKeys: [...splitKeys],
  }),
  from: ({ recordVersion, record, splitKeys }): CreateTableInput => ({
    descriptor: tableKind.decode(recordVersion, record).descriptor,
    splitKeys: splitKeys.map(ownBuffer),
  }),
});

export interface TableInput {
  readonly table: TableName;
}

export const tableInput = protoCodec(TableInputSchema, {
  to: ({ table }: TableInput) => ({ table }),
  from: (message): TableInput => ({ table: tableName(message.table) }),
});

export interface TableIdInput {
  readonly tableId: TableId;
}

export const tableIdInput = protoCodec(TableIdInputSchema, {
  to: ({ tableId }: TableIdInput) => ({ table: toWide(tableId, 'a table id') }),
  from: ({ table }): TableIdInput => ({ tableId: fromWide(table, 'a table id') as TableId }),
});

/** How far a table procedure has come. */
export interface TableProgress {
  /** 0 until it is known. */
  readonly tableId: TableId;
  /** Regions prepared (CreateTable, at first), or children started in this pass over the regions. */
  readonly count: number;
  /** The last region that a child was started for. */
  readonly after: { readonly startKey: Buffer; readonly regionId: RegionId } | undefined;
}

export const tableProgress = protoCodec(TableStateSchema, {
  to: ({ tableId, count, after }: TableProgress): MessageInitShape<typeof TableStateSchema> => ({
    table: toWide(tableId, 'a table id'),
    count: toWide(count, 'a count of regions'),
    ...(after === undefined
      ? {}
      : { after: { startKey: after.startKey, region: toWide(after.regionId, 'a region id') } }),
  }),
  from: ({ table, count, after }): TableProgress => ({
    tableId: fromWide(table, 'a table id') as TableId,
    count: fromWide(count, 'a count of regions'),
    after: after && { startKey: ownBuffer(after.startKey), regionId: regionId(after.region) },
  }),
});

export const noTableProgress: TableProgress = {
  tableId: 0 as TableId,
  count: 0,
  after: undefined,
};
