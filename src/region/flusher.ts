// Flushes of one region: all families together, one flushed sequence.
//
//   set aside → (log durable) → files written and opened → committed → swapped in
//
// Invariants:
// 1. The flushed sequence is the last one given when the memstores were set aside, and everything at
//    or below it is durable before the commit is sent.
// 2. What was set aside stays readable, and needed of the log, until the commit was taken.
// 3. A crash anywhere leaves the catalog without the flush, and the log has the edits, or with it,
//    and the recovery skips them (race W5). Objects that were written and never committed are
//    orphans for the collector (L6).
// 4. A refused commit means the region is someone else's by now: it is fenced (race W7).
// Await points: the log, every write, the commit. Writes go on meanwhile, into new memstores.

import { CadastreError } from '../base/errors.js';
import type { Revision, Sequence } from '../base/ids.js';
import type { StoreFileRef, UsedNonce } from '../base/store-file.js';
import type { Logger } from '../world/log.js';
import type { RegionServices } from './api.js';
import type { CommitLine } from './commit-line.js';
import type { HFileContext } from './hfile/api.js';
import { openHFile } from './hfile/reader.js';
import { regionLimits } from './limits.js';
import { MemstoreCursor } from './memstore-cursor.js';
import type { RegionViews } from './region-views.js';
import { Retention } from './retention.js';
import { Slice, type Retry } from './retry.js';
import { writerOptions, writeStoreFile } from './store-file-writer.js';
import type { OpenFile, StoreView } from './store-view.js';

export interface FlusherParts {
  readonly services: RegionServices;
  /** The region's. */
  readonly log: Logger;
  readonly context: HFileContext;
  readonly views: RegionViews;
  readonly commits: CommitLine;
  readonly retry: Retry;
  /** The last sequence given. */
  sequence(): Sequence;
  /** Resolves when every edit so far is durable. */
  whenDurable(): Promise<void>;
  nonces(): readonly UsedNonce[];
  /** The memstores were set aside, and their flush was taken. */
  onBegin(): void;
  onEnd(flushedSequence: Sequence): void;
  fence(error: CadastreError): void;
}

export class Flusher {
  readonly #parts: FlusherParts;
  #running: Promise<boolean> | undefined;
  #next: Promise<boolean> | undefined;
  /** Slices replayed at the opening that no flush has covered yet. */
  #slices: readonly string[];

  constructor(parts: FlusherParts, slices: readonly string[]) {
    this.#parts = parts;
    this.#slices = slices;
  }

  /** Whether slices wait for a flush that covers them. */
  get hasSlices(): boolean {
    return this.#slices.length > 0;
  }

  /**
   * Flushes everything written before the call. Resolves false if there was nothing. Rejects with
   * `stale-generation` if the commit was refused, with `stopped` if the region ends first.
   */
  flush(): Promise<boolean> {
    // One that waits for its turn covers this call, also in the moment in which none runs.
    if (this.#next !== undefined) return this.#next;
    if (this.#running === undefined) return this.#start();
    // One that runs may have set aside before: another one follows, one for all who ask meanwhile.
    this.#next = this.#running
      .catch(() => false)
      .then(() => {
        this.#next = undefined;
        return this.#start();
      });
    return this.#next;
  }

  #start(): Promise<boolean> {
    const running = this.#flush().finally(() => {
      this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #flush(): Promise<boolean> {
    const { views } = this.#parts;
    if (!views.hasCells && this.#slices.length === 0) return false;
    const flushedSequence = this.#parts.sequence();
    const nonces = this.#parts.nonces();
    views.setAside();
    this.#parts.onBegin();
    await this.#parts.whenDurable();
    const files: StoreFileRef[] = [];
    for (const store of views.stores) {
      const file = await this.#parts.retry.run(`flush of ${store.family.name}`, () =>
        this.#write(store, flushedSequence),
      );
      if (file !== undefined) files.push(file);
    }
    const readers = await this.#openAll(files);
    const slices = this.#slices;
    const outcome = await this.#parts.commits.commit({
      added: files,
      removed: [],
      flushedSequence,
      nonces,
      replayedSlices: slices,
    });
    if (outcome.kind === 'refused') {
      const error = new CadastreError('stale-generation', `a flush was refused: ${outcome.reason}`);
      this.#parts.fence(error);
      throw error;
    }
    this.#slices = [];
    views.endFlush(bornAt(readers, outcome.revision), outcome.revision);
    this.#parts.onEnd(flushedSequence);
    this.#parts.log.info('flushed', {
      flushedSequence,
      files: files.length,
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    });
    return true;
  }

  #write(store: StoreView, sequenceMax: Sequence): Promise<StoreFileRef | undefined> {
    const { snapshot, family } = store;
    if (snapshot === undefined || snapshot.count === 0) return Promise.resolve(undefined);
    const { services } = this.#parts;
    const nowMs = services.clock.now();
    const slice = new Slice(services.clock, regionLimits.sliceMs);
    return writeStoreFile(new MemstoreCursor(snapshot), {
      objects: services.objects,
      object: services.newObjectName('store'),
      family: family.name,
      writer: writerOptions(family, {
        withTags: snapshot.hasTags,
        createdAtMs: nowMs,
        majorCompacted: false,
        sequenceMax,
      }),
      retention: new Retention(family, 'minor', nowMs),
      pause: () => slice.pause(),
    });
  }

  #openAll(files: readonly StoreFileRef[]): Promise<OpenFile[]> {
    const { context, retry } = this.#parts;
    return Promise.all(
      files.map(async (ref) => ({
        ref,
        reader: await retry.run(`opening ${ref.object}`, () => openHFile(ref, context)),
      })),
    );
  }
}

/** The files with the revision that made them live. */
export function bornAt(files: readonly OpenFile[], birth: Revision): readonly OpenFile[] {
  return files.map(({ ref, reader }) => ({ ref: { ...ref, birth }, reader }));
}
