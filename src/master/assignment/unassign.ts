// UnassignRegion: closes a region on the server that holds it.
//
//   QUEUE     record: CLOSING; or CLOSED at once where no live server can hold it
//   DISPATCH  sends the close, with the region's next server if that is known
//   FINISH    CLOSED: record: CLOSED and the procedure's end, in one
//             a failed close is sent again after a pause
//   FENCE     after too many of them: the server is declared crashed, so that its log is sealed and
//             what it could not flush is recovered from there (page 4, "News")
//
// When its server crashes meanwhile, it waits until the region's slices are in its record, so that
// nobody takes it for closed cleanly. What is not replayed then stays in the slices (race A5).

import { unreachable } from '../../base/assert.js';
import type { Transaction } from '../../catalog/api.js';
import type { RegionRecord } from '../../catalog/records/regions.js';
import type { StepRun } from '../../procedure/definition.js';
import type { Next, Reply } from '../../procedure/next.js';
import { done, step, wait } from '../../procedure/next.js';
import { transitInput, unassignState } from '../codecs.js';
import type { TransitInput, UnassignState } from '../codecs.js';
import type { MasterContext } from '../context.js';
import { defineMasterProcedure, events, lookAgainMs } from '../context.js';
import { limits } from '../limits.js';
import { closeRegionRequest } from './operations.js';
import { changeRegion, findRegion } from './region-writes.js';
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

/** Not one of HBase's steps: there a server that cannot close a region aborts itself. */
const fenceStep = 'REGION_TRANSITION_FENCE';

type RemoteFailure = Extract<Reply, { readonly kind: 'remote-failed' }>;
type Run = StepRun<TransitInput, UnassignState, MasterContext>;
type Step = (typeof transitSteps)[keyof typeof transitSteps] | typeof fenceStep;
type Then = Next<Step, UnassignState>;

const noFailures: UnassignState = { failures: 0 };

/** Before a close that the server could not do is sent again. */
const closePauseMs = 1_000;

export const UnassignRegion = defineMasterProcedure({
  type: 'UnassignRegion',
  version: 1,
  input: transitInput,
  state: unassignState,
  initial: () => noFailures,
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
    [fenceStep]: { before: fenceServer, commit: () => step(transitSteps.queue, noFailures) },
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
      return closeFailed(run, region, reply);
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

function closeFailed(run: Run, region: RegionRecord, { delivered, error }: RemoteFailure): Then {
  // One that was never delivered says nothing of the region; a silent server is the registry's.
  const failures = run.state.failures + (delivered === 'executed' ? 1 : 0);
  const { regionId, server } = region;
  run.log.warn('close failed', { region: regionId, server, failures, failure: error.message });
  if (failures >= limits.closesFailedMax) return step(fenceStep, { failures });
  return wait({ timeoutMs: closePauseMs }, transitSteps.dispatch, { failures });
}

async function fenceServer({ context, input, state }: Run): Promise<void> {
  const { catalog, declareCrashed } = context;
  const region = findRegion(catalog, catalog.tail, input.region);
  // Its server may have died by itself since the last close failed.
  if (region?.state !== 'closing' || region.server === undefined) return;
  const reason = `it failed ${state.failures} times to close region ${region.regionId}`;
  await declareCrashed(region.server, reason)?.durable();
}

function end(run: Run): Then {
  run.context.owners.release(run.input.region, run.id);
  return done();
}
