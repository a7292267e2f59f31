// The orphan sweep: finds data objects that nothing in the catalog tells of, left by runs of servers
// that are dead for good (a flush that was cut off, a sort that ran twice), and makes candidates of
// them. It deletes nothing: the collector's gate does, later, by its own rules.
//
// Invariants (L6):
// 1. Only objects of dead incarnations: their record says so, or they have none and their log is
//    sealed. A server that has allotted its incarnation and not registered yet is neither.
// 2. Only what has no live reference (a claim is one), no candidate row and no row of a sorted log,
//    was so in two sweeps in a row, and still is in the transaction that writes the row.
// 3. Nothing is marked while a dead server's log waits to be recovered: until then the answer of a
//    sorter that died meanwhile may still be taken, and with it an object that no row tells of yet.
// 4. What cannot be known ends the sweep: a quarantined record may be what tells of an object, and a
//    catalog that tells of nothing in the root is not believed.
//
// Checkpoints of the catalog are no data objects: the checkpointer lists its own.

import { CadastreError, asCadastreError } from '../../base/errors.js';
import type { Incarnation } from '../../base/ids.js';
import type { Catalog, CatalogView } from '../../catalog/api.js';
import { abandonObject } from '../../catalog/references.js';
import { candidateKind, objectCandidate } from '../../catalog/records/deletion.js';
import { logKind, sortedLogKind } from '../../catalog/records/logs.js';
import { serverKind } from '../../catalog/records/servers.js';
import { dataPrefix, parseObjectName, serverLogName } from '../../storage/names.js';
import type { Storage } from '../../storage/storage.js';
import type { Clock, Timer } from '../../world/clock.js';
import type { Logger } from '../../world/log.js';
import type { ObjectInfo } from '../../world/object-store.js';
import type { Service } from '../../world/world.js';
import { batchMax, orphansPerSweepMax, sweepEveryMs, sweepFirstMs, sweepPage } from './limits.js';

export interface OrphanSweepOptions {
  readonly catalog: Catalog;
  readonly storage: Pick<Storage, 'objects' | 'logs'>;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface SweepReport {
  readonly sweep: number;
  /** Data objects looked at. */
  readonly listed: number;
  readonly orphans: number;
  readonly orphanBytes: number;
  /** Of those, what the sweep before had found too, and which are candidates now. */
  readonly marked: number;
  readonly markedBytes: number;
  /** Why nothing could be marked, if there was something to mark. */
  readonly withheld: string | undefined;
  /** Why the sweep ended early. */
  readonly aborted: CadastreError | undefined;
}

/** Orphans by name, with their incarnation and size. */
type Orphans = ReadonlyMap<string, { readonly incarnation: Incarnation; readonly bytes: number }>;

type Tally = {
  -readonly [Field in Exclude<keyof SweepReport, 'sweep' | 'aborted'>]: SweepReport[Field];
};

export class OrphanSweep implements Service {
  readonly #options: OrphanSweepOptions;
  readonly #stopping = new AbortController();
  #sweeps = 0;
  #suspects: Orphans = new Map();
  #running: Promise<SweepReport> | undefined;
  #timer: Timer | undefined;

  constructor(options: OrphanSweepOptions) {
    this.#options = options;
  }

  /** Sweeps soon, and then from time to time. */
  start(): void {
    this.#sweepAfter(sweepFirstMs);
  }

