// What of the catalog's regions the master looks up in other ways than by table and key: by server,
// by encoded name, those in transition, and counts. The catalog itself finds them by table, key and id.
//
// Invariants:
// 1. Derived: `ofServer` holds exactly the regions whose durable record names the server.
// 2. `load` also counts what was given to a server and is not durable yet, so that a burst of
//    assigns is spread. It is a figure for planning and nothing else.

import type { Incarnation, RegionId, TableId } from '../../base/ids.js';
import { encodedRegionName } from '../../base/table.js';
import type { Catalog, CatalogView } from '../../catalog/api.js';
import type { RegionRecord, RegionState } from '../../catalog/records/regions.js';
import { regionKind } from '../../catalog/records/regions.js';
import { tableKind } from '../../catalog/records/tables.js';
import type { Clock } from '../../world/clock.js';

/** How many regions of a table are in which condition. */
export interface RegionCounts {
  readonly open: number;
  readonly closed: number;
  readonly split: number;
  readonly inTransition: number;
}
type Condition = keyof RegionCounts;

const recordsPerTurn = 2_000;
const noRegions: ReadonlySet<RegionId> = new Set();

export class RegionImage {
  readonly #catalog: Catalog;
  readonly #byServer = new Map<Incarnation, Set<RegionId>>();
  /** Regions given to a server by a record that is not durable yet. */
  readonly #given = new Map<RegionId, Incarnation>();
  readonly #givenCounts = new Map<Incarnation, number>();
  readonly #inTransition = new Set<RegionId>();
  readonly #counts = new Map<TableId, Record<Condition, number>>();
  /** Encoded name → region; made when first asked for, because it hashes every name. */
  #byEncodedName: Map<string, RegionId> | undefined;
  readonly #watch: { stop(): void };

  private constructor(catalog: Catalog) {
    this.#catalog = catalog;
    this.#watch = catalog.watch(regionKind, ({ before, after }) => this.#change(before, after));
  }

  /** Reads all regions, yielding the event loop (L9). Nothing may write regions meanwhile. */
  static async open(catalog: Catalog, clock: Clock): Promise<RegionImage> {
    const image = new RegionImage(catalog);
    let read = 0;
    for (const { value } of catalog.durable.scan(regionKind)) {
      image.#change(undefined, value);
      if (++read % recordsPerTurn === 0) await clock.yield();
    }
    return image;
  }

  close(): void {
    this.#watch.stop();
  }

  /** Regions whose durable record says that this server opens, serves or closes them. */
  ofServer(server: Incarnation): ReadonlySet<RegionId> {
    return this.#byServer.get(server) ?? noRegions;
  }

  /** Regions that are neither open nor closed as they should be, oldest first. */
  get inTransition(): ReadonlySet<RegionId> {
    return this.#inTransition;
  }

  counts(table: TableId): RegionCounts {
    return this.#counts.get(table) ?? { open: 0, closed: 0, split: 0, inTransition: 0 };
  }

  /** Regions that the server has or was given. */
  load(server: Incarnation): number {
    return this.ofServer(server).size + (this.#givenCounts.get(server) ?? 0);
  }

  /** A record that gives the region to the server was handed over. */
  noteGiven(region: RegionId, server: Incarnation): void {
    this.#forgetGiven(region);
    if (this.ofServer(server).has(region)) return;
    this.#given.set(region, server);
    this.#givenCounts.set(server, (this.#givenCounts.get(server) ?? 0) + 1);
  }

  /** The region with this encoded name, if there is one. */
  byEncodedName(encoded: string): RegionId | undefined {
    this.#byEncodedName ??= this.#hashAll();
    return this.#byEncodedName.get(encoded);
  }

  #hashAll(): Map<string, RegionId> {
    const names = new Map<string, RegionId>();
    for (const { value } of this.#catalog.durable.scan(regionKind)) {
      const encoded = encodedNameOf(this.#catalog.durable, value);
      if (encoded !== undefined) names.set(encoded, value.regionId);
    }
    return names;
  }

  #change(before: RegionRecord | undefined, after: RegionRecord | undefined): void {
    const region = (after ?? before)?.regionId;
    if (region === undefined) return;
    this.#forgetGiven(region);
    if (before !== undefined) this.#count(before, -1);
    if (after !== undefined) this.#count(after, 1);
    if (before?.server !== after?.server) {
      if (before?.server !== undefined) this.#remove(before.server, region);
      if (after?.server !== undefined) this.#add(after.server, region);
    }
    // Names of dropped regions stay: an id is never used again, and a look-up ends at the record.
    if (before === undefined && after !== undefined && this.#byEncodedName !== undefined) {
      const encoded = encodedNameOf(this.#catalog.durable, after);
      if (encoded !== undefined) this.#byEncodedName.set(encoded, region);
    }
  }

  #count(region: RegionRecord, by: 1 | -1): void {
    const condition = conditions[region.state];
    if (condition === 'inTransition') {
      if (by > 0) this.#inTransition.add(region.regionId);
      else this.#inTransition.delete(region.regionId);
    }
    const counts = this.#counts.get(region.tableId) ?? { ...this.counts(region.tableId) };
    counts[condition] += by;
    if (Object.values(counts).some((count) => count > 0)) this.#counts.set(region.tableId, counts);
    else this.#counts.delete(region.tableId);
  }

  #add(server: Incarnation, region: RegionId): void {
    const regions = this.#byServer.get(server);
    if (regions === undefined) this.#byServer.set(server, new Set([region]));
    else regions.add(region);
  }

  #remove(server: Incarnation, region: RegionId): void {
    const regions = this.#byServer.get(server);
    regions?.delete(region);
    if (regions?.size === 0) this.#byServer.delete(server);
  }

  #forgetGiven(region: RegionId): void {
    const server = this.#given.get(region);
    if (server === undefined) return;
    this.#given.delete(region);
    const count = (this.#givenCounts.get(server) ?? 0) - 1;
    if (count > 0) this.#givenCounts.set(server, count);
    else this.#givenCounts.delete(server);
  }
}

const conditions: Readonly<Record<RegionState, Condition>> = {
  offline: 'inTransition',
  opening: 'inTransition',
  open: 'open',
  closing: 'inTransition',
  closed: 'closed',
  'failed-open': 'inTransition',
  'abnormally-closed': 'inTransition',
  split: 'split',
  merged: 'split',
};

function encodedNameOf(view: CatalogView, region: RegionRecord): string | undefined {
  const table = view.get(tableKind, [region.tableId])?.descriptor.name;
  return table && encodedRegionName({ ...region, table });
}
