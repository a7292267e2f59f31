// The successive views of a region's stores, and who still reads which.
//
// Invariants:
// 1. A view never changes; flushes and compactions replace the current one in one step.
// 2. Whoever reads holds its view: its files stay named in `oldestRevisionInUse` until the last
//    holder lets go (race W6).

import { assert } from '../base/assert.js';
import type { Revision } from '../base/ids.js';
import type { BlockCache } from './block-cache.js';
import { Memstore } from './memstore.js';
import type { OpenFile, StoreView } from './store-view.js';

export interface RegionView {
  readonly stores: readonly StoreView[];
}

interface HeldView extends RegionView {
  readonly stores: readonly StoreView[];
  holders: number;
  /** The newest revision at which its files were all live; undefined: now. */
  lastRevision: Revision | undefined;
}

export class RegionViews {
  readonly #cache: BlockCache;
  #current: HeldView;
  /** The catalog's revision when the current list of files was committed. */
  #revision: Revision;
  readonly #retired = new Set<HeldView>();

  constructor(stores: readonly StoreView[], revision: Revision, cache: BlockCache) {
    this.#current = { stores, holders: 0, lastRevision: undefined };
    this.#revision = revision;
    this.#cache = cache;
  }

  get stores(): readonly StoreView[] {
    return this.#current.stores;
  }

  /** Holds the current view until `release`. */
  hold(): RegionView {
    this.#current.holders++;
    return this.#current;
  }

  release(view: RegionView): void {
    const held = view as HeldView;
    held.holders--;
    if (held.holders === 0 && this.#retired.delete(held)) this.#forgetFilesOf(held);
  }

  /** Bytes of the memstores that writes go to. */
  get activeBytes(): number {
    let bytes = 0;
    for (const { active } of this.stores) bytes += active.bytes;
    return bytes;
  }

  /** Bytes of what a flush is writing. */
  get snapshotBytes(): number {
    let bytes = 0;
    for (const { snapshot } of this.stores) bytes += snapshot?.bytes ?? 0;
    return bytes;
  }

  /** Whether a flush has cells to write. */
  get hasCells(): boolean {
    return this.stores.some(
      ({ active, snapshot }) => active.count > 0 || (snapshot !== undefined && snapshot.count > 0),
    );
  }

  /** Sets the memstores aside for a flush; new cells go into new ones. */
  setAside(): void {
    assert(
      this.stores.every(({ snapshot }) => snapshot === undefined),
      'one flush of a region at a time',
    );
    const stores = this.stores.map((store) => ({
      ...store,
      active: new Memstore(),
      snapshot: store.active,
    }));
    this.#replace(stores, undefined);
  }

  /** A flush was taken: its files take the snapshots' place. */
  endFlush(added: readonly OpenFile[], revision: Revision): void {
    const stores = this.stores.map((store) => ({
      ...store,
      snapshot: undefined,
      files: withFiles(store, added, []),
    }));
    this.#replace(stores, revision);
  }

  /** A compaction was taken. */
  endCompaction(added: readonly OpenFile[], removed: readonly string[], revision: Revision): void {
    const stores = this.stores.map((store) => ({
      ...store,
      files: withFiles(store, added, removed),
    }));
    this.#replace(stores, revision);
  }

  /**
   * The oldest revision whose files someone may read; undefined if only the current ones are read.
   * While a commit is under way the current list may be superseded already: it counts then.
   */
  oldestRevisionInUse(isCommitting: boolean): Revision | undefined {
    let oldest = isCommitting ? this.#revision : undefined;
    for (const { lastRevision } of this.#retired) {
      if (lastRevision === undefined) continue;
      if (oldest === undefined || lastRevision < oldest) oldest = lastRevision;
    }
    return oldest;
  }

  /** `revision`: of the commit that changed the files; undefined: the files are the same. */
  #replace(stores: readonly StoreView[], revision: Revision | undefined): void {
    const before = this.#current;
    this.#current = { stores, holders: 0, lastRevision: undefined };
    if (revision !== undefined) {
      // Views of the same files that were retired by a flush's beginning end here too.
      for (const view of this.#retired) view.lastRevision ??= (revision - 1) as Revision;
      before.lastRevision = (revision - 1) as Revision;
      this.#revision = revision;
    }
    if (before.holders > 0) this.#retired.add(before);
    else this.#forgetFilesOf(before);
  }

  /** Blocks of files that no view has any more leave the cache. */
  #forgetFilesOf(view: HeldView): void {
    for (const { files } of view.stores) {
      for (const { ref } of files) {
        if (!this.#isListed(ref.object)) this.#cache.evictObject(ref.object);
      }
    }
  }

  #isListed(object: string): boolean {
    return [this.#current, ...this.#retired].some(({ stores }) =>
      stores.some(({ files }) => files.some(({ ref }) => ref.object === object)),
    );
  }
}

function withFiles(
  store: StoreView,
  added: readonly OpenFile[],
  removed: readonly string[],
): readonly OpenFile[] {
  const kept = store.files.filter(({ ref }) => !removed.includes(ref.object));
  const own = added.filter(({ ref }) => ref.family === store.family.name);
  return [...kept, ...own].sort((a, b) => a.ref.sequenceMax - b.ref.sequenceMax);
}
