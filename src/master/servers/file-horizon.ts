// What region servers still read, for the collector: their scans hold the files of the revision at
// which they began.
//
// A server learns that files were replaced when its commit is answered, which is later than the
// commit; until then new scans use the old files, and no heartbeat has said so yet. So what died is
// held for longer than such an answer can take on a server that is still alive, whatever heartbeats say.

import type { Revision } from '../../base/ids.js';
import type { Catalog } from '../../catalog/api.js';
import type { Clock } from '../../world/clock.js';
import { limits } from '../limits.js';
import type { HorizonSource } from '../collector/horizon.js';
import type { ServerRegistry } from './registry.js';

interface Moment {
  readonly atMs: number;
  readonly revision: Revision;
}

/** The collector's source for the files that region servers may be reading. */
export function fileHorizon(
  registry: Pick<ServerRegistry, 'sessions'>,
  catalog: Pick<Catalog, 'durable'>,
  clock: Clock,
): HorizonSource {
  let moments: Moment[] = [];
  return {
    name: 'scans on region servers',
    oldest: () => {
      const now = clock.monotonic();
      const settled = moments.filter(({ atMs }) => now - atMs >= limits.fileHoldMs);
      // The newest of the settled ones is what counts from here on.
      moments = [...settled.slice(-1), ...moments.slice(settled.length)];
      moments.push({ atMs: now, revision: catalog.durable.revision });
      let oldest = settled.at(-1)?.revision ?? (0 as Revision);
      for (const { figures } of registry.sessions) {
        const { oldestRevisionInUse: used } = figures;
        if (used !== undefined && used < oldest) oldest = used;
      }
      return oldest;
    },
  };
}
