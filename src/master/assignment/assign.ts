// AssignRegion: opens a region on a server, wherever it was before.
//
//   QUEUE     picks a server; record: OPENING, server, generation + 1 (before anything is sent)
//   DISPATCH  reads the region's files and sends them; waits for the server's report
//   FINISH    OPENED: record: OPEN with its open sequence, and the procedure's end, in one
//             FAILED_OPEN: another server, after a pause; after too many: FAILED_OPEN and its reason
//
// It never fails and is never undone: a region that cannot be opened stays FAILED_OPEN, and the rest
// of its table serves (race A7). An open may go to another server at any time with a new generation,
// because a server does not serve before its OPENED is acknowledged.

import { unreachable } from '../../base/assert.js';
import type { Incarnation, ProcedureId } from '../../base/ids.js';
import type { Transaction } from '../../catalog/api.js';
import type { RegionRecord } from '../../catalog/records/regions.js';
import { fileKind } from '../../catalog/records/files.js';
import type { StepRun } from '../../procedure/definition.js';
import type { Next } from '../../procedure/next.js';
import { child, children, done, step, wait } from '../../procedure/next.js';
import { assignState, transitInput } from '../codecs.js';
import type { AssignState, TransitInput } from '../codecs.js';
import type { MasterContext } from '../context.js';
import {
  addressText,
  defineMasterProcedure,
  events,
  lookAgainMs,
  onlineServer,
} from '../context.js';
import { openRegionRequest } from './operations.js';
import { choosePlacement } from './placement.js';
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
  wantsOpen,
} from './transit.js';
import { UnassignRegion } from './unassign.js';

type Run = StepRun<TransitInput, AssignState, MasterContext>;
type Step = (typeof transitSteps)[keyof typeof transitSteps];
type Then = Next<Step, AssignState>;

/** Failed opens that are tried again at once, on other servers. */
const retriesAtOnce = 3;
const pauseFirstMs = 1_000;
const pauseMaxMs = 60_000;
/** Pause after a server did not take the open; nothing is wrong with the region. */
const undeliveredPauseMs = 200;

export const AssignRegion = defineMasterProcedure({
  type: 'AssignRegion',
  version: 1,
  input: transitInput,
  state: assignState,
  initial: (): AssignState => ({ failures: 0, avoid: [] }),
  onRestore: 'resume',
  priority: 'region',
  locks: transitLocks,
  group: transitGroup,
  describe: describeTransit,
  first: transitSteps.queue,
  steps: {},
  finalSteps: {
    [transitSteps.queue]: { commit: queue },
    [transitSteps.dispatch]: {
      before: ({ context, input }: Run) => context.catalog.load(fileKind, [input.region]),
      commit: dispatch,
    },
    [transitSteps.finish]: { commit: finish },
  },
});

function queue(run: Run, tx: Transaction): Then {
  const region = ownedRegion(run, tx);
  if (region === undefined) return end(run);
  if (!wantsOpen(tx, region.tableId)) return stayClosed(run, tx, region);
  switch (region.state) {
    case 'open':
      return isHeld(tx, region) ? end(run) : waitForRecovery(region);
    case 'closing':
      // Left behind by a bypassed unassign: it must be closed before its generation may rise.
      if (!isHeld(tx, region)) return waitForRecovery(region);
      run.context.owners.release(region.regionId, run.id);
      return children(
        [child(UnassignRegion, { ...run.input, server: undefined })],
        transitSteps.queue,
      );
    case 'split':
    case 'merged':
      return end(run);
    case 'offline':
    case 'opening':
    case 'closed':
    case 'failed-open':
    case 'abnormally-closed':
      return place(run, tx, region);
    default:
      return unreachable(region.state);
  }
}

/** Nothing is opened while the table is not to be served (race A5). */
function stayClosed(run: Run, tx: Transaction, region: RegionRecord): Then {
  const isIdle = ['offline', 'failed-open', 'abnormally-closed'].includes(region.state);
  if (isIdle) logState(run.log, changeRegion(tx, region, { event: 'retire' }, run.clock.now()));
  return end(run);
}

function waitForRecovery(region: RegionRecord): Then {
  const on = { event: events.recovered(region.regionId), timeoutMs: lookAgainMs };
  return wait(on, transitSteps.queue);
}

