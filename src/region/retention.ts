// Which cells survive a flush or compaction: what no reader can see any more is left out.
//
// `minor` (flushes, and compactions of some files) keeps every delete marker that is not outlived,
// because what it hides may be in another file. `major` sees all files of the family and drops
// markers too, unless the family keeps deleted cells: then they go when their column has more than
// its versions of newer cells.
// Open scans do not matter: they read the files and memstores they began with.
// Source of the semantics: HBase's Minor- and MajorCompactionScanQueryMatcher.

import { CellType } from '../base/cell.js';
import { ttlForever, type FamilyDescriptor } from '../base/table.js';
import { hasOutlivedItself } from './cell-ttl.js';
import { CellView, KeptBytes } from './cell-view.js';
import { ColumnTracker } from './column-tracker.js';
import { DeleteTracker } from './delete-tracker.js';
import type { CellSource } from './merge-cursor.js';

export type RetentionMode = 'minor' | 'major';

/** What of a family's descriptor decides. */
export type RetentionRules = Pick<
  FamilyDescriptor,
  'versionsMax' | 'versionsMin' | 'ttlSeconds' | 'keepDeletedCells'
>;

/** To be asked for each cell, in order. */
export class Retention {
  readonly #mode: RetentionMode;
  readonly #rules: RetentionRules;
  readonly #nowMs: number;
  readonly #view = new CellView();
  readonly #row = new KeptBytes();
  readonly #deletes = new DeleteTracker();
  readonly #columns: ColumnTracker;

  constructor(rules: RetentionRules, mode: RetentionMode, nowMs: number) {
    this.#rules = rules;
    this.#mode = mode;
    this.#nowMs = nowMs;
    const { versionsMax, versionsMin, ttlSeconds } = rules;
    const oldestLiveMs = ttlSeconds === ttlForever ? 0 : nowMs - ttlSeconds * 1000;
    this.#columns = new ColumnTracker({ versionsMax, versionsMin, oldestLiveMs }, undefined);
  }

  /** Whether the cell that `source` stands on stays. */
  keeps(source: CellSource): boolean {
    const view = this.#view;
    view.load(source);
    if (!this.#row.equals(view.buffer, view.rowOffset, view.rowLength)) {
      this.#row.set(view.buffer, view.rowOffset, view.rowLength);
      this.#deletes.reset();
      this.#columns.reset();
    }
    if (this.#columns.isOver(view)) return false;
    if (source.tagsLength > 0 && hasOutlivedItself(source, view.timestamp, this.#nowMs)) {
      return false;
    }
    if (view.type !== CellType.put) return this.#keepsMarker();
    if (!this.#deletes.isEmpty && this.#deletes.hides(view) !== 'no') return false;
    return this.#columns.check(view) === 'include';
  }

  #keepsMarker(): boolean {
    const view = this.#view;
    const { keepDeletedCells } = this.#rules;
    const staysPut =
      keepDeletedCells === 'true' || (keepDeletedCells === 'ttl' && !this.#columns.isExpired(view));
    if (!staysPut) this.#deletes.add(view);
    if (this.#mode === 'minor') return true;
    return staysPut && this.#columns.check(view) === 'include';
  }
}
