// The remote operations of procedures: what a server needs to know to open, close or flush a region,
// or to sort a log, read from the tail in the transaction that dispatches it.

import type { Incarnation, Sequence } from '../../base/ids.js';
import type { RegionInfo, TableName } from '../../base/table.js';
import type { Transaction } from '../../catalog/api.js';
import { fileKind } from '../../catalog/records/files.js';
import type { RegionRecord } from '../../catalog/records/regions.js';
import { tableKind } from '../../catalog/records/tables.js';
import type { RemoteRequest } from '../../procedure/next.js';
import type { RemoteOperation } from '../../wire/internal.js';
import { encodeOperation } from '../../wire/internal.js';
import { onlineServer } from '../context.js';

/** The engine carries kind and body, and looks into neither. */
export function remoteRequest(server: Incarnation, operation: RemoteOperation): RemoteRequest {
  return { server, kind: operation.kind, body: encodeOperation(operation).body };
}

/** Undefined if the table is gone. `catalog.load(fileKind, [region])` comes first. */
export function openRegionRequest(
  tx: Transaction,
  region: RegionRecord,
  server: Incarnation,
): RemoteRequest | undefined {
  const table = tx.get(tableKind, [region.tableId])?.descriptor;
  if (table === undefined) return undefined;
  return remoteRequest(server, {
    kind: 'open',
    region: regionInfo(region, table.name),
    table,
    generation: region.generation,
    // Clients ignore locations with lower numbers than they know.
    openSequenceMin: Math.max(region.openSequence, region.flushedSequence) as Sequence,
    files: [...tx.scan(fileKind, { prefix: [region.regionId] })].map(({ value }) => value),
    slices: region.slices,
    nonces: region.nonces,
  });
}

/** `next`: where the region goes, which the closing server tells its clients. */
export function closeRegionRequest(
  tx: Transaction,
  { regionId, generation }: RegionRecord,
  server: Incarnation,
  next: Incarnation | undefined,
): RemoteRequest {
  const record = next === undefined ? undefined : onlineServer(tx, next);
  const destination =
    next === undefined || record === undefined
      ? undefined
      : { host: record.host, port: record.port, incarnation: next };
  return remoteRequest(server, { kind: 'close', regionId, generation, destination });
}

function regionInfo(region: RegionRecord, table: TableName): RegionInfo {
  const { tableId, regionId, startKey, endKey } = region;
  return { tableId, table, regionId, startKey, endKey };
}
