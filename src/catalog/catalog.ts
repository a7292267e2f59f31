// The live catalog: the master's one transactional store, over one fenced log.
//
// `state = fold(log)`. A transaction changes the tail at once and the durable image when its record
// is durable; both are changed by the same writes in the same order. See api.ts for the invariants.

import { assert, present } from '../base/assert.js';
import { CadastreError } from '../base/errors.js';
import type { Epoch, RegionId, Revision, Timeline } from '../base/ids.js';
import type { Clock } from '../world/clock.js';
import type { Logger } from '../world/log.js';
import type { ProcessControl } from '../world/process.js';
import type { LogPosition, LogWriter } from '../storage/log.js';
import type {
  Catalog,
  CatalogChange,
  CatalogKey,
  CatalogStatistics,
  CatalogView,
  Committed,
  HeldView,
  QuarantinedRecord,
  RecordKind,
  RegionKey,
  Transaction,
} from './api.js';
import type { Queued } from './commits.js';
import { CommitQueue, CommittedTransaction } from './commits.js';
import { HeldViews, ImageView } from './held-views.js';
import { IdAllocator } from './ids.js';
import { Quarantined } from './image.js';
import type { Image } from './image.js';
import type { LoadedImage } from './load.js';
import { transactionBytesMax } from './limits.js';
import { RecordBuffer } from './record-codec.js';
import type { Write } from './record-codec.js';
import type { ReferenceChange, ReferenceCounts } from './references.js';
import { settleReferences } from './references.js';
import { regionKind } from './records/regions.js';
import { systemKind } from './records/system.js';
import { formatKey } from './tuple.js';
import { OpenTransaction } from './transaction.js';

interface CatalogParts {
  readonly clusterId: string;
  readonly epoch: Epoch;
  readonly clock: Clock;
  readonly process: ProcessControl;
  readonly log: Logger;
  readonly writer: LogWriter;
  readonly loaded: LoadedImage;
}

/** What a checkpoint is made from: the tail at one revision, and where the log goes on after it. */
export interface Cut {
  readonly image: Image;
  readonly revision: Revision;
  readonly position: LogPosition;
}

/** What the catalog knows of its checkpointer (checkpointer.ts). */
export interface Checkpoints {
  /** The last revision of the checkpoint that a restart would load. */
  readonly revision: Revision;
  readonly isRunning: boolean;
  /** Called after each durable transaction with the log bytes that no checkpoint covers. */
  logGrew(bytes: number): void;
  /** Writes a checkpoint, or joins the one that is being written. */
  run(): Promise<void>;
  /** Waits for the checkpoint that is being written, and starts no more. */
  stop(): Promise<void>;
}

type Listener = (write: Write, revision: Revision) => void;

export class LiveCatalog implements Catalog {
  readonly clusterId: string;
  readonly epoch: Epoch;
  readonly tail: CatalogView;
  readonly durable: CatalogView;
  readonly ids: IdAllocator;
  readonly references: ReferenceCounts;

  readonly #process: ProcessControl;
  readonly #log: Logger;
  readonly #writer: LogWriter;
  readonly #tail: Image;
  readonly #durable: Image;
  readonly #queue: CommitQueue;
  readonly #buffer = new RecordBuffer();
  readonly #held = new HeldViews();
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #regions: Map<RegionId, string>;
  readonly #quarantined: Map<string, Quarantined>;
  #tailRevision: Revision;
  #durableRevision: Revision;
  #logBytes = 0;
  #inBody = false;
  #isClosed = false;
  #checkpointer: Checkpoints | undefined;

