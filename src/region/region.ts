// One open region: reads, writes, flushes, compactions over its stores.
//
// States: open → closing → closed, or → fenced from any of the first two. Fenced means that the
// region is, or may be, someone else's: a commit was refused or the log failed. What is not open
// answers every request with `region-not-serving`.

import { CadastreError } from '../base/errors.js';
import type { Generation, Revision, Sequence } from '../base/ids.js';
import type { Condition, Get, Mutation, Scan } from '../base/operations.js';
import { regionContains, type RegionInfo, type TableDescriptor } from '../base/table.js';
import type { Clock } from '../world/clock.js';
import type { Random } from '../world/random.js';
import type {
  MutateDone,
  MutateOutcome,
  OpenRegionOptions,
  Region,
  RegionMetrics,
  RegionScanner,
  RegionState,
  ResultSink,
} from './api.js';
import { CommitLine } from './commit-line.js';
import { Compactor, type CompactionKind } from './compactor.js';
import { Flusher } from './flusher.js';
import { rowOfKey } from './hfile/key.js';
import type { RegionHost } from './host.js';
import type { HostedRegion } from './hosted-region.js';
import { regionLimits } from './limits.js';
import { MutationCheck } from './mutation-check.js';
import { loadRegion, type LoadedRegion } from './open.js';
import { openGet, openScan, readAll, readFirst } from './reads.js';
import { RegionViews, type RegionView } from './region-views.js';
import { Retry } from './retry.js';
import { OpenScanner } from './scanner.js';
import type { SharedLog } from './shared-log.js';
import type { StoreView } from './store-view.js';
import { WritePath, type WriteTarget } from './writes.js';

/**
 * Opens the region's files, replays its slices and registers it with the host. Rejects with
 * `corruption`, `object-missing` or as the store does; nothing is left behind then.
 */
export async function openRegion(host: RegionHost, options: OpenRegionOptions): Promise<Region> {
  const loaded = await loadRegion(host, options);
  const region = new OpenedRegion(host, options, loaded);
  host.register(region);
  region.noteWrite();
  return region;
}

class OpenedRegion implements Region, HostedRegion, WriteTarget {
  readonly info: RegionInfo;
  readonly descriptor: TableDescriptor;
  readonly generation: Generation;
  readonly openSequence: Sequence;
  readonly check: MutationCheck;
  readonly #host: RegionHost;
  readonly #onFenced: ((error: CadastreError) => void) | undefined;
  readonly #views: RegionViews;
  readonly #writes: WritePath;
  readonly #commits: CommitLine;
  readonly #flusher: Flusher;
  readonly #compactor: Compactor;
  readonly #scanners = new Set<OpenScanner>();
  readonly #stop = new AbortController();
  readonly #flushBytes: number;
  #state: RegionState = 'open';
  #memstoreBytes = 0;
  #flushedSequence: Sequence;
  #lastFlushAtMs: number;
  #reads = 0;
  #cellsScanned = 0;

  constructor(host: RegionHost, options: OpenRegionOptions, loaded: LoadedRegion) {
    const { services, context } = host;
    const { settings } = services;
    this.info = options.info;
    this.descriptor = options.descriptor;
    this.generation = options.generation;
    this.openSequence = loaded.openSequence;
    this.#host = host;
    this.#onFenced = options.onFenced;
    this.#flushedSequence = loaded.flushedSequence;
    this.#lastFlushAtMs = services.clock.now();
    this.#flushBytes = settings.get('hbase.hregion.memstore.flush.size');
    const cellBytesMax = settings.get('hbase.client.keyvalue.maxsize');
    this.check = new MutationCheck(options.info, options.descriptor, cellBytesMax);
    const views = new RegionViews(loaded.stores, options.revision, host.cache);
    this.#views = views;
    this.#writes = new WritePath(this, loaded.openSequence, loaded.nonces);
    const { regionId } = options.info;
    const log = services.log.with({ region: regionId });
    const { clock, random } = services;
    const retry = new Retry({ clock, random, log }, this.#stop.signal);
    const commits = new CommitLine(services.committer, regionId, options.generation, retry);
    this.#commits = commits;
    const fence = (error: CadastreError): void => this.fence(error);
    const parts = { services, log, context, views, commits, retry, fence };
    this.#compactor = new Compactor(parts);
    this.#flusher = new Flusher(
      {
        ...parts,
        sequence: () => this.#writes.sequence,
        whenDurable: () => this.#whenDurable(),
        nonces: () => this.#writes.nonces.live(),
        onBegin: () => host.log.beginFlush(regionId),
        onEnd: (flushed) => this.#endFlush(flushed),
      },
      loaded.slices,
    );
  }

