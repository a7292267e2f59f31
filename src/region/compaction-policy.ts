// Which store files of a family to merge next. Pure.
//
// Minor: among all runs of neighbouring files (by age) within the bounds, the one that removes most
// files, then the smallest; a run is allowed if each file is at most `ratio` times as large as the
// others together, or if the run is small altogether. Files far apart in age are not merged.
// Source of the policy and its knobs: HBase's ExploringCompactionPolicy.

import type { StoreFileRef } from '../base/store-file.js';

export interface CompactionRules {
  readonly filesMin: number;
  readonly filesMax: number;
  readonly ratio: number;
  /** A run of fewer bytes needs no ratio. */
  readonly bytesMin: number;
}

/** Files to merge, oldest first; undefined: none. `files` is sorted, oldest first. */
export function selectMinor(
  files: readonly StoreFileRef[],
  rules: CompactionRules,
): readonly StoreFileRef[] | undefined {
  let best: readonly StoreFileRef[] | undefined;
  let bestBytes = Infinity;
  for (let start = 0; start < files.length; start++) {
    for (let count = rules.filesMin; count <= rules.filesMax; count++) {
      const run = files.slice(start, start + count);
      if (run.length < count) break;
      const bytes = bytesOf(run);
      if (bytes >= rules.bytesMin && !isInRatio(run, bytes, rules.ratio)) continue;
      const isBetter =
        best === undefined || count > best.length || (count === best.length && bytes < bestBytes);
      if (isBetter) {
        best = run;
        bestBytes = bytes;
      }
    }
  }
  return best;
}

/**
 * Whether a major compaction would change anything: the files are not one whose deleted cells are
 * gone already, with nothing in it that a clip hides or time outlives.
 */
export function wantsMajor(files: readonly StoreFileRef[], hasTtl: boolean): boolean {
  const only = files.length === 1 ? files[0] : undefined;
  if (only === undefined) return files.length > 0;
  return !only.majorCompacted || only.clip !== undefined || hasTtl;
}

function isInRatio(run: readonly StoreFileRef[], bytes: number, ratio: number): boolean {
  return run.every((file) => file.visibleBytes <= (bytes - file.visibleBytes) * ratio);
}

function bytesOf(run: readonly StoreFileRef[]): number {
  return run.reduce((sum, file) => sum + file.visibleBytes, 0);
}
