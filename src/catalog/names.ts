// Names of what the catalog keeps in the storage root, beside its logs (storage/names.ts).

import type { Epoch } from '../base/ids.js';

/** The register of one epoch's manifests; one each, so that a stalled master disturbs nobody. */
export function manifestName(epoch: Epoch): string {
  return `catalog-manifest/${epoch}`;
}

/** What the names of a checkpoint's objects begin with. Numbers count within the epoch (L5). */
export function checkpointPrefix(epoch: Epoch, number: number): string {
  return `catalog-checkpoint/${epoch}-${number}-`;
}
