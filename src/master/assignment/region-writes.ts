// The one place that changes a region's state: it asks the table of states, and keeps the rules of
// page 4 about generations and sequences, whoever calls it.

import { assert, unreachable } from '../../base/assert.js';
import { CadastreError } from '../../base/errors.js';
import type { Generation, Incarnation, RegionId, Sequence } from '../../base/ids.js';
import type { LogSlice } from '../../base/store-file.js';
import type { Catalog, CatalogView, Transaction } from '../../catalog/api.js';
import type { RegionRecord } from '../../catalog/records/regions.js';
import { regionKeyOf, regionKind } from '../../catalog/records/regions.js';
import { outcomeOf } from './states.js';

/** A region's event with what it brings along. */
export type RegionChange =
  | { readonly event: 'assign'; readonly server: Incarnation }
  | {
      readonly event: 'opened';
      readonly openSequence: Sequence;
      /** `host:port` of the server. */
      readonly address: string;
    }
  | { readonly event: 'open-failed' | 'give-up'; readonly failure: string }
  | { readonly event: 'unassign' | 'closed' | 'retire' }
  | { readonly event: 'recovered'; readonly slice: LogSlice | undefined };

/** The region's record in a view, by id alone. */
export function findRegion(
  catalog: Catalog,
  view: CatalogView,
  region: RegionId,
): RegionRecord | undefined {
  const key = catalog.regionKey(region);
  return key && view.get(regionKind, key);
}

/** Writes what the change does. Throws `internal` if the region's state refuses it. */
export function changeRegion(
  tx: Transaction,
  region: RegionRecord,
  change: RegionChange,
  nowMs: number,
): RegionRecord {
  const outcome = outcomeOf(region.state, change.event);
  if (outcome.kind !== 'go') {
    const reason = outcome.kind === 'refuse' ? outcome.reason : 'it has happened already';
    throw new CadastreError(
      'internal',
      `region ${region.regionId} is ${region.state} and cannot take "${change.event}": ${reason}`,
    );
  }
  const after: RegionRecord = {
    ...region,
    ...changesOf(region, change),
    state: outcome.to,
    sinceMs: nowMs,
  };
  assert(after.openSequence >= region.openSequence, 'an open sequence never falls');
  tx.put(regionKind, regionKeyOf(region), after);
  return after;
}

function changesOf(region: RegionRecord, change: RegionChange): Partial<RegionRecord> {
  switch (change.event) {
    case 'assign':
      return {
        server: change.server,
        generation: (region.generation + 1) as Generation,
        lastCommitNumber: 0,
        failure: undefined,
      };
    case 'opened':
      return {
        openSequence: Math.max(region.openSequence, change.openSequence) as Sequence,
        lastHost: change.address,
        lastServer: region.server,
      };
    case 'open-failed':
    case 'give-up':
      return { server: undefined, failure: change.failure };
    case 'unassign':
      return {};
    case 'closed':
    case 'retire':
      return { server: undefined, failure: undefined };
    case 'recovered':
      return {
        server: undefined,
        // Slices of an earlier crash stay, each with its own mark of what was flushed (race W17).
        slices: change.slice === undefined ? region.slices : [...region.slices, change.slice],
      };
    default:
      return unreachable(change);
  }
}