  get regionId() {
    return this.info.regionId;
  }
  get state(): RegionState {
    return this.#state;
  }
  get readPoint(): number {
    return this.#writes.acks.readPoint;
  }
  get log(): SharedLog {
    return this.#host.log;
  }
  get clock(): Clock {
    return this.#host.services.clock;
  }
  get random(): Random {
    return this.#host.services.random;
  }
  get stores(): readonly StoreView[] {
    return this.#views.stores;
  }
  get activeBytes(): number {
    return this.#views.activeBytes;
  }
  get oldestRevisionInUse(): Revision | undefined {
    return this.#views.oldestRevisionInUse(this.#commits.isBusy);
  }
  get isBlocked(): boolean {
    const filesMax = this.#host.services.settings.get('hbase.hstore.blockingStoreFiles');
    if (!this.stores.some(({ files }) => files.length >= filesMax)) return false;
    // Without a compaction to wait for, waiting would not help.
    return this.#compactor.running !== 'none' || this.#compactor.wantsMinor;
  }
  get unflushedSinceMs(): number | undefined {
    return this.#views.hasCells || this.#flusher.hasSlices ? this.#lastFlushAtMs : undefined;
  }
  get wantsMinorCompaction(): boolean {
    return this.#state === 'open' && this.#compactor.wantsMinor;
  }

  get metrics(): RegionMetrics {
    const refs = this.stores.flatMap(({ files }) => files.map(({ ref }) => ref));
    return {
      memstoreBytes: this.#memstoreBytes,
      storeFiles: refs.length,
      storeBytes: refs.reduce((sum, ref) => sum + ref.visibleBytes, 0),
      storeEntries: refs.reduce((sum, ref) => sum + ref.visibleEntries, 0),
      reads: this.#reads,
      writes: this.#writes.count,
      cellsScanned: this.#cellsScanned,
      flushedSequence: this.#flushedSequence,
      lastFlushAtMs: this.#lastFlushAtMs,
      lastMajorCompactionAtMs: this.#compactor.lastMajorAtMs,
      compacting: this.#compactor.running,
      openScanners: this.#scanners.size,
    };
  }