function place(run: Run, tx: Transaction, region: RegionRecord): Then {
  const { context, state } = run;
  const placement = choosePlacement(
    {
      lastServer: region.lastServer,
      lastAddress: region.lastHost,
      wanted: state.failures === 0 ? run.input.server : undefined,
      avoid: new Set(state.avoid),
    },
    context.candidates(),
  );
  if (placement === undefined) {
    run.log.info('waiting for a server', { region: region.regionId });
    return wait({ event: events.serverJoined, timeoutMs: lookAgainMs }, transitSteps.queue);
  }
  const { server, reason } = placement;
  const opening = changeRegion(tx, region, { event: 'assign', server }, run.clock.now());
  context.image.noteGiven(region.regionId, server);
  run.log.info('placed', { region: region.regionId, server, reason });
  logState(run.log, opening);
  return step(transitSteps.dispatch);
}

function dispatch(run: Run, tx: Transaction): Then {
  const region = ownedRegion(run, tx);
  if (region?.state !== 'opening' || region.server === undefined || !isHeld(tx, region)) {
    return step(transitSteps.queue);
  }
  const request = openRegionRequest(tx, region, region.server);
  if (request === undefined) return end(run);
  run.log.info('dispatch open', {
    region: region.regionId,
    server: region.server,
    generation: region.generation,
  });
  return wait({ remote: request, report: reportKey(region) }, transitSteps.finish);
}

function finish(run: Run, tx: Transaction): Then {
  const region = ownedRegion(run, tx);
  if (region?.state !== 'opening' || region.server === undefined) return step(transitSteps.queue);
  const { reply } = run;
  switch (reply?.kind) {
    case 'report':
      return takeReport(run, tx, region, region.server, reply.payload);
    case 'remote-failed':
      if (reply.delivered === 'executed') {
        return openFailed(run, tx, region, region.server, reply.error.message);
      }
      // Proven not to be there: somewhere else, or here again, when the pause is over.
      return wait({ timeoutMs: undeliveredPauseMs }, transitSteps.queue, {
        ...run.state,
        avoid: [region.server],
      });
    case 'server-died':
      return step(transitSteps.queue);
    case undefined:
    case 'remote':
    case 'event':
    case 'timeout':
    case 'signal':
    case 'restart':
      // The server may not have it. It knows the generation, so that sending again is harmless.
      return step(transitSteps.dispatch);
    default:
      return unreachable(reply);
  }
}

function takeReport(
  run: Run,
  tx: Transaction,
  region: RegionRecord,
  server: Incarnation,
  payload: Uint8Array,
): Then {
  const report = decodeReport(payload);
  logReport(run.log, region, report);
  if (report.kind === 'open-failed') return openFailed(run, tx, region, server, report.failure);
  // The table of states lets nothing else through to a region that is being opened (reports.ts).
  if (report.kind !== 'opened') return step(transitSteps.dispatch);
  const record = onlineServer(tx, server);
  if (record === undefined) return step(transitSteps.queue);
  // Stored while this procedure could not run, it was not acknowledged: ask again.
  const isAcknowledged = run.context.acknowledgement.isPending(reportKey(region));
  if (!isAcknowledged) return step(transitSteps.dispatch);
  const opened = changeRegion(
    tx,
    region,
    { event: 'opened', openSequence: report.openSequence, address: addressText(record) },
    run.clock.now(),
  );
  logState(run.log, opened);
  return end(run);
}

function openFailed(
  run: Run,
  tx: Transaction,
  region: RegionRecord,
  server: Incarnation,
  failure: string,
): Then {
  const failures = run.state.failures + 1;
  const fields = { region: region.regionId, server, failures, failure };
  if (failures >= run.context.settings.get('hbase.assignment.maximum.attempts')) {
    run.log.error('gave up opening', fields);
    const text = `open failed ${failures} times, last on server ${server}: ${failure}`;
    const change = { event: 'give-up', failure: text } as const;
    logState(run.log, changeRegion(tx, region, change, run.clock.now()));
    return end(run);
  }
  run.log.warn('open failed', fields);
  const change = { event: 'open-failed', failure } as const;
  logState(run.log, changeRegion(tx, region, change, run.clock.now()), server);
  const state = { failures, avoid: [...new Set([...run.state.avoid, server])] };
  if (failures <= retriesAtOnce) return step(transitSteps.queue, state);
  const pause = Math.min(pauseMaxMs, pauseFirstMs * 2 ** (failures - retriesAtOnce - 1));
  return wait({ timeoutMs: pause }, transitSteps.queue, state);
}

function end(run: { readonly id: ProcedureId; readonly input: TransitInput } & Run): Then {
  run.context.owners.release(run.input.region, run.id);
  return done();
}
