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
import type { Catalog, CatalogView, Transaction } from '../../catalog/api.js';
import { abandonObject } from '../../catalog/references.js';
import { candidateKind, objectCandidate } from '../../catalog/records/deletion.js';
import { logKind, sortedLogKind } from '../../catalog/records/logs.js';
import { serverKind } from '../../catalog/records/servers.js';
import type { LogStore } from '../../storage/log.js';
import { parseObjectName, serverLogName } from '../../storage/names.js';
import type { Clock, Timer } from '../../world/clock.js';
import type { Logger } from '../../world/log.js';
import type { ObjectInfo, ObjectStore } from '../../world/object-store.js';
import type { Service } from '../../world/world.js';
import { batchMax, orphansPerSweepMax, sweepEveryMs, sweepFirstMs, sweepPage } from './limits.js';

export interface OrphanSweepOptions {
  readonly catalog: Catalog;
  readonly storage: {
    readonly objects: Pick<ObjectStore, 'list'>;
    readonly logs: Pick<LogStore, 'end'>;
  };
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

interface Orphan {
  readonly object: string;
  readonly incarnation: Incarnation;
  readonly bytes: number;
}

type Tally = {
  -readonly [Field in Exclude<keyof SweepReport, 'sweep' | 'aborted'>]: SweepReport[Field];
};

const dataPrefix = 'data/';

export class OrphanSweep implements Service {
  readonly #options: OrphanSweepOptions;
  readonly #stopping = new AbortController();
  #sweeps = 0;
  /** What the sweep before found, if it ended well. */
  #suspects: ReadonlySet<string> = new Set();
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
    this.#suspects = new Set();
    let aborted: CadastreError | undefined;
    try {
      const found = await this.#find(tally);
      const again = found.filter(({ object }) => before.has(object));
      await this.#mark(again, tally);
      this.#suspects = new Set(found.map(({ object }) => object));
      log.info('swept for orphans', { sweep, ...tally });
    } catch (error) {
      aborted = asCadastreError(error);
      if (!this.#stopping.signal.aborted) {
        log.error('a sweep for orphans ended early', { sweep, ...tally }, error);
      }
    }
    return { sweep, ...tally, aborted };
  }

  /** At most `orphansPerSweepMax`: the first in order, so that the next sweep finds them again. */
  async #find(tally: Tally): Promise<readonly Orphan[]> {
    const { catalog, clock, storage } = this.#options;
    const found: Orphan[] = [];
    const dead = new Map<Incarnation, boolean>();
    let isOurs = false;
    let page: readonly ObjectInfo[];
    let after: string | undefined;
    do {
      this.#requireNothingQuarantined();
      page = await storage.objects.list(dataPrefix, after, sweepPage);
      this.#stopping.signal.throwIfAborted();
      after = page.at(-1)?.key;
      for (const { key: object, bytes } of page) {
        if (found.length >= orphansPerSweepMax) break;
        tally.listed++;
        // What no server named is nobody's to judge.
        const incarnation = parseObjectName(object)?.incarnation;
        if (incarnation === undefined) continue;
        const isTold = this.#isTold(catalog.tail, object);
        isOurs ||= isTold || catalog.tail.get(serverKind, [incarnation]) !== undefined;
        if (isTold) continue;
        const isDead = dead.get(incarnation) ?? (await this.#isDead(incarnation));
        dead.set(incarnation, isDead);
        if (isDead) found.push({ object, incarnation, bytes });
      }
      await clock.yield();
    } while (page.length > 0 && found.length < orphansPerSweepMax);
    tally.orphans = found.length;
    tally.orphanBytes = bytesOf(found);
    if (found.length > 0 && !isOurs) throw strangeRoot(found.length);
    return found;
  }

  async #isDead(incarnation: Incarnation): Promise<boolean> {
    const { catalog, storage } = this.#options;
    if (catalog.tail.get(serverKind, [incarnation]) !== undefined) {
      return !mayLive(catalog.tail, incarnation);
    }
    // Forgotten, or of the world before a restore; without a seal it may be about to register.
    return (await storage.logs.end(serverLogName(incarnation))) !== undefined;
  }

  /** Whether the catalog tells of the object in any way. */
  #isTold(view: CatalogView, object: string): boolean {
    return (
      this.#options.catalog.references.count(object) > 0 ||
      view.get(candidateKind, objectCandidate(object)) !== undefined ||
      view.get(sortedLogKind, [object]) !== undefined
    );
  }

  async #mark(orphans: readonly Orphan[], tally: Tally): Promise<void> {
    for (let at = 0; at < orphans.length; at += batchMax) {
      this.#stopping.signal.throwIfAborted();
      const marked = this.#options.catalog.transact((tx) => {
        this.#requireNothingQuarantined();
        const waiting = unrecoveredServer(tx);
        if (waiting === undefined) return this.#markBatch(tx, orphans.slice(at, at + batchMax));
        tally.withheld = `the log of server ${waiting} is not recovered yet`;
        return [];
      });
      await marked.durable();
      tally.marked += marked.value.length;
      tally.markedBytes += bytesOf(marked.value);
    }
  }

  #markBatch(tx: Transaction, batch: readonly Orphan[]): readonly Orphan[] {
    // While the sweep awaited something, a reference may have come, or a registration.
    const still = batch.filter(
      ({ object, incarnation }) => !mayLive(tx, incarnation) && !this.#isTold(tx, object),
    );
    for (const { object, bytes } of still) {
      abandonObject(tx, this.#options.catalog.references, object, bytes);
    }
    return still;
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

/** Whether a record says that it is alive, or stops in good order. */
function mayLive(view: CatalogView, server: Incarnation): boolean {
  const state = view.get(serverKind, [server])?.state;
  return state === 'online' || state === 'stopping';
}

/** A dead server whose log still waits to be sorted, or for its slices to reach their regions. */
function unrecoveredServer(view: CatalogView): Incarnation | undefined {
  for (const { key } of view.scan(logKind)) {
    if (!mayLive(view, key[0])) return key[0];
  }
  return undefined;
}

function bytesOf(orphans: readonly Orphan[]): number {
  return orphans.reduce((sum, { bytes }) => sum + bytes, 0);
}

function strangeRoot(orphans: number): CadastreError {
  return new CadastreError(
    'corruption',
    `the catalog knows no object of this storage root and no server that wrote one; ` +
      `${orphans} objects are left as they are`,
    { nextStep: 'check that the catalog and the storage root belong together' },
  );
}
