// Namespaces, names and tables. A name points to a table id, so that rename, truncate and restore
// in place prepare rows under a new id and flip one pointer (page 2).

import type { TableId } from '../../base/ids.js';
import type {
  BloomFilterKind,
  Compression,
  FamilyDescriptor,
  KeepDeletedCells,
  TableDescriptor,
} from '../../base/table.js';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { NameCodec, fromWide, messageCodec, toWide } from '../codec.js';
import type { Family, FamilySchema } from '../generated/catalog_pb.js';
import { NameSchema, NamespaceSchema, TableSchema } from '../generated/catalog_pb.js';
import { defineKind } from '../kind.js';

export interface NamespaceRecord {
  readonly attributes: Readonly<Record<string, string>>;
}

/** namespace/<name> */
export const namespaceKind = defineKind<readonly [namespace: string], NamespaceRecord>({
  name: 'namespace',
  type: 2,
  shape: ['string'],
  onRestore: 'keep',
  temperature: 'hot',
  ...messageCodec(
    NamespaceSchema,
    (value: NamespaceRecord) => ({ attributes: { ...value.attributes } }),
    (message) => ({ attributes: message.attributes }),
  ),
});

/** name/<namespace>/<qualifier>: the table of that name. */
export const nameKind = defineKind<readonly [namespace: string, qualifier: string], TableId>({
  name: 'name',
  type: 3,
  shape: ['string', 'string'],
  onRestore: 'keep',
  temperature: 'hot',
  ...messageCodec(
    NameSchema,
    (table: TableId) => ({ table: toWide(table, 'a table id') }),
    (message) => fromWide(message.table, 'a table id') as TableId,
  ),
});

export type TableState =
  'creating' | 'enabling' | 'enabled' | 'disabling' | 'disabled' | 'dropping';

export interface TableRecord {
  readonly descriptor: TableDescriptor;
  readonly state: TableState;
  /** Wall-clock milliseconds. */
  readonly createdAtMs: number;
  /** When it went to the trash; undefined while it is not there. */
  readonly droppedAtMs: number | undefined;
}

const tableStates = new NameCodec<TableState>('table state', [
  'creating',
  'enabling',
  'enabled',
  'disabling',
  'disabled',
  'dropping',
]);
const keepDeleted = new NameCodec<KeepDeletedCells>('way to keep deleted cells', [
  'false',
  'true',
  'ttl',
]);
const compressions = new NameCodec<Compression>('compression', [
  'none',
  'gzip',
  'snappy',
  'zstd',
  'lz4',
  'lzo',
]);
const blooms = new NameCodec<BloomFilterKind>('bloom filter', ['none', 'row', 'rowcol']);

/** table/<id> */
export const tableKind = defineKind<readonly [table: TableId], TableRecord>({
  name: 'table',
  type: 4,
  shape: ['number'],
  onRestore: 'keep',
  temperature: 'hot',
  ...messageCodec(
    TableSchema,
    ({ descriptor, state, createdAtMs, droppedAtMs }: TableRecord) => ({
      namespace: descriptor.name.namespace,
      qualifier: descriptor.name.qualifier,
      families: descriptor.families.map(encodeFamily),
      attributes: { ...descriptor.attributes },
      state: tableStates.encode(state),
      createdAtMs: toWide(createdAtMs, "a table's creation time"),
      ...(droppedAtMs === undefined
        ? {}
        : { droppedAtMs: toWide(droppedAtMs, "a table's drop time") }),
    }),
    (message) => ({
      descriptor: {
        name: { namespace: message.namespace, qualifier: message.qualifier },
        families: message.families.map(decodeFamily),
        attributes: message.attributes,
      },
      state: tableStates.decode(message.state),
      createdAtMs: fromWide(message.createdAtMs, "a table's creation time"),
      droppedAtMs:
        message.droppedAtMs === undefined
          ? undefined
          : fromWide(message.droppedAtMs, "a table's drop time"),
    }),
  ),
});

function encodeFamily(family: FamilyDescriptor): MessageInitShape<typeof FamilySchema> {
  return {
    ...family,
    keepDeletedCells: keepDeleted.encode(family.keepDeletedCells),
    compression: compressions.encode(family.compression),
    bloomFilter: blooms.encode(family.bloomFilter),
    attributes: { ...family.attributes },
  };
}

function decodeFamily(message: Family): FamilyDescriptor {
  return {
    name: message.name,
    versionsMax: message.versionsMax,
    versionsMin: message.versionsMin,
    ttlSeconds: message.ttlSeconds,
    keepDeletedCells: keepDeleted.decode(message.keepDeletedCells),
    compression: compressions.decode(message.compression),
    bloomFilter: blooms.decode(message.bloomFilter),
    blockBytes: message.blockBytes,
    blockCache: message.blockCache,
    inMemory: message.inMemory,
    attributes: message.attributes,
  };
}
