// The parts of a master over an open catalog, put together: engine, servers, image, collector. They
// know each other, so they are made in one place; none is used before all are there.

import { CadastreError, asCadastreError } from '../base/errors.js';
import type { Epoch, Incarnation, ProcedureId } from '../base/ids.js';
import type { Settings } from '../base/settings.js';
import type { Catalog, Transaction } from '../catalog/api.js';
import { regionKind } from '../catalog/records/regions.js';
import type { ProcedureEngine, SendBatch } from '../procedure/api.js';
import type { ProcedureType } from '../procedure/definition.js';
import { createProcedureEngine } from '../procedure/engine.js';
import type { ProcedureStore } from '../procedure/store.js';
import { currentMaster } from '../storage/election.js';
import type { Storage } from '../storage/storage.js';
import type { World } from '../world/world.js';
import { Acknowledgement } from './assignment/acknowledgement.js';
import { RegionImage } from './assignment/image.js';
import { RegionOwners } from './assignment/owners.js';
import { Collector } from './collector/collector.js';
import { OrphanSweep } from './collector/orphan-sweep.js';
import type { MasterContext } from './context.js';
import { events } from './context.js';
import { procedureStore } from './procedure-store.js';
import { procedureTypes } from './procedures.js';
import type { MasterParts } from './rpc/master-parts.js';
import type { ControlParts } from './servers/control.js';
import { fileHorizon } from './servers/file-horizon.js';
import { ServerRegistry } from './servers/registry.js';

export interface AssemblyOptions {
  readonly world: Pick<World, 'clock' | 'random' | 'log' | 'process'>;
  readonly storage: Storage;
  readonly settings: Settings;
  readonly catalog: Catalog;
  readonly epoch: Epoch;
  /** Makes what carries batches to servers. */
  readonly sender: (parts: Omit<ControlParts, 'rpc'>) => SendBatch;
  /** What the conformance harness puts around store and types. */
  readonly harness?: {
    store(store: ProcedureStore<Transaction>): ProcedureStore<Transaction>;
    types(types: readonly ProcedureType<unknown>[]): readonly ProcedureType<unknown>[];
  };
}

export interface AssembledMaster {
  readonly parts: Omit<MasterParts, 'address' | 'softwareVersion'>;
  /** Resumes the procedures, unless they shall stay paused, and begins to watch the servers. */
  start(options?: { readonly paused: boolean }): void;
  stop(): Promise<void>;
}

/** Loads the procedures; nothing runs before `start`. */
export async function assembleMaster(options: AssemblyOptions): Promise<AssembledMaster> {
  const { catalog, epoch, settings, storage, world } = options;
  const { clock, log, process } = world;
  const image = await RegionImage.open(catalog, clock);
  const acknowledgement = new Acknowledgement();
  const context: MasterContext = {
    catalog,
    logs: storage.logs,
    settings,
    image,
    acknowledgement,
    owners: new RegionOwners((id) => isUnfinished(engine, id)),
    candidates: () => registry.candidates(),
    declareCrashed: (server, reason) => registry.declareCrashed(server, reason),
  };
  const engine = createProcedureEngine<MasterContext, Transaction>({
    ...engineParts(options),
    context,
    send: options.sender({
      addressOf: (server) => addressOf(registry, server),
      suspect: (server) => registry.suspect(server),
      isOver: (server, reason) => registry.declareCrashed(server, reason),
    }),
  });
  const registry = new ServerRegistry({
    catalog,
    engine,
    image,
    logs: storage.logs,
    settings,
    clock,
    process,
    log,
  });
  const collector = makeCollector(options, registry);
  const orphans = new OrphanSweep({ catalog, storage, clock, log });
  const recoveries = watchRecoveries(catalog, engine);
  await engine.load();
  return {
    parts: {
      catalog,
      engine,
      registry,
      image,
      acknowledgement,
      collector,
      settings,
      clock,
      epoch,
    },
    start: (how) => {
      registry.load();
      engine.start(how);
      registry.start();
      collector.start();
      orphans.start();
    },
    stop: async () => {
      registry.stop();
      await orphans.stop();
      await collector.stop();
      await engine.stop();
      recoveries.stop();
      image.close();
    },
  };
}

function engineParts({ catalog, epoch, harness, settings, world }: AssemblyOptions) {
  const store = procedureStore(catalog);
  return {
    store: harness?.store(store) ?? store,
    types: harness?.types(procedureTypes) ?? procedureTypes,
    clock: world.clock,
    random: world.random,
    log: world.log,
    epoch,
    remote: {
      callsMax: settings.get('hbase.procedure.remote.dispatcher.threadpool.size'),
      gatherMs: settings.get('hbase.procedure.remote.dispatcher.delay.msec'),
      queueMax: settings.get('hbase.procedure.remote.dispatcher.max.queue.size'),
      startupWaitMs: settings.get('hbase.regionserver.rpc.startup.waittime'),
    },
  };
}

function makeCollector(
  { catalog, settings, storage, world: { clock, log } }: AssemblyOptions,
  registry: ServerRegistry,
): Collector {
  return new Collector({
    catalog,
    storage,
    clock,
    log,
    horizonSources: [fileHorizon(registry, catalog, clock)],
    readRoot: () => readRoot(storage),
    everyMs: settings.get('cadastre.collector.interval.ms'),
  });
}

/** Owners of a crashed server's regions wait for their slices. */
function watchRecoveries(catalog: Catalog, engine: ProcedureEngine<Transaction>) {
  return catalog.watch(regionKind, ({ before, after }) => {
    if (after?.state !== 'abnormally-closed' || before?.state === after.state) return;
    engine.signal(events.recovered(after.regionId));
  });
}

function isUnfinished(engine: ProcedureEngine<Transaction>, id: ProcedureId): boolean {
  try {
    return engine.result(id) === undefined;
  } catch (error) {
    // Forgotten: it ended long ago.
    if (asCadastreError(error).code === 'procedure-not-found') return false;
    throw error;
  }
}

function addressOf(registry: ServerRegistry, server: Incarnation) {
  const record = registry.find(server)?.record;
  return record && { host: record.host, port: record.port };
}

/** Whose the root is, read from the root: the collector asks before it deletes. */
async function readRoot(storage: Storage) {
  const entry = await currentMaster(storage);
  if (entry !== undefined) return entry;
  throw new CadastreError('corruption', 'the election register is empty', {
    nextStep: 'Restore the storage root from a copy.',
  });
}
