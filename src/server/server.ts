// The region server: one incarnation, from the log that gives it its number to the stop that flushes.
//
// Invariants:
// 1. The log is made before the server registers: the number of its log is its incarnation (L5).
// 2. Answers leave only while the log is unsealed, checked once a turn (L3).
// 3. A failed or sealed log, or a master that calls the incarnation over, ends the process: nothing of
//    it is acknowledged any more, and its log tells the rest.

import { CadastreError } from '../base/errors.js';
import type { Settings } from '../base/settings.js';
import type { Epoch, Incarnation } from '../base/ids.js';
import { RegionHost } from '../region/host.js';
import { openRegion } from '../region/region.js';
import { currentMaster } from '../storage/election.js';
import type { LogPosition, LogWriter } from '../storage/log.js';
import { ObjectNamer, allotIncarnation } from '../storage/names.js';
import type { RootedStorage } from '../storage/root.js';
import { SpaceWatch } from '../storage/space.js';
import type { HeldRegion } from '../wire/internal-codec.js';
import { RpcClient } from '../wire/rpc-client.js';
import { RpcServer } from '../wire/rpc-server.js';
import type { Clock } from '../world/clock.js';
import type { Address } from '../world/network.js';
import type { Service, World } from '../world/world.js';
import { adminService } from './admin-service.js';
import { clientService } from './client-service.js';
import { Heartbeat, heldToWire } from './heartbeat.js';
import { HostedRegions } from './hosted-regions.js';
import { serverLimits } from './limits.js';
import { MasterLink } from './master-link.js';
import type { MasterLocation } from './master-link.js';
import { Operations } from './operations.js';
import { RegionOperations } from './region-operations.js';
import { registryService } from './registry-service.js';
import { Scanners } from './scanners.js';
import { logSorter } from './sort-log.js';
import { MasterCommitter } from './store-committer.js';
import { TransitionReports } from './transition-reports.js';

export interface ServerOptions {
  readonly world: World;
  readonly storage: RootedStorage;
  readonly settings: Settings;
  /** Where to listen; port 0 takes a free one. Clients are told this host. */
  readonly address: Address;
  readonly softwareVersion: string;
}

/** A running region server. */
export interface RegionServer extends Service {
  readonly incarnation: Incarnation;
  readonly address: Address;
  /** The regions that it would answer for now: none once its log is sealed (L3). */
  serving(): readonly HeldRegion[];
  /** Resolves once the master has taken the registration. */
  ready(): Promise<void>;
  /**
   * Flushes and closes every region, so that nothing need be replayed, then stops. In bounded time: if
   * the master or the storage does not answer, what is unflushed stays in the log, and a warning says so.
   */
  drain(): Promise<void>;
  /** Closes connections and timers at once; what is unflushed stays in the log. */
  stop(): Promise<void>;
}

/** Allots an incarnation, listens, and goes looking for the master. */
export async function startServer(options: ServerOptions): Promise<RegionServer> {
  const { world, storage, address } = options;
  const { incarnation, log: writer } = await allotIncarnation(storage.logs);
  const space =
    world.root.kind === 'local' ? new SpaceWatch({ ...world, ...world.root }) : undefined;
  await space?.start();
  const parts = compose(options, incarnation, writer, space);
  writer.onFailure((error) => {
    if (!parts.state.isStopping)
      world.process.exit(1, `the write-ahead log ended: ${error.message}`);
  });
  const listening = await listenOrClose(parts.rpcServer, address, async () => {
    parts.host.stop();
    await space?.stop();
    await writer.close();
  });
  parts.state.address = listening;
  world.log.info('region server listens', {
    incarnation,
    host: listening.host,
    port: listening.port,
  });
  parts.heartbeat.start();
  parts.link.ready().catch((error: unknown) => {
    if (!parts.state.isStopping) world.log.error('the registration failed', {}, error);
  });
  const stopAll = async (): Promise<void> => {
    parts.state.isStopping = true;
    parts.heartbeat.stop();
    parts.link.stop();
    parts.scanners.stop();
    // Ends what regions do in the background: flushes would try for ever to reach the master.
    parts.host.failLog(new CadastreError('stopped', 'this server is stopping'));
    parts.host.stop();
    await parts.rpcServer.stop();
    parts.rpc.close();
    await space?.stop();
    await writer.close();
  };
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= stopAll());
  return {
    incarnation,
    address: listening,
    serving: () => (writer.isUnsealed() ? parts.regions.servingNow() : []),
    ready: async () => {
      await parts.link.ready();
    },
    drain: async () => {
      const isDone = await endsWithin(world.clock, serverLimits.drainMs, drain(parts));
      const { unflushed } = parts.regionOperations;
      if (!isDone || unflushed > 0) {
        world.log.warn('not everything was flushed: the rest is replayed from the log', {
          regions: unflushed,
          logBytes: parts.host.status.logBytesNeeded,
          isTimeUp: !isDone,
        });
      }
      await stop();
    },
    stop,
  };
}

/** Flushes, has the log released, answers what was asked. Each part may wait for the master. */
async function drain(parts: Parts): Promise<void> {
  await parts.regionOperations.drain();
  await parts.committer.releaseLog();
  await parts.rpcServer.drain();
}