  #sweepAfter(ms: number): void {
    this.#timer = this.#options.clock.timer(ms, () => {
      void this.sweep().then(() => {
        if (!this.#stopping.signal.aborted) this.#sweepAfter(sweepEveryMs);
      });
    });
  }

  /** Runs a sweep, or joins the one that runs. Never rejects: the report says what went wrong. */
  sweep(): Promise<SweepReport> {
    this.#running ??= this.#sweep().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async drain(): Promise<void> {
    this.#stopping.abort(new CadastreError('stopped', 'the master is stopping'));
    this.#timer?.cancel();
    await this.#running;
  }

  stop(): Promise<void> {
    return this.drain();
  }

  async #sweep(): Promise<SweepReport> {
    const { log } = this.#options;
    const sweep = ++this.#sweeps;
    const tally: Tally = {
      listed: 0,
      orphans: 0,
      orphanBytes: 0,
      marked: 0,
      markedBytes: 0,
      withheld: undefined,
    };
    const before = this.#suspects;
    // Until this sweep has ended well: the next one is not in a row with what came before.
    this.#suspects = new Map();
    let aborted: CadastreError | undefined;
    try {
      const found = await this.#find(tally);
      await this.#mark([...found].filter(([object]) => before.has(object)), tally);
      this.#suspects = found;
      log.info('swept for orphans', { sweep, ...tally });
    } catch (error) {
      aborted = asCadastreError(error);
      if (!this.#stopping.signal.aborted) {
        log.error('a sweep for orphans ended early', { sweep, ...tally }, error);
      }
    }
    return { sweep, ...tally, aborted };
  }

  /** At most `orphansPerSweepMax`: the first ones in the order of names, so that the next finds them too. */
  async #find(tally: Tally): Promise<Orphans> {
    const { catalog, clock, storage } = this.#options;
    const found = new Map<string, { incarnation: Incarnation; bytes: number }>();
    const dead = new Map<Incarnation, boolean>();
    let isRootKnown = false;
    let page: readonly ObjectInfo[];
    let after: string | undefined;
    do {
      this.#requireNothingQuarantined();
      page = await storage.objects.list(dataPrefix, after, sweepPage);
      this.#stopping.signal.throwIfAborted();
      after = page.at(-1)?.key;
      tally.listed += page.length;
      for (const { key, bytes } of page) {
        const incarnation = parseObjectName(key)?.incarnation;
        if (incarnation === undefined) continue;
        const isListed = this.#isTold(catalog.tail, key);
        isRootKnown ||= isListed || catalog.tail.get(serverKind, [incarnation]) !== undefined;
        if (isListed || found.size >= orphansPerSweepMax) continue;
        const isDead = dead.get(incarnation) ?? (await this.#isDead(incarnation));
        dead.set(incarnation, isDead);
        if (isDead) found.set(key, { incarnation, bytes });
      }
      await clock.yield();
    } while (page.length > 0 && found.size < orphansPerSweepMax);
    tally.orphans = found.size;
    for (const { bytes } of found.values()) tally.orphanBytes += bytes;
    if (found.size > 0 && !isRootKnown) throw strangeRoot(found.size);
    return found;
  }

  async #isDead(incarnation: Incarnation): Promise<boolean> {
    const { catalog, storage } = this.#options;
    const record = catalog.tail.get(serverKind, [incarnation]);
    if (record === undefined) {
      return (await storage.logs.end(serverLogName(incarnation))) !== undefined;
    }
    return mayBeDead(catalog.tail, incarnation);
  }

  /** Whether the catalog tells of the object in any way. */
  #isTold(view: CatalogView, object: string): boolean {
    return (
      this.#options.catalog.references.count(object) > 0 ||
      view.get(candidateKind, objectCandidate(object)) !== undefined ||
      view.get(sortedLogKind, [object]) !== undefined
    );
  }

  async #mark(orphans: readonly (Orphans extends ReadonlyMap<infer K, infer V> ? readonly [K, V] : never)[], tally: Tally): Promise<void> {
    const { catalog } = this.#options;
    for (let at = 0; at < orphans.length; at += batchMax) {
      this.#stopping.signal.throwIfAborted();
      const marked = catalog.transact((tx) => {
        this.#requireNothingQuarantined();
        const waiting = unrecoveredServer(tx);
        if (waiting !== undefined) {
          tally.withheld = `the log of server ${waiting} is not recovered yet`;
          return [];
        }
        // Across each await a reference may have come, or a registration.
        const rest = orphans
          .slice(at, at + batchMax)
          .filter(([object, { incarnation }]) => mayBeDead(tx, incarnation) && !this.#isTold(tx, object));
        for (const [object, { bytes }] of rest) {
          abandonObject(tx, catalog.references, object, bytes);
        }
        return rest;
      });
      await marked.durable();
      tally.marked += marked.value.length;
      for (const [, { bytes }] of marked.value) tally.markedBytes += bytes;
    }
  }

  #requireNothingQuarantined(): void {
    const { quarantined, references } = this.#options.catalog;
    if (references.isComplete && quarantined.length === 0) return;
    throw new CadastreError(
      'corruption',
      'a quarantined catalog record may tell of objects, so nobody knows what is an orphan',
      { nextStep: 'repair or delete the quarantined records' },
    );
  }
}
