// Where regions are, as last heard, for one table.
//
// Invariants:
// 1. Regions of the cache do not overlap; of two that would, the one with the higher id stays.
// 2. A known location is replaced only by one of at least its sequence number: look-ups that come in
//    late never take it back.

import { compareRanges } from '../base/cell.js';
import type { CadastreError } from '../base/errors.js';
import type { Address } from '../world/network.js';
import type { MetaRegion } from '../wire/meta-rows.js';

export interface Location {
  /** The region's full name. */
  readonly name: Buffer;
  readonly region: MetaRegion;
  readonly server: Address;
  /** Of the opening; decides which of two locations is newer. */
  readonly sequence: number;
}

export class LocationCache {
  /** By start key. */
  readonly #locations: Location[] = [];

  get size(): number {
    return this.#locations.length;
  }

  /** The region that holds `row`. */
  holding(row: Buffer): Location | undefined {
    const location = this.#locations[this.#countUpTo(row, true) - 1];
    return location !== undefined && endsAfter(location, row) ? location : undefined;
  }

  /** The region that holds the rows just before `row`; of the table's end without one. */
  before(row: Buffer | undefined): Location | undefined {
    if (row === undefined) {
      const last = this.#locations.at(-1);
      return last?.region.endKey.length === 0 ? last : undefined;
    }
    const location = this.#locations[this.#countUpTo(row, false) - 1];
    if (location === undefined) return undefined;
    const { endKey } = location.region;
    return endKey.length === 0 || compare(endKey, row) >= 0 ? location : undefined;
  }

  add(location: Location): void {
    const { startKey, endKey } = location.region;
    let from = this.#countUpTo(startKey, false);
    const previous = this.#locations[from - 1];
    if (previous !== undefined && endsAfter(previous, startKey)) from -= 1;
    const to = endKey.length === 0 ? this.#locations.length : this.#countUpTo(endKey, false);
    const overlapped = this.#locations.slice(from, to);
    if (overlapped.some((known) => isNewer(known, location))) return;
    this.#locations.splice(from, overlapped.length, location);
  }

  /** Forgets a location that failed, unless a newer one came meanwhile. */
  forget(location: Location): void {
    const at = this.#locations.indexOf(location);
    if (at >= 0) this.#locations.splice(at, 1);
  }

  /** Takes the new place out of a `region-moved`; false if it tells none that is newer. */
  follow(location: Location, error: CadastreError): boolean {
    const { host, port, sequence } = error.details;
    if (typeof host !== 'string' || typeof port !== 'number' || typeof sequence !== 'number') {
      return false;
    }
    if (sequence < location.sequence) return false;
    this.add({ ...location, server: { host, port }, sequence });
    return true;
  }

  clear(): void {
    this.#locations.length = 0;
  }

  /** How many start keys are below `row`, or up to it. */
  #countUpTo(row: Buffer, isInclusive: boolean): number {
    let low = 0;
    let high = this.#locations.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compare((this.#locations[middle] as Location).region.startKey, row);
      if (order < 0 || (isInclusive && order === 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function isNewer(known: Location, other: Location): boolean {
  if (known.region.regionId !== other.region.regionId) {
    return known.region.regionId > other.region.regionId;
  }
  return known.sequence > other.sequence;
}

function endsAfter({ region }: Location, row: Buffer): boolean {
  return region.endKey.length === 0 || compare(region.endKey, row) > 0;
}

function compare(a: Buffer, b: Buffer): number {
  return compareRanges(a, 0, a.length, b, 0, b.length);
}
