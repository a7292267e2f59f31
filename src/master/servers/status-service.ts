// ServerStatusService: what region servers tell the master. Every answer that acknowledges a change
// is given once that change is durable (L4).

import { unreachable } from '../../base/assert.js';
import { CadastreError } from '../../base/errors.js';
import type { Epoch, Incarnation, Revision } from '../../base/ids.js';
import type { Settings } from '../../base/settings.js';
import type { Catalog, Transaction } from '../../catalog/api.js';
import { releaseLog } from '../../catalog/log-needs.js';
import { abandonObject } from '../../catalog/references.js';
import { fileKind } from '../../catalog/records/files.js';
import type { RegionRecord } from '../../catalog/records/regions.js';
import { systemKind } from '../../catalog/records/system.js';
import { commitStores } from '../../catalog/store-commits.js';
import type { NumberedCommit, StoreCommitOutcome } from '../../catalog/store-commits.js';
import type { RemoteOutcome } from '../../procedure/api.js';
import type {
  CommitStoresRequest,
  HeartbeatRequest,
  OperationResult,
  RegisterRequest,
  ReportTransitionRequest,
  TransitionReport,
} from '../../wire/generated/cadastre/internal_pb.js';
import {
  errorFromMessage,
  generationOf,
  heldRegionFromMessage,
  heldRegionToMessage,
  logPositionFromMessage,
  regionIdOf,
  storeCommitFromMessage,
} from '../../wire/internal-codec.js';
import { ServerStatusService } from '../../wire/internal.js';
import { protoService } from '../../wire/proto-service.js';
import type { RpcService } from '../../wire/rpc-call.js';
import { safeNumberOf } from '../../wire/uint64.js';
import type { Clock } from '../../world/clock.js';
import type { RegionImage } from '../assignment/image.js';
import { findRegion } from '../assignment/region-writes.js';
import { onlineServer } from '../context.js';
import { limits } from '../limits.js';
import type { ServerRegistry } from './registry.js';
import { takeReport } from './reports.js';
import type { ReportAnswer, ReportParts } from './reports.js';
import type { ServerFigures } from './session.js';

export interface StatusParts extends ReportParts {
  readonly registry: ServerRegistry;
  readonly image: RegionImage;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly epoch: Epoch;
}

/** `ready` gives the parts; it throws `please-hold` while the master is starting. */
export function statusService(ready: () => StatusParts): RpcService {
  return protoService(ServerStatusService, {
    register: (request) => register(ready(), request),
    heartbeat: (request) => heartbeat(ready(), request),
    reportTransition: (request) => reportTransition(ready(), request),
    commitStores: (request) => commit(ready(), request),
    reportOperations: async ({ incarnation, results }) => {
      const parts = ready();
      const server = incarnationOf(incarnation);
      parts.registry.require(server).hear(parts.clock.monotonic());
      const acknowledged = await takeResults(parts, server, results);
      return { acknowledgedFloor: floor(parts, server), acknowledged };
    },
  });
}

async function register(parts: StatusParts, request: RegisterRequest) {
  const { catalog, epoch, registry, settings } = parts;
  const { process } = request;
  if (process === undefined) throw new CadastreError('bad-request', 'a server without a process');
  const incarnation = incarnationOf(request.incarnation);
  await registry.register({
    incarnation,
    host: request.host,
    port: request.port,
    version: request.softwareVersion,
    process: {
      bootId: process.bootId,
      pidNamespace: process.pidNamespace,
      pid: safeNumberOf(process.pid, 'a process id'),
      startTime: process.startTime,
    },
  });
  await takeResults(parts, incarnation, request.results);
  return {
    epoch: BigInt(epoch),
    clusterId: catalog.clusterId,
    clusterVersion: catalog.durable.get(systemKind, [])?.clusterVersion ?? 1,
    settings: { ...settings.given() },
    acknowledgedFloor: floor(parts, incarnation),
  };
}

function heartbeat(parts: StatusParts, request: HeartbeatRequest) {
  const { catalog, clock, epoch, image, registry } = parts;
  checkEpoch(parts, request.epoch);
  const incarnation = incarnationOf(request.incarnation);
  const session = registry.require(incarnation);
  session.hear(clock.monotonic());
  session.figures = figuresOf(request);
  const own: RegionRecord[] = [];
  for (const id of image.ofServer(incarnation)) {
    const region = findRegion(catalog, catalog.durable, id);
    if (region !== undefined) own.push(region);
  }
  const verdict = session.judge(
    {
      regionSetVersion: safeNumberOf(request.regionSetVersion, 'a region-set version'),
      digest: request.digest ?? { count: 0n, crc32: 0 },
      held: request.regions?.regions.map(heldRegionFromMessage),
    },
    own,
  );
  if (verdict.fence !== undefined) {
    registry.declareCrashed(incarnation, verdict.fence);
    registry.require(incarnation);
  }
  return {
    epoch: BigInt(epoch),
    regionSetVersionSeen: BigInt(session.regionSetVersion),
    acknowledgedFloor: floor(parts, incarnation),
    wantsRegions: verdict.wantsRegions,
    close: verdict.close.map(heldRegionToMessage),
  };
}

function figuresOf(request: HeartbeatRequest): ServerFigures {
  const oldest = request.oldestRevisionInUse;
  return {
    residentBytes: safeNumberOf(request.residentBytes, 'resident bytes'),
    oldestRevisionInUse:
      oldest === undefined ? undefined : (safeNumberOf(oldest, 'a revision') as Revision),
    loads: request.loads.map((load) => ({
      region: regionIdOf(load.regionId),
      memstoreBytes: safeNumberOf(load.memstoreBytes, 'bytes'),
      storeBytes: safeNumberOf(load.storeBytes, 'bytes'),
      storeFiles: safeNumberOf(load.storeFiles, 'a count of files'),
      readRequests: safeNumberOf(load.readRequests, 'a count of requests'),
      writeRequests: safeNumberOf(load.writeRequests, 'a count of requests'),
      filteredReads: safeNumberOf(load.filteredReads, 'a count of requests'),
      majorCompactedAtMs: safeNumberOf(load.majorCompactedAtMs, 'a time'),
    })),
  };
}