  get(get: Get, sink: ResultSink): void | Promise<void> {
    this.#assertOpen();
    this.check.rowOfRead(get.row);
    for (const { family } of get.families) this.check.family(family);
    this.#reads++;
    const view = this.#views.hold();
    let reading: void | Promise<void> = undefined;
    try {
      const loop = openGet(this.#readContext(view, this.readPoint), get);
      reading = get.existenceOnly ? readFirst(loop, sink) : readAll(loop, sink);
    } finally {
      if (reading === undefined) this.#views.release(view);
    }
    return reading?.finally(() => this.#views.release(view));
  }

  openScanner(scan: Scan): RegionScanner {
    this.#assertOpen();
    for (const { family } of scan.families) this.check.family(family);
    this.#reads++;
    // The reader may ask for an older state, never for what is not durable yet (L4).
    const readPoint =
      scan.readPoint > 0 ? Math.min(scan.readPoint, this.readPoint) : this.readPoint;
    const view = this.#views.hold();
    try {
      const loop = openScan(this.#readContext(view, readPoint), scan);
      const scanner: OpenScanner = new OpenScanner(loop, readPoint, {
        onCells: (cells) => {
          this.#cellsScanned += cells;
        },
        onClose: () => {
          this.#scanners.delete(scanner);
          this.#views.release(view);
        },
      });
      this.#scanners.add(scanner);
      return scanner;
    } catch (error) {
      this.#views.release(view);
      throw error;
    }
  }

  mutate(
    mutations: Mutation | readonly Mutation[],
    condition: Condition | undefined,
    done: MutateDone,
  ): void {
    this.#writes.mutate(mutations, condition, done);
  }

  mutateMany(
    mutations: readonly Mutation[],
    done: (outcomes: readonly MutateOutcome[]) => void,
  ): void {
    this.#writes.mutateMany(mutations, done);
  }

  flush(): Promise<boolean> {
    return this.#flusher.flush();
  }

  async compact(options: { readonly major: boolean; readonly family?: string }): Promise<void> {
    this.#assertOpen();
    const { major, ...rest } = options;
    if (rest.family !== undefined) this.check.family(Buffer.from(rest.family));
    await this.#host.compact(this, { kind: major ? 'major' : 'minor', ...rest });
  }

  compactNow(what: CompactionKind): Promise<number> {
    return this.#state === 'open' ? this.#compactor.compact(what) : Promise.resolve(0);
  }

  wantsMajorCompactionByAge(): boolean {
    return this.#state === 'open' && this.#compactor.wantsMajorByAge();
  }

  async splitPoint(): Promise<Buffer | undefined> {
    const files = this.stores.flatMap((store) => store.files);
    files.sort((a, b) => b.ref.visibleBytes - a.ref.visibleBytes);
    for (const { reader } of files) {
      const key = await reader.midKey();
      const row = key === undefined ? undefined : Buffer.from(rowOfKey(key));
      // A shared file's middle may be outside of what this region sees of it.
      if (row === undefined || row.equals(this.info.startKey)) continue;
      if (regionContains(this.info, row)) return row;
    }
    return undefined;
  }

  async close(options: { readonly flush: boolean }): Promise<void> {
    if (this.#state === 'open') this.#state = 'closing';
    for (const scanner of this.#scanners) scanner.closeBy(this.#notServing());
    try {
      if (this.#state === 'closing') await this.#settle(options.flush);
    } finally {
      this.#stop.abort();
      this.#host.leave(this);
      this.#host.noteMemory(this, -this.#memstoreBytes);
      this.#memstoreBytes = 0;
    }
  }

  async #settle(flushes: boolean): Promise<void> {
    await this.#whenDurable();
    if (flushes) await this.#flusher.flush();
    // What is not flushed is still needed of the log: a recovery will ask for it.
    if (!this.#views.hasCells) this.#host.log.forget(this.regionId);
    this.#state = 'closed';
  }

  assertWritable(): void {
    this.#assertOpen();
    const { overload } = this.#host;
    if (overload !== undefined) throw tooBusy(overload);
    const bytesMax = this.#flushBytes * regionLimits.blockMultiplier;
    if (this.#memstoreBytes <= bytesMax) return;
    this.#host.requestFlush(this);
    throw tooBusy(
      `unflushed writes of the region hold ${this.#memstoreBytes} bytes, above ${bytesMax}`,
    );
  }

  noteWrite(): void {
    const bytes = this.#views.activeBytes + this.#views.snapshotBytes;
    if (bytes !== this.#memstoreBytes) {
      const grewBy = bytes - this.#memstoreBytes;
      this.#memstoreBytes = bytes;
      this.#host.noteMemory(this, grewBy);
    }
    this.#host.noteLog();
  }

  fence(error: CadastreError): void {
    if (this.#state === 'fenced' || this.#state === 'closed') return;
    this.#state = 'fenced';
    this.#stop.abort();
    for (const scanner of this.#scanners) scanner.closeBy(this.#notServing());
    this.#onFenced?.(error);
  }

  #endFlush(flushed: Sequence): void {
    this.#flushedSequence = flushed;
    this.#lastFlushAtMs = this.clock.now();
    this.#host.log.endFlush(this.regionId);
    this.noteWrite();
    this.#host.considerCompaction(this);
  }

  /** Rejects with `stopped` if the region ends first: a failed log acknowledges nothing. */
  #whenDurable(): Promise<void> {
    const { signal } = this.#stop;
    return new Promise((resolve, reject) => {
      const give = (): void => reject(new CadastreError('stopped', 'the region stopped'));
      if (signal.aborted) give();
      signal.addEventListener('abort', give, { once: true });
      void this.#writes.acks.whenIdle().then(() => {
        signal.removeEventListener('abort', give);
        resolve();
      });
    });
  }

  #readContext(view: RegionView, readPoint: number) {
    return { clock: this.clock, random: this.random, stores: view.stores, readPoint };
  }

  #assertOpen(): void {
    if (this.#state !== 'open') throw this.#notServing();
  }

  #notServing(): CadastreError {
    const { regionId } = this.info;
    return new CadastreError('region-not-serving', `the region ${regionId} is ${this.#state}`, {
      nextStep: 'Look up where it is now.',
    });
  }
}

function tooBusy(why: string): CadastreError {
  return new CadastreError('region-too-busy', why, { nextStep: 'Try again a little later.' });
}
