// MoveRegion: closes a region where it is and opens it on another server, as two children. The
// closing server is told where the region goes, and tells its clients.

import type { Incarnation } from '../../base/ids.js';
import type { Transaction } from '../../catalog/api.js';
import type { RegionRecord } from '../../catalog/records/regions.js';
import type { StepRun } from '../../procedure/definition.js';
import type { Next } from '../../procedure/next.js';
import { child, children, done } from '../../procedure/next.js';
import { moveState, transitInput } from '../codecs.js';
import type { MoveState, TransitInput } from '../codecs.js';
import type { MasterContext } from '../context.js';
import { defineMasterProcedure } from '../context.js';
import { AssignRegion } from './assign.js';
import { choosePlacement } from './placement.js';
import { findRegion } from './region-writes.js';
import { describeTransit, transitGroup, transitLocks } from './transit.js';
import { UnassignRegion } from './unassign.js';

type Run = StepRun<TransitInput, MoveState, MasterContext>;
type Then = Next<'close' | 'open' | 'finish', MoveState>;

export const MoveRegion = defineMasterProcedure({
  type: 'MoveRegion',
  version: 1,
  input: transitInput,
  state: moveState,
  initial: (): MoveState => ({ source: undefined, destination: undefined }),
  onRestore: 'resume',
  priority: 'region',
  locks: transitLocks,
  group: transitGroup,
  describe: describeTransit,
  first: 'close',
  // Once the region may be closed the only way is forward: it must be open again.
  steps: { close: { commit: close, undo: 'point-of-no-return' } },
  finalSteps: {
    open: { commit: open },
    finish: { commit: () => done() },
  },
});

function close(run: Run, tx: Transaction): Then {
  const region = findRegion(run.context.catalog, tx, run.input.region);
  if (region === undefined || region.state !== 'open') return done();
  const destination = chooseDestination(run, region);
  if (destination === undefined || destination === region.server) {
    run.log.info('nowhere to move to', { region: region.regionId, server: region.server });
    return done();
  }
  const state = { source: region.server, destination };
  const unassign = child(UnassignRegion, { ...run.input, server: destination });
  return children([unassign], 'open', { state });
}

/** The server asked for, or the one with the fewest regions. */
function chooseDestination(run: Run, region: RegionRecord): Incarnation | undefined {
  const placement = choosePlacement(
    {
      lastServer: undefined,
      lastAddress: undefined,
      wanted: run.input.server,
      avoid: new Set(region.server === undefined ? [] : [region.server]),
    },
    run.context.candidates(),
  );
  return placement?.server;
}

function open(run: Run): Then {
  return children([child(AssignRegion, { ...run.input, server: run.state.destination })], 'finish');
}
