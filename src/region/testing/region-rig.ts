// A region without a cluster, for tests: memory for storage, a clock that the test moves, and a
// catalog of one region that takes commits by the master's rules.

import { Cell } from '../../base/cell.js';
import { CadastreError } from '../../base/errors.js';
import type { Generation, RegionId, Revision, Sequence, TableId } from '../../base/ids.js';
import type { Condition, Get, Mutation, Scan } from '../../base/operations.js';
import { Settings } from '../../base/settings.js';
import type { LogSlice, StoreCommit, StoreFileRef, UsedNonce } from '../../base/store-file.js';
import type { FamilyDescriptor, RegionInfo } from '../../base/table.js';
import type { Clock, Timer } from '../../world/clock.js';
import type { Logger } from '../../world/log.js';
import type { ObjectStore } from '../../world/object-store.js';
import type { Workers } from '../../world/workers.js';
import { SimRandom } from '../../world/simulated/random.js';
import type {
  CommitOutcome,
  MutateResult,
  Region,
  ResultSink,
  ScanLimits,
  StoreCommitter,
} from '../api.js';
import { MemoryObjects } from '../hfile/testing/memory-objects.js';
import { RegionHost } from '../host.js';
import { openRegion } from '../region.js';
import { sortLog } from '../sorted-log.js';
import { MemoryLogs, type MemoryLogWriter } from './memory-log.js';

export const startMs = 1_700_000_000_000;

/** Time that stands still until told otherwise. Turns and sleeps of background work pass at once. */
export class TestClock implements Clock {
  nowMs = startMs;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  now(): number {
    return this.nowMs;
  }
  monotonic(): number {
    return this.nowMs;
  }
  /** Moves time and runs what is due. */
  advance(ms: number): void {
    this.nowMs += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.nowMs);
    for (const { run } of due.sort((a, b) => a.atMs - b.atMs)) run();
  }
  timer(ms: number, run: () => void): Timer {
    const timer = { atMs: this.nowMs + ms, run };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }
  sleep(): Promise<void> {
    return Promise.resolve();
  }
  nextTurn(run: () => void): void {
    void Promise.resolve().then(run);
  }
  yield(): Promise<void> {
    return Promise.resolve();
  }
}

const silent: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silent,
};

/** What the catalog holds of the one region, and how it answers. */
export class OneRegionCatalog implements StoreCommitter {
  files: StoreFileRef[] = [];
  slices: LogSlice[] = [];
  nonces: readonly UsedNonce[] = [];
  flushed = 0 as Sequence;
  revision = 1 as Revision;
  generation = 1 as Generation;
  readonly commits: StoreCommit[] = [];
  /** Thrown by the next commits, one each; `lost`: taken, but the reply is lost. */
  readonly failures: ('before' | 'lost')[] = [];
  #lastNumber = 0;

  newGeneration(): void {
    this.generation = (this.generation + 1) as Generation;
    this.#lastNumber = 0;
  }

  async commit(
    _region: RegionId,
    generation: Generation,
    number: number,
    commit: StoreCommit,
  ): Promise<CommitOutcome> {
    await Promise.resolve();
    const failure = this.failures.shift();
    const unknown = new CadastreError('connection-lost', 'the outcome is unknown');
    if (failure === 'before') throw unknown;
    const outcome = this.#take(generation, number, commit);
    if (failure === 'lost') throw unknown;
    return outcome;
  }

  #take(generation: Generation, number: number, commit: StoreCommit): CommitOutcome {
    if (generation !== this.generation) return { kind: 'refused', reason: 'stale generation' };
    if (number <= this.#lastNumber) return { kind: 'taken', revision: this.revision };
    for (const object of commit.removed) {
      if (!this.files.some((file) => file.object === object)) {
        return { kind: 'refused', reason: `${object} is not listed` };
      }
    }
    this.#lastNumber = number;
    this.revision = (this.revision + 1) as Revision;
    const birth = this.revision;
    this.files = this.files
      .filter(({ object }) => !commit.removed.includes(object))
      .concat(commit.added.map((file) => ({ ...file, birth })));
    if (commit.flushedSequence !== undefined) this.flushed = commit.flushedSequence;
    if (commit.nonces !== undefined) this.nonces = commit.nonces;
    this.slices = this.slices.filter(({ object }) => !commit.replayedSlices.includes(object));
    this.commits.push(commit);
    return { kind: 'taken', revision: birth };
  }
}

/** A cell as tests compare it. */
export function show(cell: Cell): string {
  const stamp = cell.timestampApproximate;
  const name = `${cell.row.toString('latin1')}/${cell.family.toString('latin1')}:${cell.qualifier.toString('latin1')}`;
  return `${name}/${stamp}/${cell.type}=${cell.value.toString('latin1')}`;
}

/** Collects results as texts. */
export class TextSink implements ResultSink {
  readonly results: string[][] = [];
  readonly partials: boolean[] = [];
  #cells: string[] = [];