  constructor(parts: CatalogParts) {
    const { loaded, writer } = parts;
    this.clusterId = parts.clusterId;
    this.epoch = parts.epoch;
    this.#process = parts.process;
    this.#log = parts.log;
    this.#writer = writer;
    this.#durable = loaded.image;
    this.#tail = loaded.image.clone();
    this.#tailRevision = loaded.revision;
    this.#durableRevision = loaded.revision;
    this.#logBytes = loaded.replayBytes;
    this.#regions = loaded.regions;
    this.#quarantined = loaded.quarantined;
    this.references = loaded.references;
    this.ids = new IdAllocator(loaded.image.get(systemKind, [])?.nextCounter ?? 1);
    this.tail = new ImageView(this.#tail, () => this.#tailRevision);
    this.durable = new ImageView(this.#durable, () => this.#durableRevision);
    this.#queue = new CommitQueue(writer, parts.log, (entry) => {
      this.#applyDurable(entry);
    });
    writer.onFailure((error) => {
      try {
        this.#fail(error);
      } catch {
        // A simulated exit leaves by an exception, which is no business of the log writer's.
      }
    });
  }

  /** Set once, by the opener: the checkpointer needs a catalog to write its own records. */
  attach(checkpointer: Checkpoints): void {
    assert(this.#checkpointer === undefined, 'a catalog has one checkpointer');
    this.#checkpointer = checkpointer;
  }

  get timeline(): Timeline {
    return present(this.#tail.get(systemKind, []), 'the catalog has a system record').timeline;
  }

  get quarantined(): readonly QuarantinedRecord[] {
    return [...this.#quarantined].map(([key, { type, version, body, reason }]) => ({
      key: formatKey(key),
      type,
      version,
      bytes: body.length,
      reason,
    }));
  }

  get statistics(): CatalogStatistics {
    return {
      records: this.#tail.size,
      tailRevision: this.#tailRevision,
      durableRevision: this.#durableRevision,
      replayBytes: this.#logBytes,
      checkpointRevision: this.#checkpointer?.revision ?? (0 as Revision),
      checkpointRunning: this.#checkpointer?.isRunning ?? false,
    };
  }

