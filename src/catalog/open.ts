// Opening the catalog: what a process does after it became the master, before it may act.
//
// Invariants (races A12, A20, A21):
// 1. Every lower epoch's log is sealed, in order, before anything is read. Sealing a log that was not
//    made yet takes its name, so that a stalled master can never begin one.
// 2. The manifest is read after the seals: what it names cannot be deleted any more by its writer.
// 3. Nothing is written before our own log exists; if it cannot be made, a later master was there.

import { CadastreError, asCadastreError } from '../base/errors.js';
import type { Epoch, Revision, Timeline } from '../base/ids.js';
import type { LogPosition, LogStore } from '../storage/log.js';
import type { Storage } from '../storage/storage.js';
import type { Clock } from '../world/clock.js';
import type { Logger } from '../world/log.js';
import type { ProcessControl } from '../world/process.js';
import type { Catalog } from './api.js';
import { LiveCatalog } from './catalog.js';
import { Checkpointer } from './checkpointer.js';
import { KindRegistry } from './kind.js';
import type { LoadedImage, SealedLog } from './load.js';
import { loadImage } from './load.js';
import { catalogLogNeed } from './log-needs.js';
import type { Manifest } from './manifest.js';
import { readManifest, writeManifest } from './manifest.js';
import { catalogLogName } from '../storage/names.js';
import { manifestName } from './names.js';
import { encodeOpening } from './record-codec.js';
import { allKinds } from './records/kinds.js';
import { catalogLogKind } from './records/logs.js';
import { systemKind } from './records/system.js';

export interface OpenCatalogOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly process: ProcessControl;
  readonly log: Logger;
  /** Of the storage root; a catalog of another cluster is refused. */
  readonly clusterId: string;
  /** Ours, from the election. */
  readonly epoch: Epoch;
  /** Log after which a checkpoint starts by itself. */
  readonly checkpointLogBytes: number;
}

const firstEpoch = 1 as Epoch;
const firstClusterVersion = 1;

/**
 * Opens the catalog of the storage root as its one writer. Throws `stale-epoch` if a later master
 * was there, `corruption` if it cannot be read, `root-unusable` if it belongs to another cluster.
 */
export async function openCatalog(options: OpenCatalogOptions): Promise<Catalog> {
  const { storage, clock, log, clusterId, epoch } = options;
  const kinds = new KindRegistry(allKinds);
  const base = await newestManifestEpoch(storage, epoch);
  const logs = await sealLowerLogs(storage.logs, base ?? firstEpoch, epoch);
  const manifest =
    base === undefined ? undefined : await readManifest(storage.register(manifestName(base)));
  refuseForeign(manifest?.clusterId, clusterId);
  const earlier = await sealedBefore(storage.logs, manifest, logs);
  const replayed = [...earlier, ...logs];
  const loaded = await loadImage({ ...options, kinds }, manifest, replayed);
  refuseForeign(loaded.image.get(systemKind, [])?.clusterId, clusterId);

  const writer = await createLog(storage.logs, epoch);
  const catalog = new LiveCatalog({ ...options, writer, loaded });
  const start = writer.position;
  await appendOpening(writer, options, loaded);
  const first = firstManifest(options, manifest, replayed);
  await writeManifest(storage.register(manifestName(epoch)), first);
  await catalog
    .transact((tx) => {
      if (tx.get(systemKind, []) === undefined) {
        tx.put(systemKind, [], {
          clusterId,
          timeline: 1 as Timeline,
          nextCounter: 1,
          clusterVersion: firstClusterVersion,
        });
      }
      for (const sealed of replayed) {
        const need =
          tx.get(catalogLogKind, [sealed.epoch]) ?? catalogLogNeed(sealed.epoch, undefined);
        tx.put(catalogLogKind, [sealed.epoch], { ...need, end: sealed.end });
      }
      tx.put(catalogLogKind, [epoch], { ...catalogLogNeed(epoch, undefined), low: start });
    })
    .durable();

  const logBytesMax = options.checkpointLogBytes;
  const parts = { catalog, storage, clock, log, kinds, logBytesMax, manifest: first };
  const checkpointer = new Checkpointer(parts);
  catalog.attach(checkpointer);
  await checkpointer.retire();
  checkpointer.logGrew(catalog.statistics.replayBytes);
  return catalog;
}

/** The highest lower epoch that has a manifest; whoever wrote it had sealed everything below. */
async function newestManifestEpoch(storage: Storage, epoch: Epoch): Promise<Epoch | undefined> {
  for (let lower = epoch - 1; lower >= firstEpoch; lower--) {
    const register = storage.register(manifestName(lower as Epoch));
    if ((await register.read()) !== undefined) return lower as Epoch;
  }
  return undefined;
}

/** Seals the logs of the epochs from `from` to before `epoch`, in order, also those not made yet. */
async function sealLowerLogs(logs: LogStore, from: Epoch, epoch: Epoch): Promise<SealedLog[]> {
  const sealed: SealedLog[] = [];
  for (let lower = from as number; lower < epoch; lower++) {
    const end = await logs.seal(catalogLogName(lower as Epoch));
    sealed.push({ epoch: lower as Epoch, end });
  }
  return sealed;
}

/** Logs older than the manifest's epoch that it still replays from; they were sealed by its writer. */
async function sealedBefore(
  logs: LogStore,
  manifest: Manifest | undefined,
  later: readonly SealedLog[],
): Promise<SealedLog[]> {
  const earlier: SealedLog[] = [];
  const until = later[0]?.epoch ?? firstEpoch;
  for (let epoch = manifest?.replay.epoch ?? until; epoch < until; epoch = (epoch + 1) as Epoch) {
    const end: LogPosition | undefined = await logs.end(catalogLogName(epoch));
    if (end === undefined) {
      throw new CadastreError('corruption', `the catalog's log of epoch ${epoch} is not sealed`, {
        nextStep: 'restore the storage root from a copy',
      });
    }
    earlier.push({ epoch, end });
  }
  return earlier;
}

function refuseForeign(found: string | undefined, clusterId: string): void {
  if (found === undefined || found === clusterId) return;
  throw new CadastreError(
    'root-unusable',
    `the catalog belongs to the cluster ${found}, the storage root to ${clusterId}`,
    { nextStep: 'give the directory that the catalog was made in' },
  );
}

async function createLog(logs: LogStore, epoch: Epoch): ReturnType<LogStore['create']> {
  try {
    return await logs.create(catalogLogName(epoch));
  } catch (error) {
    const { code } = asCadastreError(error);
    if (code !== 'object-exists' && code !== 'sealed') throw error;
    throw new CadastreError('stale-epoch', `a later master has sealed epoch ${epoch}`, {
      nextStep: 'stop this process; the other master is active',
      cause: error,
    });
  }
}

async function appendOpening(
  writer: Awaited<ReturnType<LogStore['create']>>,
  { clusterId, epoch }: OpenCatalogOptions,
  { revision, predecessor }: LoadedImage,
): Promise<void> {
  const sequence = writer.append(encodeOpening({ clusterId, epoch, revision, predecessor }));
  await new Promise<void>((resolve) => {
    writer.whenDurable(sequence, resolve);
  });
}

/** As the one before, now in our own register. */
function firstManifest(
  { clusterId, epoch }: OpenCatalogOptions,
  before: Manifest | undefined,
  logs: readonly SealedLog[],
): Manifest {
  if (before !== undefined) return { ...before, epoch };
  return {
    clusterId,
    epoch,
    checkpoint: undefined,
    revision: 0 as Revision,
    replay: { epoch: logs[0]?.epoch ?? epoch, from: undefined },
  };
}
