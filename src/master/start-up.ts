// What a new master does once it is ready: it waits for region servers, so that the first one is not
// given everything, then opens what should be open and nobody is opening.

import { asCadastreError } from '../base/errors.js';
import type { RegionId } from '../base/ids.js';
import type { TableName } from '../base/table.js';
import { regionKind } from '../catalog/records/regions.js';
import type { RegionRecord } from '../catalog/records/regions.js';
import { tableKind } from '../catalog/records/tables.js';
import { lockRegion } from '../procedure/lock-request.js';
import type { Logger } from '../world/log.js';
import { AssignRegion } from './assignment/assign.js';
import { limits } from './limits.js';
import type { MasterParts } from './rpc/master-parts.js';

/**
 * Resolves when enough servers are there, or when the wait is over, and lets regions be placed. After
 * a restart of everything as many as before are enough. Rejects when `signal` aborts.
 */
export async function waitForServers(parts: MasterParts, signal: AbortSignal): Promise<void> {
  const { clock, registry, settings } = parts;
  const wanted = Math.max(
    settings.get('hbase.master.wait.on.regionservers.mintostart'),
    registry.expectedServers,
  );
  await new Promise<void>((resolve, reject) => {
    const timer = clock.timer(settings.get('hbase.master.wait.on.regionservers.timeout'), resolve);
    registry.whenReady(wanted, () => {
      timer.cancel();
      resolve();
    });
    const give = () => {
      timer.cancel();
      reject(asCadastreError(signal.reason));
    };
    signal.addEventListener('abort', give, { once: true });
  });
  registry.beginPlacing();
}

/** Assigns the regions of enabled tables that are closed and that no procedure is about to change. */
export async function assignLeftBehind(
  parts: MasterParts,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  let batch: { readonly table: TableName; readonly region: RegionId }[] = [];
  let looked = 0;
  const { catalog, clock } = parts;
  for (const { value } of catalog.durable.scan(regionKind)) {
    const table = catalog.durable.get(tableKind, [value.tableId]);
    if (table?.state === 'enabled' && isLeftBehind(parts, value)) {
      batch.push({ table: table.descriptor.name, region: value.regionId });
    }
    if (batch.length >= limits.childrenPerRecord) {
      await submitAll(parts, log, batch);
      batch = [];
    }
    if (++looked % limits.lookedAtPerRecord === 0) {
      await clock.yield();
      signal.throwIfAborted();
    }
  }
  await submitAll(parts, log, batch);
}

function isLeftBehind({ engine }: MasterParts, { state, regionId }: RegionRecord): boolean {
  if (!['offline', 'closed', 'failed-open', 'abnormally-closed'].includes(state)) return false;
  return engine.whoHolds('region', lockRegion(regionId).name) === undefined;
}

async function submitAll(
  { engine }: MasterParts,
  log: Logger,
  regions: readonly { readonly table: TableName; readonly region: RegionId }[],
): Promise<void> {
  if (regions.length === 0) return;
  log.info('assigning regions that were left closed', { regions: regions.length });
  const committed = engine.transact((_tx, procedures) => {
    for (const { table, region } of regions) {
      const input = { table, region, isRecovery: false, server: undefined };
      procedures.submit(AssignRegion, input, { owner: 'master' });
    }
  });
  await committed.durable();
}
