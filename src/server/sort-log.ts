// Sorts the log of a crashed server, as the master asks it of a live one (page 4, "Server crash").
//
// Invariant: the object's name is new with each run, so a run that was cut off leaves nothing that a
// later one could mistake for its own; what nobody refers to is the collector's.

import type { RegionId, Sequence } from '../base/ids.js';
import { sortLog } from '../region/sorted-log.js';
import type { ObjectNamer } from '../storage/names.js';
import type { Storage } from '../storage/storage.js';
import type { SortLog, SortLogResult } from '../wire/internal.js';
import type { Clock } from '../world/clock.js';

/** What answers a sort-log operation. */
export function logSorter(
  storage: Storage,
  clock: Clock,
  namer: ObjectNamer,
): (request: SortLog) => Promise<SortLogResult> {
  return async ({ log, from, until, regions }) => {
    const skip = new Map<RegionId, Sequence>(
      regions.map(({ regionId, skipUpTo }) => [regionId, skipUpTo]),
    );
    const sorted = await sortLog({
      logs: storage.logs,
      objects: storage.objects,
      clock,
      name: log,
      from,
      until,
      object: namer.next('sorted'),
      skip,
      isOwned: (_table, region) => skip.has(region),
    });
    const { object, bytes, crc32, slices } = sorted;
    return { object: slices.length === 0 ? undefined : object, bytes, crc32, regions: slices };
  };
}
