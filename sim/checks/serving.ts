// Checked all the time: no region is served by two servers at once, and the auditor of the procedure
// engine is content (L7).

import type { Clock } from '../../src/world/clock.js';
import type { SimCluster } from '../cluster.js';
import { Violation } from '../workload/model.js';

const everyMs = 3;

/** Throws a Violation. A suspended server counts: its answers may be on the way. */
export function checkServing(cluster: SimCluster): void {
  const servedBy = new Map<number, string>();
  for (const [name, server] of cluster.servers) {
    for (const { regionId, generation } of server.serving()) {
      const place = `${name} (incarnation ${server.incarnation}, generation ${generation})`;
      const other = servedBy.get(regionId);
      if (other !== undefined) {
        throw new Violation(`L3: region ${regionId} is served by ${other} and by ${place}`);
      }
      servedBy.set(regionId, place);
    }
  }
}

export function checkAuditor({ master }: SimCluster): void {
  const [fault] = master?.engine.faults() ?? [];
  if (fault !== undefined) throw new Violation(fault);
}

/** Checks again and again; `onViolation` is called at most once. */
export function watchServing(
  cluster: SimCluster,
  clock: Clock,
  onViolation: (violation: unknown) => void,
): void {
  const look = (): void => {
    try {
      checkServing(cluster);
    } catch (error) {
      onViolation(error);
      return;
    }
    clock.timer(everyMs, look);
  };
  look();
}
