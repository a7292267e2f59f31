// Compactions of one region: what to merge, the worker that does it, the commit, the swap.
//
// One at a time per region, in the host's queue. The catalog takes the outputs and drops the inputs
// in one transaction whose precondition is that the inputs are still listed under this generation.
// A merged file holds only what its inputs' clips left, so it needs no clip, and none ever widens
// (race W15). Scans go on with the files they began with (race W6).

import { CadastreError } from '../base/errors.js';
import type { StoreFileRef } from '../base/store-file.js';
import { ttlForever } from '../base/table.js';
import type { Logger } from '../world/log.js';
import type { RegionServices } from './api.js';
import type { CommitLine } from './commit-line.js';
import { task, type CompactionInput } from './compaction-worker.js';
import { selectMinor, wantsMajor, type CompactionRules } from './compaction-policy.js';
import { bornAt } from './flusher.js';
import type { HFileContext, HFileReader } from './hfile/api.js';
import { infoName } from './hfile/format.js';
import { openHFile } from './hfile/reader.js';
import type { RegionViews } from './region-views.js';
import type { Retry } from './retry.js';
import type { StoreView } from './store-view.js';

export interface CompactorParts {
  readonly services: RegionServices;
  /** The region's. */
  readonly log: Logger;
  readonly context: HFileContext;
  readonly views: RegionViews;
  readonly commits: CommitLine;
  readonly retry: Retry;
  fence(error: CadastreError): void;
}

/** What to compact: by the policy, or all files of all families or one. */
export type CompactionKind =
  | { readonly kind: 'minor'; readonly family?: string }
  | { readonly kind: 'major'; readonly family?: string };

export class Compactor {
  readonly #parts: CompactorParts;
  #running: 'none' | 'minor' | 'major' = 'none';
  #lastMajorAtMs = 0;

  constructor(parts: CompactorParts) {
    this.#parts = parts;
  }

  get running(): 'none' | 'minor' | 'major' {
    return this.#running;
  }
  get lastMajorAtMs(): number {
    return this.#lastMajorAtMs;
  }

  /** Whether the policy would merge something. */
  get wantsMinor(): boolean {
    const rules = this.#rules();
    return this.#parts.views.stores.some(
      (store) => selectMinor(refsOf(store), rules) !== undefined,
    );
  }

  /** Whether the oldest file of a family is older than the age at which all are merged. */
  wantsMajorByAge(): boolean {
    const { services, views } = this.#parts;
    const ageMs = services.settings.get('hbase.hregion.majorcompaction');
    if (ageMs === 0) return false;
    const oldestMs = services.clock.now() - ageMs;
    return views.stores.some(
      (store) =>
        wantsMajor(refsOf(store), store.family.ttlSeconds !== ttlForever) &&
        store.files.some(({ reader }) => createdAtMs(reader) < oldestMs),
    );
  }

  /** Does it now; resolves to the bytes read. Rejects as the store does; nothing changed then. */
  async compact(what: CompactionKind): Promise<number> {
    let bytes = 0;
    try {
      for (const { family } of this.#parts.views.stores) {
        if (what.family !== undefined && what.family !== family.name) continue;
        bytes += await this.#compactFamily(family.name, what.kind);
      }
    } finally {
      this.#running = 'none';
    }
    if (what.kind === 'major') this.#lastMajorAtMs = this.#parts.services.clock.now();
    return bytes;
  }

  async #compactFamily(name: string, kind: 'minor' | 'major'): Promise<number> {
    const { services, views, context, commits, retry } = this.#parts;
    const store = views.stores.find(({ family }) => family.name === name);
    if (store === undefined) return 0;
    const all = refsOf(store);
    const files = kind === 'major' ? all : selectMinor(all, this.#rules());
    if (files === undefined || files.length === 0) return 0;
    // Merging all files of a family drops its markers too, however it came to that.
    const mode = files.length === all.length ? 'major' : 'minor';
    this.#running = mode;
    const input: CompactionInput = {
      family: store.family,
      files,
      object: services.newObjectName('store'),
      mode,
      nowMs: services.clock.now(),
    };
    const { file } = await services.workers.run(task, input);
    const added = file === undefined ? [] : [{ ref: file, reader: await openHFile(file, context) }];
    if (retry.isStopped) throw new CadastreError('stopped', 'the region stopped while compacting');
    const removed = files.map(({ object }) => object);
    const outcome = await commits.commit({
      added: added.map(({ ref }) => ref),
      removed,
      flushedSequence: undefined,
      nonces: undefined,
      replayedSlices: [],
    });
    if (outcome.kind === 'refused') {
      const text = `a compaction was refused: ${outcome.reason}`;
      const error = new CadastreError('stale-generation', text);
      this.#parts.fence(error);
      throw error;
    }
    views.endCompaction(bornAt(added, outcome.revision), removed, outcome.revision);
    const bytes = files.reduce((sum, ref) => sum + ref.visibleBytes, 0);
    this.#parts.log.info('compacted', {
      family: name,
      mode,
      files: files.length,
      bytes,
      bytesLeft: file?.bytes ?? 0,
    });
    return bytes;
  }

  #rules(): CompactionRules {
    const { settings } = this.#parts.services;
    return {
      filesMin: settings.get('hbase.hstore.compaction.min'),
      filesMax: settings.get('hbase.hstore.compaction.max'),
      ratio: settings.get('hbase.hstore.compaction.ratio'),
      bytesMin: settings.get('hbase.hstore.compaction.min.size'),
    };
  }
}

/** Wall-clock milliseconds; never, for files that do not say. */
function createdAtMs(reader: HFileReader): number {
  const bytes = reader.info.get(infoName.createdAt);
  return bytes?.length === 8 ? bytes.readUInt32BE(0) * 2 ** 32 + bytes.readUInt32BE(4) : Infinity;
}

function refsOf(store: StoreView): readonly StoreFileRef[] {
  return store.files.map(({ ref }) => ref);
}
