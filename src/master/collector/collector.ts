// The one gate of L6: nothing else in Cadastre deletes data objects or releases logs.
//
// A cycle: the horizon first, then the candidates that died at or before it, and for each batch
//   1. one transaction marks them DELETING, re-checking there that nothing refers to them;
//   2. the storage root is asked again whose it is: cluster, timeline and epoch must be ours;
//   3. the objects are deleted, the logs released;
//   4. one transaction drops their rows.
//
// Invariants:
// 1. An object is deleted only while its row says DELETING, durably, and no reference to such an
//    object can be added. So what is referred to is never deleted (race S24).
// 2. A row is dropped only after its object is gone; a crash between leaves a DELETING row, which the
//    next cycle deletes again. So nothing leaks.
// 3. Whenever something cannot be known (a source of the horizon fails, a record with references is
//    quarantined, the root is not ours), the cycle ends without deleting.

import { CadastreError, asCadastreError } from '../../base/errors.js';
import type { Epoch, Timeline } from '../../base/ids.js';
import type { Catalog, Transaction } from '../../catalog/api.js';
import { isRangeNeeded } from '../../catalog/log-needs.js';
import type { CandidateKey, CandidateRecord } from '../../catalog/records/deletion.js';
import { candidateKind } from '../../catalog/records/deletion.js';
import type { LogPosition } from '../../storage/log.js';
import type { Storage } from '../../storage/storage.js';
import type { Clock, Timer } from '../../world/clock.js';
import type { Logger } from '../../world/log.js';
import type { Service } from '../../world/world.js';
import type { DeletionNote } from './explain.js';
import { Deletions } from './explain.js';
import type { Horizon, HorizonSource } from './horizon.js';
import { readHorizon } from './horizon.js';
import { batchMax, deletionsPerCycleMax, recordsPerTurn } from './limits.js';

/** Whose the storage root is, as its election register says now. */
export interface RootIdentity {
  readonly clusterId: string;
  readonly epoch: Epoch;
  readonly timeline: Timeline;
}

export interface CollectorOptions {
  readonly catalog: Catalog;
  readonly storage: Pick<Storage, 'objects' | 'logs'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly horizonSources: readonly HorizonSource[];
  /** Reads it from the storage, never from memory. */
  readonly readRoot: () => Promise<RootIdentity>;
  /** Pause between two cycles. */
  readonly everyMs: number;
}

export interface CycleReport {
  readonly cycle: number;
  readonly horizon: Horizon | undefined;
  readonly objectsDeleted: number;
  readonly bytesDeleted: number;
  readonly logsReleased: number;
  /** Candidates that the horizon still holds. */
  readonly held: number;
  /** Why the cycle ended early, deleting nothing more. */
  readonly aborted: CadastreError | undefined;
}

interface Candidate {
  readonly key: CandidateKey;
  readonly record: CandidateRecord;
}

type Tally = {
  -readonly [Field in 'objectsDeleted' | 'bytesDeleted' | 'logsReleased' | 'held']: number;
};

export class Collector implements Service {
  readonly #options: CollectorOptions;
  readonly #deletions = new Deletions();
  #cycles = 0;
  #running: Promise<CycleReport> | undefined;
  #timer: Timer | undefined;
  #pause: Timer | undefined;
  #isStopped = false;
  #last: CycleReport | undefined;

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** The last cycle that ended. */
  get lastCycle(): CycleReport | undefined {
    return this.#last;
  }

  get isPaused(): boolean {
    return this.#pause !== undefined;
  }