/** Whether `work` ended in time. */
function endsWithin(clock: Clock, ms: number, work: Promise<void>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = clock.timer(ms, () => resolve(false));
    work.then(() => resolve(true), reject).finally(() => timer.cancel());
  });
}

/** Who cannot listen leaves nothing behind that runs. */
async function listenOrClose(
  rpcServer: RpcServer,
  address: Address,
  close: () => Promise<void>,
): Promise<Address> {
  try {
    return await rpcServer.listen(address);
  } catch (error) {
    await close();
    throw error;
  }
}

interface State {
  address: Address;
  clusterId: string | undefined;
  isStopping: boolean;
}

type Parts = ReturnType<typeof compose>;

/** The server's parts, tied together. */
function compose(
  options: ServerOptions,
  incarnation: Incarnation,
  writer: LogWriter,
  space: SpaceWatch | undefined,
) {
  const { world, settings } = options;
  const { clock, random, log } = world;
  const state: State = { address: options.address, clusterId: undefined, isStopping: false };
  const self = () => ({
    hostName: state.address.host,
    port: state.address.port,
    startCode: BigInt(incarnation),
  });
  const regions = new HostedRegions(
    clock,
    () => `${state.address.host},${state.address.port},${incarnation}`,
  );
  const rpc = new RpcClient({
    ...world,
    user: 'cadastre',
    softwareVersion: options.softwareVersion,
  });
  const link: MasterLink = createLink(options, rpc, {
    registration: () => ({
      incarnation: BigInt(incarnation),
      host: state.address.host,
      port: state.address.port,
      softwareVersion: options.softwareVersion,
      process: processToWire(world),
      regionSetVersion: BigInt(regions.version),
      regions: [...regions.all()].map(heldToWire),
      results: work.operations.unacknowledged(),
    }),
    onRegistered: (answer) => {
      state.clusterId = answer.clusterId;
      const { epoch, acknowledgedFloor } = answer;
      work.operations.registered(Number(epoch) as Epoch, Number(acknowledgedFloor));
    },
  });
  const work: Work = composeWork(options, { incarnation, writer, link, regions });
  const scanners = new Scanners(clock, random, settings);
  const clusterId = (): string | undefined => state.clusterId;
  const rpcServer = new RpcServer({
    ...world,
    services: [
      clientService({ regions, scanners, clock, settings, space }),
      adminService({ regions, self, log }),
      registryService({ link, clusterId, self }),
      work.operations.service,
    ],
    clusterId,
    mayReply: () => writer.isUnsealed(),
    frameBytesMax: settings.get('hbase.ipc.max.request.size'),
    callsMax: settings.get('hbase.ipc.server.max.callqueue.length'),
  });
  return { state, regions, rpc, rpcServer, link, scanners, ...work };
}

type Work = ReturnType<typeof composeWork>;

/** What it does with regions by the master's orders, and what it tells the master of them. */
function composeWork(
  { world, storage, settings }: ServerOptions,
  parts: {
    readonly incarnation: Incarnation;
    readonly writer: LogWriter;
    readonly link: MasterLink;
    readonly regions: HostedRegions;
  },
) {
  const { clock, log } = world;
  const { incarnation, writer, link, regions } = parts;
  const namer = new ObjectNamer(incarnation);
  const lowPosition = (): LogPosition => host.status.logLowPosition;
  const committer: MasterCommitter = new MasterCommitter(link, incarnation, lowPosition);
  const host: RegionHost = new RegionHost({
    ...world,
    objects: storage.objects,
    settings,
    writer,
    committer,
    newObjectName: (kind) => namer.next(kind),
  });
  const reports = new TransitionReports(link, incarnation, () => regions.version, log);
  const open = (wanted: Parameters<typeof openRegion>[1]) => openRegion(host, wanted);
  const regionOperations = new RegionOperations({ regions, reports, open, log });
  const sortLog = logSorter(storage, clock, namer);
  const common = { incarnation, link, log };
  const operations = new Operations({ ...common, regions: regionOperations, sortLog });
  const heartbeat = new Heartbeat({
    ...common,
    clock,
    periodMs: settings.get('cadastre.server.heartbeat.ms'),
    regions,
    status: () => host.status,
    acknowledgedFloor: () => operations.acknowledgedFloor,
    residentBytes: () => world.process.residentBytes(),
    letGo: (region, generation) => void regionOperations.letGo(region, generation),
    onBeat: () => {
      void committer.releaseLog();
      void operations.reportPending();
    },
  });
  return { host, committer, regionOperations, operations, heartbeat };
}

/** The link to whoever the election register says is master. */
function createLink(
  { world, storage }: ServerOptions,
  rpc: RpcClient,
  parts: Pick<ConstructorParameters<typeof MasterLink>[0], 'registration' | 'onRegistered'>,
): MasterLink {
  return new MasterLink({
    ...world,
    ...parts,
    rpc,
    locate: async (): Promise<MasterLocation | undefined> => {
      const entry = await currentMaster(storage);
      const address = entry?.addresses['rpc'];
      return entry === undefined || address === undefined
        ? undefined
        : { address, epoch: entry.epoch };
    },
    onFenced: (error) => {
      world.process.exit(1, `the master says that this incarnation is over: ${error.message}`);
    },
  });
}

function processToWire({ process }: World) {
  const { bootId, pidNamespace, pid, startTime } = process.identity();
  return { bootId, pidNamespace, pid: BigInt(pid), startTime };
}
