// Writes checkpoints in the background, and hands what they overtake to the collector.
//
// Order of a checkpoint, each step durable before the next one:
// 1. its row, so that its objects are found whatever happens;
// 2. its objects, from a copy-on-write image of the tail at that row's revision (durable by then);
// 3. the manifest that names them: from here on a restart uses them;
// 4. one transaction that makes candidates of every other checkpoint's objects and of the log below.
// A crash between 3 and 4 leaks nothing: the next opening, or the next checkpoint, does 4 again.

import type { Epoch, Revision } from '../base/ids.js';
import { asCadastreError } from '../base/errors.js';
import type { Storage } from '../storage/storage.js';
import type { Clock, Timer } from '../world/clock.js';
import type { Logger } from '../world/log.js';
import type { ObjectInfo, ObjectStore } from '../world/object-store.js';
import type { Checkpoints, LiveCatalog } from './catalog.js';
import { writeCheckpoint } from './checkpoint-files.js';
import type { KindRegistry } from './kind.js';
import { checkpointRetryMs, listPage } from './limits.js';
import { logStart, releaseCatalogLogs } from './log-needs.js';
import type { Manifest } from './manifest.js';
import { writeManifest } from './manifest.js';
import { checkpointPrefix, manifestName } from './names.js';
import { checkpointKind } from './records/checkpoints.js';
import { abandonObject } from './references.js';

interface CheckpointerParts {
  readonly catalog: LiveCatalog;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly log: Logger;
  readonly kinds: KindRegistry;
  /** Log bytes after which a checkpoint starts by itself. */
  readonly logBytesMax: number;
  /** This epoch's first manifest, which is written. */
  readonly manifest: Manifest;
}

export class Checkpointer implements Checkpoints {
  readonly #parts: CheckpointerParts;
  #manifest: Manifest;
  #number = 0;
  #running: Promise<void> | undefined;
  /** Set while a failed checkpoint waits to be tried again. */
  #retry: Timer | undefined;
  #isStopped = false;

  constructor(parts: CheckpointerParts) {
    this.#parts = parts;
    this.#manifest = parts.manifest;
  }

  get revision(): Revision {
    return this.#manifest.revision;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  logGrew(bytes: number): void {
    if (bytes < this.#parts.logBytesMax || this.#running !== undefined) return;
    if (this.#retry !== undefined || this.#isStopped) return;
    this.run().catch((error: unknown) => {
      this.#parts.log.error('a checkpoint of the catalog failed', {}, error);
      if (this.#isStopped) return;
      this.#retry = this.#parts.clock.timer(checkpointRetryMs, () => {
        this.#retry = undefined;
        this.logGrew(this.#parts.catalog.statistics.replayBytes);
      });
    });
  }

  run(): Promise<void> {
    this.#running ??= this.#write().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #write(): Promise<void> {
    const { catalog, storage, clock, log, kinds } = this.#parts;
    const { epoch } = catalog;
    const number = ++this.#number;
    const begun = catalog.transact((tx) => {
      tx.put(checkpointKind, [epoch, number], { revision: tx.revision });
    });
    const cut = catalog.cut();
    const bytesBefore = catalog.statistics.replayBytes;
    await begun.durable();
    const objects = await writeCheckpoint(cut.image, checkpointPrefix(epoch, number), {
      objects: storage.objects,
      clock,
      kinds,
    });
    const manifest: Manifest = {
      clusterId: catalog.clusterId,
      epoch,
      checkpoint: { epoch, number, objects },
      revision: cut.revision,
      replay: { epoch, from: cut.position },
    };
    await writeManifest(storage.register(manifestName(epoch)), manifest);
    this.#manifest = manifest;
    catalog.replayBytesFell(bytesBefore);
    log.info('checkpoint of the catalog written', {
      revision: cut.revision,
      objects: objects.length,
      records: cut.image.size,
    });
    await this.retire();
  }

  /** Makes candidates of the checkpoints and logs that the manifest does not need. */
  async retire(): Promise<void> {
    const { catalog, storage } = this.#parts;
    const { checkpoint: current, replay } = this.#manifest;
    const stale = [...catalog.tail.scan(checkpointKind)]
      .map(({ key }) => key)
      .filter(([epoch, number]) => epoch !== current?.epoch || number !== current.number);
    for (const [epoch, number] of stale) {
      await this.#abandon(epoch, number, storage.objects);
    }
    await catalog
      .transact((tx) => {
        releaseCatalogLogs(tx, replay.epoch, replay.from ?? logStart);
      })
      .durable();
  }

  async #abandon(epoch: Epoch, number: number, objects: ObjectStore): Promise<void> {
    const { catalog } = this.#parts;
    let page: readonly ObjectInfo[];
    let after: string | undefined;
    do {
      page = await objects.list(checkpointPrefix(epoch, number), after, listPage);
      after = page.at(-1)?.key;
      await catalog
        .transact((tx) => {
          for (const { key, bytes } of page) abandonObject(tx, catalog.references, key, bytes);
          // The row goes last: until then its objects are looked for again.
          if (page.length === 0) tx.delete(checkpointKind, [epoch, number]);
        })
        .durable();
    } while (page.length > 0);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#retry?.cancel();
    try {
      await this.#running;
    } catch (error) {
      // It was reported, or its caller has the error; stopping must go on.
      this.#parts.log.warn('the last checkpoint failed', {
        reason: asCadastreError(error).message,
      });
    }
  }
}