  transact<T>(body: (tx: Transaction) => T): Committed<T> {
    assert(!this.#inBody, 'transactions are not nested');
    if (this.#isClosed) {
      throw new CadastreError('stopped', 'the catalog is closed', {
        nextStep: 'ask the master that is active now',
      });
    }
    const revision = (this.#tailRevision + 1) as Revision;
    const tx = new OpenTransaction(this.#tail, revision);
    this.#inBody = true;
    let value: T;
    let references: readonly ReferenceChange[];
    try {
      value = body(tx);
      assert(!(value instanceof Promise), 'the body of a transaction is synchronous');
      references = settleReferences(tx, tx.writes, this.references);
      if (tx.writes.length > 0) this.#encode(tx);
    } catch (error) {
      tx.rollback();
      throw error;
    } finally {
      tx.end();
      this.#inBody = false;
    }
    if (tx.writes.length > 0) this.#commit(tx.writes, revision, references);
    return new CommittedTransaction(value, this.#tailRevision, this.#queue.last, this.#isDurable);
  }

  #encode(tx: OpenTransaction): void {
    const buffer = this.#buffer;
    buffer.startTransaction(this.epoch, tx.revision, tx.writes.length);
    for (const write of tx.writes) {
      buffer.addWrite(write);
      if (buffer.length > transactionBytesMax) throw tooLarge(buffer.length, tx.writes.length);
    }
  }

  /** Hands the encoded transaction to the log. From here on it cannot fail without ending us. */
  #commit(
    writes: readonly Write[],
    revision: Revision,
    references: readonly ReferenceChange[],
  ): void {
    const sequence = this.#append();
    this.#tailRevision = revision;
    this.#logBytes += this.#buffer.length;
    this.references.apply(references, writes);
    for (const write of writes) this.#indexRegion(write);
    this.#queue.add({ revision, sequence, writes, waiters: undefined });
  }

  #append(): number {
    try {
      return this.#writer.append(this.#buffer.bytes);
    } catch (error) {
      return this.#fail(error);
    }
  }

  #indexRegion({ key, kind, before, after }: Write): void {
    if (this.#quarantined.size > 0) this.#quarantined.delete(key);
    if (kind.type !== regionKind.type || (before === undefined) === (after === undefined)) return;
    const [, , region] = regionKind.decodeKey(key);
    if (after === undefined) this.#regions.delete(region);
    else this.#regions.set(region, key);
  }

  readonly #isDurable = (revision: Revision): boolean => revision <= this.#durableRevision;

  #applyDurable({ writes, revision }: Queued): void {
    for (const { key, after } of writes) this.#durable.set(key, after);
    this.#durableRevision = revision;
    if (this.#listeners.size > 0) {
      for (const write of writes) {
        for (const listener of this.#listeners.get(write.kind.name) ?? []) {
          this.#queue.contain(() => {
            listener(write, revision);
          });
        }
      }
    }
    this.#checkpointer?.logGrew(this.#logBytes);
  }

  load(): Promise<void> {
    // All records are in memory today; callers wait already, so that file lists can move out.
    return Promise.resolve();
  }

  at(revision: Revision = this.#durableRevision): HeldView {
    return this.#held.hold(revision, { revision: this.#durableRevision, image: this.#durable });
  }

  get oldestHeld(): Revision | undefined {
    return this.#held.oldest;
  }

  watch<Key extends CatalogKey, Value>(
    kind: RecordKind<Key, Value>,
    listener: (change: CatalogChange<Key, Value>) => void,
  ): { stop(): void } {
    const listeners = this.#listeners.get(kind.name) ?? new Set<Listener>();
    this.#listeners.set(kind.name, listeners);
    const added: Listener = (write, revision) => {
      listener({
        key: kind.decodeKey(write.key),
        before: decoded(write.before) as Value | undefined,
        after: write.after as Value | undefined,
        revision,
      });
    };
    listeners.add(added);
    return {
      stop: () => {
        listeners.delete(added);
      },
    };
  }

  whenDurable(done: () => void): void {
    const last = this.#queue.last;
    if (last === undefined) done();
    else (last.waiters ??= []).push(done);
  }

  regionKey(region: RegionId): RegionKey | undefined {
    const key = this.#regions.get(region);
    return key === undefined ? undefined : regionKind.decodeKey(key);
  }

  /** The tail as it is now. A checkpoint of it is of use only once `whenDurable` has told so. */
  cut(): Cut {
    return {
      image: this.#tail.clone(),
      revision: this.#tailRevision,
      position: this.#writer.position,
    };
  }

  /** A checkpoint took over everything before `cut`. */
  replayBytesFell(by: number): void {
    this.#logBytes -= by;
  }

  checkpoint(): Promise<void> {
    return present(this.#checkpointer, 'an open catalog has a checkpointer').run();
  }

  async close({ checkpoint }: { readonly checkpoint: boolean }): Promise<void> {
    if (this.#isClosed) return;
    if (checkpoint) {
      await this.checkpoint().catch((error: unknown) => {
        this.#log.warn('closing the catalog without a checkpoint', { reason: String(error) });
      });
    }
    await this.#checkpointer?.stop();
    this.#isClosed = true;
    await new Promise<void>((resolve) => {
      this.whenDurable(resolve);
    });
    await this.#writer.close();
  }

  /** L4: what is queued can be neither kept nor taken back, so the process ends (race P14). */
  #fail(error: unknown): never {
    this.#isClosed = true;
    const why = error instanceof Error ? error.message : String(error);
    this.#log.error('the catalog can write no more', { epoch: this.epoch }, error);
    return this.#process.exit(1, `the catalog's log of epoch ${this.epoch} failed: ${why}`);
  }
}

function decoded(value: unknown): unknown {
  return value instanceof Quarantined ? undefined : value;
}

function tooLarge(bytes: number, writes: number): CadastreError {
  return new CadastreError(
    'request-too-big',
    `a catalog transaction of ${writes} writes has over ${bytes} bytes, the limit is ${transactionBytesMax}`,
    { nextStep: 'make the change in batches under an id that nothing points to yet' },
  );
}