  /** Runs a cycle now and then from here on. */
  start(): void {
    const { clock, everyMs } = this.#options;
    this.#timer = clock.timer(everyMs, () => {
      if (this.isPaused) {
        this.start();
        return;
      }
      void this.collect().then(() => {
        if (!this.#isStopped) this.start();
      });
    });
  }

  /** Runs a cycle, or joins the one that runs. Never rejects: the report says what went wrong. */
  collect(): Promise<CycleReport> {
    this.#running ??= this.#cycle().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Resolves once the running cycle has ended; none starts by itself for `leaseMs`. */
  async pause(leaseMs: number): Promise<void> {
    this.#pause?.cancel();
    this.#pause = this.#options.clock.timer(leaseMs, () => {
      this.#pause = undefined;
    });
    await this.#running;
  }

  resume(): void {
    this.#pause?.cancel();
    this.#pause = undefined;
  }

  async drain(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  async stop(): Promise<void> {
    await this.drain();
    this.resume();
  }

  /** When and why an object was deleted, as far as this master remembers. */
  deletionOf(object: string): DeletionNote | undefined {
    return this.#deletions.get(object);
  }

  async #cycle(): Promise<CycleReport> {
    const cycle = ++this.#cycles;
    const tally: Tally = { objectsDeleted: 0, bytesDeleted: 0, logsReleased: 0, held: 0 };
    let horizon: Horizon | undefined;
    let aborted: CadastreError | undefined;
    try {
      horizon = await readHorizon(this.#options.catalog, this.#options.horizonSources);
      this.#requireCompleteReferences();
      const due = await this.#due(horizon, tally);
      for (let at = 0; at < due.length; at += batchMax) {
        await this.#collectBatch(due.slice(at, at + batchMax), horizon, cycle, tally);
      }
    } catch (error) {
      // The next cycle begins afresh; what was marked is deleted then.
      aborted = asCadastreError(error);
      this.#options.log.error('a cycle of the collector ended early', { cycle }, error);
    }
    this.#last = { cycle, horizon, ...tally, aborted };
    return this.#last;
  }

  #requireCompleteReferences(): void {
    if (this.#options.catalog.references.isComplete) return;
    throw new CadastreError(
      'corruption',
      'a quarantined catalog record may refer to objects, so nobody knows what can be deleted',
      { nextStep: 'repair or delete the quarantined records' },
    );
  }

  /** Candidates that may go, those that a crashed cycle left DELETING among them. */
  async #due(horizon: Horizon, tally: Tally): Promise<readonly Candidate[]> {
    const { catalog, clock } = this.#options;
    const due: Candidate[] = [];
    let seen = 0;
    for (const { key, value: record } of catalog.durable.scan(candidateKind)) {
      if (record.state === 'waiting' && record.death > horizon.revision) tally.held++;
      else if (due.push({ key, record }) >= deletionsPerCycleMax) break;
      if (++seen % recordsPerTurn === 0) await clock.yield();
    }
    return due;
  }

  async #collectBatch(
    batch: readonly Candidate[],
    horizon: Horizon,
    cycle: number,
    tally: Tally,
  ): Promise<void> {
    const { catalog, clock } = this.#options;
    const marked = catalog.transact((tx) =>
      batch.flatMap(({ key }) => this.#mark(tx, key, horizon) ?? []),
    );
    await marked.durable();
    await this.#requireOurRoot();
    await this.#delete(marked.value, tally);
    for (const { key, record } of marked.value) {
      this.#deletions.add(key[1], { cycle, atMs: clock.now(), death: record.death });
    }
    await catalog
      .transact((tx) => {
        for (const { key, record } of marked.value) {
          const now = tx.get(candidateKind, key);
          if (now?.state === 'deleting' && now.death === record.death)
            tx.delete(candidateKind, key);
        }
      })
      .durable();
  }

  /** Marks one candidate, unless something came between the plan and now. */
  #mark(tx: Transaction, key: CandidateKey, horizon: Horizon): Candidate | undefined {
    const { catalog, log } = this.#options;
    const record = tx.get(candidateKind, key);
    if (record === undefined) return undefined;
    const [, name] = key;
    const isNeeded =
      record.until === undefined
        ? catalog.references.count(name) > 0
        : isRangeNeeded(tx, name, record.until);
    if (isNeeded) {
      // Only after a record with references was quarantined when the others were dropped, and could
      // be read again later. The object is live: it becomes a candidate again when that ends.
      log.error('L6: a candidate is referred to', { object: name, state: record.state });
      if (record.state === 'waiting') tx.delete(candidateKind, key);
      return undefined;
    }
    if (record.state === 'deleting') return { key, record };
    if (record.death > horizon.revision) return undefined;
    this.#requireCompleteReferences();
    const deleting: CandidateRecord = { ...record, state: 'deleting' };
    tx.put(candidateKind, key, deleting);
    return { key, record: deleting };
  }

  async #requireOurRoot(): Promise<void> {
    const { catalog, readRoot } = this.#options;
    const { clusterId, epoch, timeline } = await readRoot();
    if (
      clusterId === catalog.clusterId &&
      epoch === catalog.epoch &&
      timeline === catalog.timeline
    ) {
      return;
    }
    const ours = `${catalog.clusterId}, epoch ${catalog.epoch}, timeline ${catalog.timeline}`;
    throw new CadastreError(
      'stale-epoch',
      `the storage root belongs to ${clusterId}, epoch ${epoch}, timeline ${timeline}; we are ${ours}`,
      { nextStep: 'let the other master go on, and stop this one' },
    );
  }

  async #delete(candidates: readonly Candidate[], tally: Tally): Promise<void> {
    const { objects, logs } = this.#options.storage;
    const keys: string[] = [];
    // The ranges of a log stand in order, so that its last one here is the highest.
    const releases = new Map<string, LogPosition>();
    for (const { key, record } of candidates) {
      if (record.until === undefined) keys.push(key[1]);
      else releases.set(key[1], record.until);
    }
    if (keys.length > 0) await objects.delete(keys);
    for (const [log, until] of releases) await logs.release(log, until);
    tally.objectsDeleted += keys.length;
    tally.logsReleased += releases.size;
    for (const { record } of candidates) tally.bytesDeleted += record.bytes;
  }
}
