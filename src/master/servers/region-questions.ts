// What a server's own list of its regions tells the master: a pure comparison. A heartbeat can only
// start a question (page 4): a digest that disagrees twice makes the master ask for the list; what
// the list holds too much is to be closed; what it lacks again and again means that the server has
// lost a region, and with it maybe edits that only its log has, so that it must be fenced.

import type { RegionId } from '../../base/ids.js';
import type { RegionRecord } from '../../catalog/records/regions.js';
import type { HeldRegion } from '../../wire/internal-codec.js';

export interface Disagreement {
  /** Held by the server, and not its own. */
  readonly surplus: readonly HeldRegion[];
  /** Open there by the catalog, and not held by the server. */
  readonly lost: readonly RegionId[];
}

/**
 * Compares what a server holds with the regions that the catalog says are its own. A region that is
 * being opened or closed may be there or not.
 */
export function compareRegions(
  held: readonly HeldRegion[],
  own: readonly RegionRecord[],
): Disagreement {
  const records = new Map(own.map((region) => [region.regionId, region]));
  const generations = new Map(held.map(({ regionId, generation }) => [regionId, generation]));
  return {
    surplus: held.filter(
      ({ regionId, generation }) => records.get(regionId)?.generation !== generation,
    ),
    lost: own
      .filter(({ state }) => state === 'open')
      .filter(({ regionId, generation }) => generations.get(regionId) !== generation)
      .map(({ regionId }) => regionId),
  };
}
