// From the manifest, checkpoint and logs to an image: what a restart does before it may act.
//
// Invariants:
// 1. Every transaction of every sealed log from the manifest's place on is applied, in the order of
//    revisions, without a gap. Anything else is `corruption`, and the catalog is not opened.
// 2. Each log's opening names the log before it and where that one was sealed; the chain is checked
//    (race A20).

import { CadastreError } from '../base/errors.js';
import type { Epoch, RegionId, Revision } from '../base/ids.js';
import type { LogPosition } from '../storage/log.js';
import type { Storage } from '../storage/storage.js';
import type { Clock } from '../world/clock.js';
import type { Logger } from '../world/log.js';
import { readCheckpointObject } from './checkpoint-files.js';
import { Image, Quarantined } from './image.js';
import type { KindRegistry } from './kind.js';
import { recordsPerTurn } from './limits.js';
import type { Manifest } from './manifest.js';
import { catalogLogName } from '../storage/names.js';
import type { Opening } from './record-codec.js';
import { decodeLogRecord } from './record-codec.js';
import { regionKind } from './records/regions.js';
import { ReferenceCounts } from './references.js';
import { formatKey } from './tuple.js';

export interface LoadedImage {
  readonly image: Image;
  readonly revision: Revision;
  readonly references: ReferenceCounts;
  /** Encoded keys of the region records, by region. */
  readonly regions: Map<RegionId, string>;
  readonly quarantined: Map<string, Quarantined>;
  /** Payload bytes that were replayed. */
  readonly replayBytes: number;
  /** The last log with records, and where it ends: what the next log's opening names. */
  readonly predecessor: { readonly epoch: Epoch; readonly end: LogPosition } | undefined;
}

/** A sealed log of an earlier epoch. */
export interface SealedLog {
  readonly epoch: Epoch;
  readonly end: LogPosition;
}

interface LoadContext {
  readonly storage: Pick<Storage, 'objects' | 'logs'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly kinds: KindRegistry;
  readonly clusterId: string;
}

/** Loads what the manifest names and replays `logs`, which are the sealed ones in order. */
export async function loadImage(
  context: LoadContext,
  manifest: Manifest | undefined,
  logs: readonly SealedLog[],
): Promise<LoadedImage> {
  const image = new Image();
  await loadCheckpoint(context, manifest, image);
  const replay = new Replay(context, image, manifest?.revision ?? (0 as Revision));
  const first = manifest?.replay;
  for (const log of logs) {
    if (first !== undefined && log.epoch < first.epoch) continue;
    await replay.run(log, log.epoch === first?.epoch ? first.from : undefined);
  }
  const { revision, replayBytes, predecessor } = replay;
  return { ...(await index(context, image)), image, revision, replayBytes, predecessor };
}

async function loadCheckpoint(
  context: LoadContext,
  manifest: Manifest | undefined,
  image: Image,
): Promise<void> {
  let turn = 0;
  for (const object of manifest?.checkpoint?.objects ?? []) {
    const changes = await readCheckpointObject(object, {
      objects: context.storage.objects,
      kinds: context.kinds,
    });
    for (const { key, value } of changes) {
      image.set(key, value);
      if (++turn % recordsPerTurn === 0) await context.clock.yield();
    }
  }
}

/** Applies logs one after another. */
class Replay {
  readonly #context: LoadContext;
  readonly #image: Image;
  revision: Revision;
  replayBytes = 0;
  predecessor: { readonly epoch: Epoch; readonly end: LogPosition } | undefined;
  #turn = 0;

  constructor(context: LoadContext, image: Image, revision: Revision) {
    this.#context = context;
    this.#image = image;
    this.revision = revision;
  }

  async run(log: SealedLog, from: LogPosition | undefined): Promise<void> {
    const name = catalogLogName(log.epoch);
    const { storage, kinds, clock } = this.#context;
    const options = { until: log.end, ...(from === undefined ? {} : { from }) };
    let isEmpty = true;
    for await (const record of storage.logs.read(name, options)) {
      if (isEmpty && from === undefined && record.sequence !== 1) {
        throw broken(name, `begins at record ${record.sequence}; the ones before are gone`);
      }
      isEmpty = false;
      const content = decodeLogRecord(record.payload, kinds);
      if (content.what === 'opening') {
        this.#check(name, log, content.opening);
      } else {
        if (content.epoch !== log.epoch || content.revision !== this.revision + 1) {
          const found = `revision ${content.revision} of epoch ${content.epoch}`;
          throw broken(name, `has ${found} after revision ${this.revision}`);
        }
        for (const { key, value } of content.changes) this.#image.set(key, value);
        this.revision = content.revision;
      }
      this.replayBytes += record.payload.length;
      if (++this.#turn % recordsPerTurn === 0) await clock.yield();
    }
    // A log that a later master made only to seal it, before its own master could, has no records.
    if (!isEmpty || from !== undefined) this.predecessor = { epoch: log.epoch, end: log.end };
  }

  #check(name: string, log: SealedLog, opening: Opening): void {
    if (opening.clusterId !== this.#context.clusterId) {
      throw broken(name, `belongs to the cluster ${opening.clusterId}`);
    }
    if (opening.epoch !== log.epoch || opening.revision !== this.revision) {
      const says = `epoch ${opening.epoch} from revision ${opening.revision}`;
      throw broken(name, `says it is ${says}, after revision ${this.revision}`);
    }
    const before = this.predecessor;
    const named = opening.predecessor;
    // The first log that is replayed may follow one that was released.
    if (before === undefined) return;
    if (named?.epoch !== before.epoch || !isSamePosition(named.end, before.end)) {
      const says = named === undefined ? 'none' : `${named.epoch} until ${named.end.sequence}`;
      const is = `${before.epoch} until ${before.end.sequence}`;
      throw broken(name, `says that the log before it is ${says}; it is ${is}`);
    }
  }
}

function isSamePosition(a: LogPosition, b: LogPosition): boolean {
  return a.sequence === b.sequence && a.segment === b.segment && a.offset === b.offset;
}

function broken(log: string, what: string): CadastreError {
  return new CadastreError('corruption', `the catalog's chain of logs is broken: ${log} ${what}`, {
    nextStep: 'restore the storage root from a copy',
    details: { log },
  });
}

/** What is derived from the records, in one pass. */
async function index(
  { clock, log, kinds }: LoadContext,
  image: Image,
): Promise<Pick<LoadedImage, 'references' | 'regions' | 'quarantined'>> {
  const references = new ReferenceCounts();
  const regions = new Map<RegionId, string>();
  const quarantined = new Map<string, Quarantined>();
  let turn = 0;
  for (const [key, value] of image.entries()) {
    const kind = kinds.ofKey(key);
    references.addLoaded(key, kind, value);
    if (value instanceof Quarantined) {
      quarantined.set(key, value);
      log.error('a catalog record is quarantined', { key: formatKey(key), reason: value.reason });
    } else if (kind?.type === regionKind.type) {
      regions.set(regionKind.decodeKey(key)[2], key);
    }
    if (++turn % recordsPerTurn === 0) await clock.yield();
  }
  return { references, regions, quarantined };
}
