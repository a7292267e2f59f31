// Which procedure changes a region now: at most one (page 4). The region's lock is what excludes
// others; this map asserts it, and tells a server's crash whom to leave a region to.
//
// It lives in memory: after a restart an owner is known again from its first step on. A crash that
// runs before that starts a child, which waits for the region's lock and then finds nothing to do.

import { assert } from '../../base/assert.js';
import type { ProcedureId, RegionId } from '../../base/ids.js';

export class RegionOwners {
  readonly #owners = new Map<RegionId, ProcedureId>();
  readonly #isUnfinished: (id: ProcedureId) => boolean;

  /** `isUnfinished` tells of any procedure: an owner that was bypassed owns nothing any more. */
  constructor(isUnfinished: (id: ProcedureId) => boolean) {
    this.#isUnfinished = isUnfinished;
  }

  /** `procedure` owns the region from now on. Asserts that no other unfinished one does. */
  take(region: RegionId, procedure: ProcedureId): void {
    const owner = this.ownerOf(region);
    assert(
      owner === undefined || owner === procedure,
      `one owner per region: ${procedure} takes region ${region} from ${owner}`,
    );
    this.#owners.set(region, procedure);
  }

  release(region: RegionId, procedure: ProcedureId): void {
    if (this.#owners.get(region) === procedure) this.#owners.delete(region);
  }

  /** The unfinished procedure that owns the region. */
  ownerOf(region: RegionId): ProcedureId | undefined {
    const owner = this.#owners.get(region);
    if (owner === undefined) return undefined;
    if (this.#isUnfinished(owner)) return owner;
    this.#owners.delete(region);
    return undefined;
  }
}