async function reportTransition(parts: StatusParts, request: ReportTransitionRequest) {
  const { catalog, clock, registry } = parts;
  checkEpoch(parts, request.epoch);
  const incarnation = incarnationOf(request.incarnation);
  const session = registry.require(incarnation);
  session.hear(clock.monotonic());
  const answers: ReportAnswer[] = [];
  for (const report of request.reports)
    answers.push(await answerReport(parts, incarnation, report));
  session.sawReport(safeNumberOf(request.regionSetVersion, 'a region-set version'));
  await whenDurable(catalog);
  return {
    answers: answers.map((answer) => ({
      accepted: answer.kind === 'accepted',
      reason: answer.kind === 'refused' ? answer.reason : '',
    })),
  };
}

/** Gives the owner a moment to be ready: it may be between two steps. */
async function answerReport(
  parts: StatusParts,
  server: Incarnation,
  report: TransitionReport,
): Promise<ReportAnswer> {
  for (let tries = limits.reportTries; tries > 0; tries--) {
    const answer = takeReport(parts, server, report);
    if (answer.kind !== 'later') return answer;
    await parts.clock.sleep(limits.reportRetryMs);
    parts.registry.require(server);
  }
  // The server closes what it opened; whoever wants the region open asks again.
  return { kind: 'refused', reason: 'no procedure waits for this report' };
}

async function commit(parts: StatusParts, request: CommitStoresRequest) {
  const { catalog, clock, registry } = parts;
  const server = incarnationOf(request.incarnation);
  registry.find(server)?.hear(clock.monotonic());
  const commits = request.commits.map((each): NumberedCommit => ({
    region: regionIdOf(each.regionId),
    generation: generationOf(each.generation),
    number: safeNumberOf(each.number, 'the number of a commit'),
    commit: storeCommitFromMessage(each.commit),
  }));
  for (const { region } of commits) await catalog.load(fileKind, [region]);
  const committed = catalog.transact((tx) => {
    const outcomes = commits.map((each) => commitOne(catalog, tx, server, each));
    const { logNeededFrom } = request;
    // The position holds only if every commit was taken, and the log of a crashed server is still
    // to be recovered, whatever the server says of it.
    const mayRelease =
      onlineServer(tx, server) !== undefined && outcomes.every(({ kind }) => kind === 'taken');
    if (logNeededFrom !== undefined && mayRelease) {
      releaseLog(tx, server, logPositionFromMessage(logNeededFrom));
    }
    return outcomes;
  });
  await committed.durable();
  registry.require(server);
  return { answers: committed.value.map(commitAnswer) };
}

/** Takes or refuses one; what is refused leaves its objects to the collector. */
function commitOne(
  catalog: Catalog,
  tx: Transaction,
  server: Incarnation,
  commit: NumberedCommit,
): StoreCommitOutcome {
  const record = findRegion(catalog, tx, commit.region);
  const reason =
    onlineServer(tx, server) === undefined
      ? `server ${server} is not one of the live servers`
      : record?.server !== undefined && record.server !== server
        ? `region ${commit.region} belongs to server ${record.server}`
        : undefined;
  if (reason === undefined) return commitStores(tx, catalog, commit);
  for (const { object, bytes } of commit.commit.added) {
    abandonObject(tx, catalog.references, object, bytes);
  }
  return { kind: 'refused', reason };
}

function commitAnswer(outcome: StoreCommitOutcome) {
  return outcome.kind === 'taken'
    ? { taken: true, revision: BigInt(outcome.revision), reason: '' }
    : { taken: false, revision: 0n, reason: outcome.reason };
}

/** The numbers that the server need not report again. */
async function takeResults(
  { catalog, engine }: StatusParts,
  server: Incarnation,
  results: readonly OperationResult[],
): Promise<bigint[]> {
  const taken = results.filter(({ number, outcome }) => {
    const operation = safeNumberOf(number, "an operation's number");
    return engine.remoteResult(server, operation, outcomeOf(outcome)).value !== 'later';
  });
  await whenDurable(catalog);
  return taken.map(({ number }) => number);
}

function outcomeOf(outcome: OperationResult['outcome']): RemoteOutcome {
  switch (outcome.case) {
    case 'result':
      return { kind: 'executed', body: outcome.value };
    case 'error':
      return { kind: 'failed', error: errorFromMessage(outcome.value) };
    case undefined:
      return { kind: 'executed', body: new Uint8Array(0) };
    default:
      return unreachable(outcome);
  }
}

function floor({ engine }: StatusParts, server: Incarnation): bigint {
  return BigInt(engine.remoteFloor(server));
}

/** Told to a server that registered with the master before: it registers again. */
function checkEpoch({ epoch }: StatusParts, given: bigint): void {
  if (given === BigInt(epoch)) return;
  throw new CadastreError('stale-epoch', `epoch ${given} is over; this is epoch ${epoch}`, {
    nextStep: 'Register with this master.',
  });
}

function incarnationOf(value: bigint): Incarnation {
  return safeNumberOf(value, 'an incarnation') as Incarnation;
}

function whenDurable(catalog: Catalog): Promise<void> {
  return new Promise((resolve) => {
    catalog.whenDurable(resolve);
  });
}
