// Finds the server of a row: from the cache, else from hbase:meta, one look-up at a time for each
// question. Errors of calls come back here, so that wrong locations are forgotten.

import { CadastreError } from '../base/errors.js';
import type { MetaLocation } from '../wire/meta-rows.js';
import { reactionTo } from './attempts.js';
import type { Attempts } from './attempts.js';
import { LocationCache } from './location-cache.js';
import type { Location } from './location-cache.js';
import type { MetaReader } from './meta-reader.js';
import { noTable } from './table-input.js';

/** How to look a location up, and where to find it then. */
interface Question {
  readonly read: () => Promise<readonly MetaLocation[]>;
  readonly find: () => Location | undefined;
}

export class Locator {
  readonly #meta: MetaReader;
  readonly #tables = new Map<string, LocationCache>();
  readonly #lookUps = new Map<string, Promise<Location>>();

  constructor(meta: MetaReader) {
    this.#meta = meta;
  }

  /** From the cache alone: for callers that have many rows. */
  known(table: string, row: Buffer): Location | undefined {
    return this.#cache(table).holding(row);
  }

  /**
   * The region that holds `row`. One attempt; fails with `table-not-found`, `region-not-serving`
   * when it is nowhere now, or what the server of hbase:meta says.
   */
  holding(table: string, row: Buffer, attempts: Attempts): Promise<Location> {
    const cache = this.#cache(table);
    const known = cache.holding(row);
    if (known !== undefined) return Promise.resolve(known);
    return this.#lookUp(`${table},${row.toString('latin1')}`, table, attempts, {
      read: () => this.#meta.holding(table, row, attempts),
      find: () => cache.holding(row),
    });
  }

  /** The region before `row`, or the table's last without one. As `holding`. */
  before(table: string, row: Buffer | undefined, attempts: Attempts): Promise<Location> {
    const cache = this.#cache(table);
    const known = cache.before(row);
    if (known !== undefined) return Promise.resolve(known);
    return this.#lookUp(`<${table},${row?.toString('latin1') ?? ''}`, table, attempts, {
      read: () => this.#meta.before(table, row, attempts),
      find: () => cache.before(row),
    });
  }

  /** All regions of a table, read anew. Fails as `holding`. */
  async regions(table: string, attempts: Attempts): Promise<readonly MetaLocation[]> {
    const found = await this.#meta.regions(table, attempts);
    for (const location of found) this.#add(table, location);
    if (found.length === 0) throw noTable(table);
    return found;
  }

  /**
   * Learns from a call that failed at `location`: follows the region, or forgets the location. Throws
   * `table-not-enabled` or `table-not-found` when that is why its regions are nowhere.
   */
  async failed(
    table: string,
    location: Location,
    error: CadastreError,
    attempts: Attempts,
  ): Promise<void> {
    if (reactionTo(error) !== 'refresh-location') return;
    const cache = this.#cache(table);
    if (error.code === 'region-moved' && cache.follow(location, error)) return;
    cache.forget(location);
    if (error.code === 'region-not-serving') await this.#checkServed(table, attempts);
  }

  async #checkServed(table: string, attempts: Attempts): Promise<void> {
    let state;
    try {
      state = await this.#meta.tableState(table, attempts);
    } catch {
      return; // the next look-up in hbase:meta meets the same error, and reports it
    }
    if (state === undefined) throw noTable(table);
    if (state === 'disabled' || state === 'disabling') {
      throw new CadastreError('table-not-enabled', `table ${table} is ${state}`, {
        nextStep: 'Enable it first.',
      });
    }
  }

  #cache(table: string): LocationCache {
    let cache = this.#tables.get(table);
    if (cache === undefined) {
      cache = new LocationCache();
      this.#tables.set(table, cache);
    }
    return cache;
  }

  /** Callers that ask the same at once share the answer, and its failure. */
  #lookUp(key: string, table: string, attempts: Attempts, question: Question): Promise<Location> {
    const running = this.#lookUps.get(key);
    if (running !== undefined) return running;
    const started = this.#answer(table, attempts, question).finally(() =>
      this.#lookUps.delete(key),
    );
    this.#lookUps.set(key, started);
    return started;
  }

  async #answer(table: string, attempts: Attempts, question: Question): Promise<Location> {
    const found = await question.read();
    // From the far end, so that the asked one is added last and stays.
    for (const location of [...found].reverse()) this.#add(table, location);
    const location = question.find();
    if (location !== undefined) return location;
    if (found.length === 0) throw noTable(table);
    await this.#checkServed(table, attempts);
    throw new CadastreError(
      'region-not-serving',
      `no server has the region of table ${table} that is asked for`,
    );
  }

  #add(table: string, { name, region, server, openSequence }: MetaLocation): void {
    if (server === undefined || region.isOffline) return;
    const { host, port } = server;
    const location = { name, region, server: { host, port }, sequence: openSequence };
    this.#cache(table).add(location);
  }
}
