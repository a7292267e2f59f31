// What assign, unassign and move share: their steps' names, locks, the key of a region's reports,
// and what they look up.

import type { Incarnation, ProcedureId, TableId } from '../../base/ids.js';
import { formatTableName } from '../../base/table.js';
import type { Transaction } from '../../catalog/api.js';
import type { RegionRecord } from '../../catalog/records/regions.js';
import { tableKind } from '../../catalog/records/tables.js';
import type { LockRequest } from '../../procedure/lock-request.js';
import { lockRegion, lockTable } from '../../procedure/lock-request.js';
import type { Logger } from '../../world/log.js';
import type { TransitInput } from '../codecs.js';
import type { MasterContext } from '../context.js';
import { onlineServer } from '../context.js';
import { findRegion } from './region-writes.js';
import type { RegionReport } from './report-codec.js';

/** The persisted steps, with the names operators know from HBase. */
export const transitSteps = {
  queue: 'REGION_TRANSITION_QUEUE',
  dispatch: 'REGION_TRANSITION_DISPATCH',
  finish: 'REGION_TRANSITION_FINISH',
} as const;

/** Planned transits take table and region; recovery takes the region alone (page 3). */
export function transitLocks({ table, region, isRecovery }: TransitInput): readonly LockRequest[] {
  return isRecovery ? [lockRegion(region)] : [lockTable(table, 'shared'), lockRegion(region)];
}

export function transitGroup({ table }: TransitInput): string {
  return formatTableName(table);
}

export function describeTransit({ table, region }: TransitInput): string {
  return `region ${region} of ${formatTableName(table)}`;
}

/** The key under which reports about one generation of a region reach its owner. */
export function reportKey(region: Pick<RegionRecord, 'regionId' | 'generation'>): string {
  return `region:${region.regionId}:${region.generation}`;
}

/** What a step has at hand. */
interface Run {
  readonly id: ProcedureId;
  readonly input: TransitInput;
  readonly context: MasterContext;
  readonly log: Logger;
}

/** The region as the tail has it; undefined if it was dropped. Asserts the one owner. */
export function ownedRegion(run: Run, tx: Transaction): RegionRecord | undefined {
  const { catalog, owners } = run.context;
  owners.take(run.input.region, run.id);
  return findRegion(catalog, tx, run.input.region);
}

/** Whether the table's state wants its regions open. */
export function wantsOpen(tx: Transaction, table: TableId): boolean {
  const state = tx.get(tableKind, [table])?.state;
  return state === 'enabled' || state === 'enabling';
}

/** Whether its server may still act on the region. */
export function isHeld(tx: Transaction, region: RegionRecord): boolean {
  return region.server !== undefined && onlineServer(tx, region.server) !== undefined;
}

/** The line that operators look for: `state=OPENING, server=…`. */
export function logState(log: Logger, region: RegionRecord, server?: Incarnation): void {
  log.info('region state', {
    region: region.regionId,
    state: region.state.replaceAll('-', '_').toUpperCase(),
    server: server ?? region.server,
    generation: region.generation,
    ...(region.state === 'open' ? { openSequence: region.openSequence } : {}),
  });
}

/** What a server said: between `dispatch` and the region's new state in the story of a transit. */
export function logReport(log: Logger, region: RegionRecord, report: RegionReport): void {
  const { regionId, server, generation } = region;
  log.info('report', {
    region: regionId,
    server,
    generation,
    said: report.kind.replaceAll('-', '_').toUpperCase(),
    ...(report.kind === 'opened' ? { openSequence: report.openSequence } : {}),
  });
}