  cell(buffer: Buffer, offset: number, key: number, value: number, tags: number): void {
    this.#cells.push(show(new Cell(buffer, offset, key, value, tags)));
  }
  endResult(partial: boolean): void {
    this.results.push(this.#cells);
    this.partials.push(partial);
    this.#cells = [];
  }
  get cells(): string[] {
    return this.results.flat();
  }
}

export const unlimited: ScanLimits = {
  results: Infinity,
  cells: Infinity,
  bytes: Infinity,
  untilMonotonicMs: Infinity,
  partialResults: true,
};

export interface RigOptions {
  readonly families: readonly FamilyDescriptor[];
  readonly settings?: Readonly<Record<string, string>>;
  readonly startKey?: string;
  readonly endKey?: string;
  readonly objects?: ObjectStore;
}

export class RegionRig {
  readonly clock = new TestClock();
  readonly catalog = new OneRegionCatalog();
  readonly objects: ObjectStore;
  readonly logs = new MemoryLogs();
  readonly info: RegionInfo;
  readonly fenced: CadastreError[] = [];
  log: MemoryLogWriter;
  host: RegionHost;
  readonly #options: RigOptions;
  readonly #others = new Map<RegionId, OneRegionCatalog>();
  #region: Region | undefined;
  #logs = 0;
  #names = 0;

  constructor(options: RigOptions) {
    this.#options = options;
    this.objects = options.objects ?? new MemoryObjects();
    this.info = {
      tableId: 7 as TableId,
      table: { namespace: 'default', qualifier: 't' },
      regionId: 11 as RegionId,
      startKey: Buffer.from(options.startKey ?? ''),
      endKey: Buffer.from(options.endKey ?? ''),
    };
    this.log = this.#newLog();
    this.host = this.#newHost();
  }

  get region(): Region {
    if (this.#region === undefined) throw new Error('the region is not open');
    return this.#region;
  }

  async open(): Promise<Region> {
    this.#region = await openRegion(this.host, {
      info: this.info,
      descriptor: { name: this.info.table, families: this.#options.families, attributes: {} },
      generation: this.catalog.generation,
      files: this.catalog.files,
      revision: this.catalog.revision,
      slices: this.catalog.slices,
      openSequenceMin: (this.catalog.flushed + 1) as Sequence,
      nonces: this.catalog.nonces,
      onFenced: (error) => this.fenced.push(error),
    });
    return this.#region;
  }

  /** Another region of the same server, with a catalog of its own. */
  async openOther(): Promise<Region> {
    const catalog = new OneRegionCatalog();
    const regionId = (this.info.regionId + 1) as RegionId;
    this.#others.set(regionId, catalog);
    return openRegion(this.host, {
      info: { ...this.info, regionId },
      descriptor: { name: this.info.table, families: this.#options.families, attributes: {} },
      generation: catalog.generation,
      files: [],
      revision: catalog.revision,
      slices: [],
      openSequenceMin: 1 as Sequence,
      nonces: [],
    });
  }

  /** The server dies: its log is sealed and sorted, the region opens on another one. */
  async crash(): Promise<Region> {
    const { catalog } = this;
    const name = this.log.name;
    await this.logs.seal(name);
    this.host.stop();
    const sorted = await sortLog({
      logs: this.logs,
      objects: this.objects,
      clock: this.clock,
      name,
      object: this.#newName(),
      skip: new Map([[this.info.regionId, catalog.flushed]]),
      isOwned: () => true,
    });
    for (const { offset, bytes, entries, sequenceMax } of sorted.slices) {
      const { object } = sorted;
      const origin = this.info.regionId;
      const skipUpTo = catalog.flushed;
      const clip = undefined;
      catalog.slices.push({ object, origin, offset, bytes, entries, skipUpTo, sequenceMax, clip });
    }
    catalog.newGeneration();
    this.log = this.#newLog();
    this.host = this.#newHost();
    return this.open();
  }

  /** The region is closed and opened again by the same server. */
  async move(options: { readonly flush: boolean }): Promise<Region> {
    await this.region.close(options);
    this.catalog.newGeneration();
    return this.open();
  }

  mutate(mutations: Mutation | readonly Mutation[], condition?: Condition): Promise<MutateResult> {
    return new Promise((resolve, reject) => {
      this.region.mutate(mutations, condition, (error, result) => {
        if (error !== undefined) reject(error);
        else if (result !== undefined) resolve(result);
      });
    });
  }

  async get(get: Get): Promise<string[]> {
    const sink = new TextSink();
    await this.region.get(get, sink);
    return sink.cells;
  }

  /** Waits until nothing is flushed or compacted in the background. */
  async idle(): Promise<void> {
    for (;;) {
      const { flushesRunning, compactionsRunning, compactionsWaiting } = this.host.status;
      if (flushesRunning + compactionsRunning + compactionsWaiting === 0) return;
      await Promise.resolve();
    }
  }

  /** All results of a scan, page by page. */
  async scan(scan: Scan, limits: ScanLimits = unlimited): Promise<string[][]> {
    const scanner = this.region.openScanner(scan);
    const sink = new TextSink();
    for (;;) {
      const state = await scanner.next(limits, sink);
      if (state === 'exhausted' || state === 'filter-done') break;
    }
    scanner.close();
    return sink.results;
  }

  #newLog(): MemoryLogWriter {
    return this.logs.open(String(++this.#logs));
  }

  #newName(): string {
    return `data/${++this.#names}`;
  }

  #newHost(): RegionHost {
    const { clock, catalog, objects } = this;
    const workers: Workers = {
      run: (task, input) => task.run(structuredClone(input), { objects }),
      stop: () => Promise.resolve(),
    };
    return new RegionHost({
      objects,
      workers,
      clock,
      random: new SimRandom('rig'),
      log: silent,
      settings: Settings.parse(this.#options.settings ?? {}),
      writer: this.log,
      committer: {
        commit: (region, ...rest) => (this.#others.get(region) ?? catalog).commit(region, ...rest),
      },
      newObjectName: () => this.#newName(),
    });
  }
}
