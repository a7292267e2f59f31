// UnassignRegion: closes a region on the server that holds it.
//
//   QUEUE     record: CLOSING; or CLOSED at once where no live server can hold it
//   DISPATCH  sends the close, with the region's next server if that is known
//   FINISH    CLOSED: record: CLOSED and the procedure's end, in one
//
// When its server crashes meanwhile, it waits until the region's slices are in its record, so that
// nobody takes it for closed cleanly. What is not replayed then stays in the slices (race A5).

import { unreachable } from '../../base/assert.js';
import type { Transaction } from '../../catalog/api.js';
import type { RegionRecord } from '../../catalog/records/regions.js';
import { noState } from '../../procedure/codec.js';
import type { StepRun } from '../../procedure/definition.js';
import type { Next } from '../../procedure/next.js';
import { done, step, wait } from '../../procedure/next.js';
import { transitInput } from '../codecs.js';
import type { TransitInput } from '../codecs.js';
import type { MasterContext } from '../context.js';
import { defineMasterProcedure, events, lookAgainMs } from '../context.js';
import { closeRegionRequest } from './operations.js';
import { changeRegion } from './region-writes.js';
import { decodeReport } from './report-codec.js';
import {
  describeTransit,
  isHeld,
  logReport,
  logState,
  ownedRegion,
  reportKey,
  transitGroup,
  transitLocks,
  transitSteps,
} from './transit.js';

type Run = StepRun<TransitInput, undefined, MasterContext>;
type Step = (typeof transitSteps)[keyof typeof transitSteps];
type Then = Next<Step, undefined>;

/** Before a close that the server could not do is sent again. */
const closePauseMs = 1_000;

export const UnassignRegion = defineMasterProcedure({
  type: 'UnassignRegion',
  version: 1,
  input: transitInput,
  state: noState,
  initial: () => undefined,
  onRestore: 'resume',
  priority: 'region',
  locks: transitLocks,
  group: transitGroup,
  describe: describeTransit,
  first: transitSteps.queue,
  steps: {},
  finalSteps: {
    [transitSteps.queue]: { commit: queue },
    [transitSteps.dispatch]: { commit: dispatch },
    [transitSteps.finish]: { commit: finish },
  },
});

function queue(run: Run, tx: Transaction): Then {
  const region = ownedRegion(run, tx);
  if (region === undefined) return end(run);
  switch (region.state) {
    case 'open':
    case 'opening':
    case 'closing':
      return isHeld(tx, region) ? beginClose(run, tx, region) : waitForRecovery(run, tx, region);
    case 'offline':
    case 'failed-open':
    case 'abnormally-closed':
      logState(run.log, changeRegion(tx, region, { event: 'retire' }, run.clock.now()));
      return end(run);
    case 'closed':
    case 'split':
    case 'merged':
      return end(run);
    default:
      return unreachable(region.state);
  }
}

function beginClose(run: Run, tx: Transaction, region: RegionRecord): Then {
  const closing = changeRegion(tx, region, { event: 'unassign' }, run.clock.now());
  logState(run.log, closing);
  return step(transitSteps.dispatch);
}

function waitForRecovery(run: Run, tx: Transaction, region: RegionRecord): Then {
  if (region.state === 'opening') {
    // Its open was never acknowledged, so there is nothing in the log to wait for.
    const recovered = { event: 'recovered', slice: undefined } as const;
    logState(run.log, changeRegion(tx, region, recovered, run.clock.now()));
    return step(transitSteps.queue);
  }
  const on = { event: events.recovered(region.regionId), timeoutMs: lookAgainMs };
  return wait(on, transitSteps.queue);
}

function dispatch(run: Run, tx: Transaction): Then {
  const region = ownedRegion(run, tx);
  if (region?.state !== 'closing' || region.server === undefined || !isHeld(tx, region)) {
    return step(transitSteps.queue);
  }
  run.log.info('dispatch close', {
    region: region.regionId,
    server: region.server,
    generation: region.generation,
  });
  const remote = closeRegionRequest(tx, region, region.server, run.input.server);
  return wait({ remote, report: reportKey(region) }, transitSteps.finish);
}

function finish(run: Run, tx: Transaction): Then {
  const region = ownedRegion(run, tx);
  if (region?.state !== 'closing') return step(transitSteps.queue);
  const { reply } = run;
  switch (reply?.kind) {
    case 'report':
      return takeReport(run, tx, region, reply.payload);
    case 'server-died':
      return step(transitSteps.queue);
    case 'remote-failed':
      run.log.warn('close failed', { region: region.regionId, failure: reply.error.message });
      return wait({ timeoutMs: closePauseMs }, transitSteps.dispatch);
    case undefined:
    case 'remote':
    case 'event':
    case 'timeout':
    case 'signal':
    case 'restart':
      return step(transitSteps.dispatch);
    default:
      return unreachable(reply);
  }
}

function takeReport(run: Run, tx: Transaction, region: RegionRecord, payload: Uint8Array): Then {
  const report = decodeReport(payload);
  logReport(run.log, region, report);
  // The table of states lets nothing but CLOSED through to a region that is being closed.
  if (report.kind !== 'closed') return step(transitSteps.dispatch);
  logState(run.log, changeRegion(tx, region, { event: 'closed' }, run.clock.now()));
  return end(run);
}

function end(run: Run): Then {
  run.context.owners.release(run.input.region, run.id);
  return done();
}
