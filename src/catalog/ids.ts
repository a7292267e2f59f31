// Ids that are never used twice (L5): the timeline and a counter, reserved in blocks.
//
// Invariant: an id is given out only below a bound that stands in the tail, so that the record which
// makes the id durable lies behind the one that made the bound durable. A transaction that fails
// loses its ids; a restart loses the rest of the block.

import { assert, present } from '../base/assert.js';
import { packId } from '../base/ids.js';
import type { CatalogIds, Transaction } from './api.js';
import { idsPerReservation } from './limits.js';
import { systemKind } from './records/system.js';

export class IdAllocator implements CatalogIds {
  #next: number;

  /** `start` is the bound at load: everything below it may have been given out. */
  constructor(start: number) {
    this.#next = start;
  }

  allocate(tx: Transaction): number {
    const system = present(tx.get(systemKind, []), 'the catalog has a system record');
    const counter = this.#next++;
    if (counter >= system.nextCounter) {
      tx.put(systemKind, [], { ...system, nextCounter: counter + idsPerReservation });
    }
    assert(counter > 0, 'L5: ids start above 0');
    return packId(system.timeline, counter);
  }
}
