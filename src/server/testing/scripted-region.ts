// A region that does what a test says: for tests of what the server does around regions. It has no
// cells; scans are scripts of page endings, closes end when the test says so.

import type { CadastreError } from '../../base/errors.js';
import type { Generation, RegionId, Sequence, TableId } from '../../base/ids.js';
import { familyDescriptor } from '../../base/table.js';
import type { RegionInfo, TableDescriptor } from '../../base/table.js';
import type { OpenRegion } from '../../wire/internal.js';
import type {
  MutateDone,
  MutateOutcome,
  OpenRegionOptions,
  Region,
  RegionMetrics,
  RegionScanner,
  RegionState,
  ResultSink,
  ScanLimits,
  ScanState,
} from '../../region/api.js';

export const table: TableDescriptor = {
  name: { namespace: 'default', qualifier: 't' },
  families: [familyDescriptor('f')],
  attributes: {},
};

export function regionInfo(id = 11): RegionInfo {
  return {
    tableId: 7 as TableId,
    table: table.name,
    regionId: id as RegionId,
    startKey: Buffer.alloc(0),
    endKey: Buffer.alloc(0),
  };
}

/** An order to open region `id`. */
export function openOrder(id: number, generation: number): OpenRegion {
  return {
    kind: 'open',
    region: regionInfo(id),
    table,
    generation: generation as Generation,
    openSequenceMin: 1 as Sequence,
    files: [],
    slices: [],
    nonces: [],
  };
}

/** A promise that a test settles. */
export class Gate<T = void> {
  readonly promise: Promise<T>;
  #resolve: ((value: T) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  open(value: T): void {
    this.#resolve?.(value);
  }

  fail(error: unknown): void {
    this.#reject?.(error);
  }
}

/** One call of `next`: takes the sink, says how the page ended. */
export type Page = (limits: ScanLimits, sink: ResultSink) => ScanState | Promise<ScanState>;

export class ScriptedScanner implements RegionScanner {
  readonly readPoint = 5;
  rowsScanned = 0;
  rowsFiltered = 0;
  currentRow: Buffer | undefined;
  closes = 0;
  readonly limits: ScanLimits[] = [];
  readonly #pages: Page[];

  constructor(pages: readonly Page[]) {
    this.#pages = [...pages];
  }

  get isClosed(): boolean {
    return this.closes > 0;
  }

  next(limits: ScanLimits, sink: ResultSink): ScanState | Promise<ScanState> {
    if (this.isClosed) throw new Error('a closed scanner is asked for more');
    this.limits.push(limits);
    return this.#pages.shift()?.(limits, sink) ?? 'exhausted';
  }

  close(): void {
    this.closes++;
  }
}

export class ScriptedRegion implements Region {
  readonly info: RegionInfo;
  readonly descriptor = table;
  readonly generation: Generation;
  readonly openSequence = 9 as Sequence;
  readonly readPoint = 5;
  readonly onFenced: ((error: CadastreError) => void) | undefined;
  state: RegionState = 'open';
  memstoreBytes = 0;
  /** One for each call of `close`, in order. */
  readonly closes: { readonly flush: boolean }[] = [];
  /** What a close with a flush waits for. */
  flushGate: Promise<unknown> = Promise.resolve();
  readonly compactions: { readonly major: boolean; readonly family?: string }[] = [];
  flushes = 0;
  scanner = new ScriptedScanner([]);

  constructor(options: Pick<OpenRegionOptions, 'info' | 'generation' | 'onFenced'>) {
    this.info = options.info;
    this.generation = options.generation;
    this.onFenced = options.onFenced;
  }

  get metrics(): RegionMetrics {
    return {
      memstoreBytes: this.memstoreBytes,
      storeFiles: 0,
      storeBytes: 0,
      storeEntries: 0,
      reads: 0,
      writes: 0,
      cellsScanned: 0,
      flushedSequence: 0 as Sequence,
      lastFlushAtMs: 0,
      lastMajorCompactionAtMs: 0,
      compacting: 'none',
      openScanners: 0,
    };
  }

  get(): void {}

  openScanner(): RegionScanner {
    return this.scanner;
  }

  mutate(_mutations: unknown, _condition: unknown, done: MutateDone): void {
    done(undefined, { processed: true, cells: [] });
  }

  mutateMany(mutations: readonly unknown[], done: (all: readonly MutateOutcome[]) => void): void {
    done(mutations.map(() => ({ processed: true, cells: [] })));
  }

  flush(): Promise<boolean> {
    this.flushes++;
    return Promise.resolve(true);
  }

  compact(options: { readonly major: boolean; readonly family?: string }): Promise<void> {
    this.compactions.push(options);
    return Promise.resolve();
  }

  splitPoint(): Promise<Buffer | undefined> {
    return Promise.resolve(undefined);
  }

  async close(options: { readonly flush: boolean }): Promise<void> {
    this.closes.push(options);
    if (options.flush) await this.flushGate;
    this.state = 'closed';
  }

  /** As the engine does it when a commit is refused. */
  fence(error: CadastreError): void {
    this.state = 'fenced';
    this.onFenced?.(error);
  }
}
