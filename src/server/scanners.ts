// The scanners that clients have open on this server: ids, order of calls, leases, pages.
// Source of the protocol: 3.14 to 3.24 of the wire trace.
//
// Invariants:
// 1. The calls of one scanner run one after the other, and in the order of their numbers.
// 2. A scanner not asked for longer than its lease is closed, and lets go of its files. One that is
//    closed while a page of it is read lets go when that is done.
// 3. A page never holds the event loop longer than a turn (L9): it goes on in the next one, and past
//    its deadline it is answered as a heartbeat.

import { CadastreError, asCadastreError } from '../base/errors.js';
import type { Settings } from '../base/settings.js';
import type { Region, RegionScanner, ScanLimits, ScanState } from '../region/api.js';
import type { Clock, Timer } from '../world/clock.js';
import type { Random } from '../world/random.js';
import type { ScanRequest, ScanResponse } from '../wire/client-messages.js';
import type { CellCodec } from '../wire/headers.js';
import type { Uint64 } from '../wire/uint64.js';
import { PageCollector } from './cell-collector.js';
import { serverLimits } from './limits.js';

interface OpenScanner {
  readonly id: Uint64;
  readonly key: string;
  readonly scanner: RegionScanner;
  readonly sizeMax: number;
  /** Asked for once, at the opening. */
  readonly wantsCursor: boolean;
  /** Number that the next "next" call must have. */
  nextCall: number;
  leaseUntilMs: number;
  isBusy: boolean;
}

/** What a call says of how to answer it. */
export interface ScanCaller {
  readonly codec: CellCodec;
  /** On the monotonic clock: past it a heartbeat is due. */
  readonly deadlineMs: number;
}

/** The client's own page size where it names none: HBase's default. */
const defaultPageBytes = 2 * 1_024 * 1_024;

export class Scanners {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #leaseMs: number;
  readonly #pageBytesMax: number;
  readonly #open = new Map<string, OpenScanner>();
  #counter = 0;
  #sweep: Timer | undefined;

  constructor(clock: Clock, random: Random, settings: Settings) {
    this.#clock = clock;
    this.#random = random;
    this.#leaseMs = settings.get('hbase.client.scanner.timeout.period');
    this.#pageBytesMax = settings.get('hbase.server.scanner.max.result.size');
  }

  get size(): number {
    return this.#open.size;
  }

  /** Opens a scan of `region` and gives its first page, if rows are asked for. */
  open(
    region: Region,
    open: NonNullable<ScanRequest['open']>,
    request: ScanRequest,
    from: ScanCaller,
  ): ScanResponse | Promise<ScanResponse> {
    if (this.#open.size >= serverLimits.scannersMax) {
      throw new CadastreError('region-too-busy', `${this.#open.size} scanners are open here`, {
        nextStep: 'Close scanners that are done, or try again later.',
      });
    }
    const id = { high: this.#random.u32(), low: (this.#counter = (this.#counter + 1) >>> 0) };
    const entry: OpenScanner = {
      id,
      key: keyOf(id),
      scanner: region.openScanner(open.scan),
      sizeMax: Math.min(open.sizeMax || defaultPageBytes, this.#pageBytesMax),
      wantsCursor: request.wantsCursor,
      nextCall: 0,
      leaseUntilMs: this.#clock.monotonic() + this.#leaseMs,
      isBusy: false,
    };
    this.#open.set(entry.key, entry);
    this.#startSweep();
    const first = { leaseMs: this.#leaseMs, readPoint: entry.scanner.readPoint };
    if (request.rowsMax === 0) {
      if (request.isClosing) this.#close(entry);
      return {
        ...emptyPage,
        scannerId: id,
        moreResults: true,
        moreResultsInRegion: true,
        ...first,
      };
    }
    return this.#page(entry, request, from, first);
  }

  /** A "next", a renewal or a closing of an open scanner. */
  go(request: ScanRequest, from: ScanCaller): ScanResponse | Promise<ScanResponse> {
    const id = request.scannerId;
    const entry = id === undefined ? undefined : this.#open.get(keyOf(id));
    if (id === undefined || entry === undefined) {
      const text = id === undefined ? '' : keyOf(id);
      // A scanner that ended by itself may be closed again: nothing is left to do.
      if (request.isClosing) return { ...emptyPage, moreResults: true, moreResultsInRegion: true };
      throw unknownScanner(text);
    }
    if (request.isClosing && request.rowsMax === 0) {
      this.#close(entry);
      return { ...emptyPage, scannerId: id, moreResults: true, moreResultsInRegion: true };
    }
    this.#checkOrder(entry, request);
    entry.leaseUntilMs = this.#clock.monotonic() + this.#leaseMs;
    if (request.isRenewing) return { ...emptyPage, scannerId: id };
    try {
      const page = this.#page(entry, request, from, {});
      return page instanceof Promise ? page.catch(throwReset) : page;
    } catch (error) {
      return throwReset(error);
    }
  }

  /** Closes all: the server stops. */
  stop(): void {
    for (const entry of this.#open.values()) this.#close(entry);
    this.#sweep?.cancel();
    this.#sweep = undefined;
  }

  #checkOrder(entry: OpenScanner, request: ScanRequest): void {
    const { nextCall } = request;
    if (entry.isBusy || (nextCall !== undefined && nextCall !== entry.nextCall)) {
      throw new CadastreError(
        'out-of-order-scanner',
        `Expected nextCallSeq: ${entry.nextCall} But the nextCallSeq got from client: ${nextCall ?? 'none'}`,
      );
    }
    if (nextCall !== undefined) entry.nextCall += 1;
  }

  #page(
    entry: OpenScanner,
    request: ScanRequest,
    from: ScanCaller,
    first: Pick<ScanResponse, 'leaseMs' | 'readPoint'>,
  ): ScanResponse | Promise<ScanResponse> {
    entry.isBusy = true;
    const sink = new PageCollector(from.codec);
    const before = countsOf(entry.scanner);
    const finish = (state: ScanState): ScanResponse => {
      this.#assertOpen(entry);
      entry.isBusy = false;
      entry.leaseUntilMs = this.#clock.monotonic() + this.#leaseMs;
      return { ...this.#answer(entry, request, sink, from, state, before), ...first };
    };
    const fail = (error: unknown): never => {
      this.#open.delete(entry.key);
      entry.isBusy = false;
      entry.scanner.close();
      throw error;
    };
    try {
      const state = this.#fill(entry, request, sink, from);
      return state instanceof Promise ? state.then(finish).catch(fail) : finish(state);
    } catch (error) {
      return fail(error);
    }
  }

  /** It may have been closed while a page of it was read. */
  #assertOpen({ key }: OpenScanner): void {
    if (!this.#open.has(key)) throw unknownScanner(key);
  }

  /** Reads until the page is full, giving way to other work after each turn. */
  #fill(
    entry: OpenScanner,
    request: ScanRequest,
    sink: PageCollector,
    from: ScanCaller,
  ): ScanState | Promise<ScanState> {
    const state = entry.scanner.next(this.#limits(entry, request, sink), sink);
    if (state === 'time-limit' || state instanceof Promise) {
      return this.#fillOn(state, entry, request, sink, from);
    }
    return state;
  }

  async #fillOn(
    pending: ScanState | Promise<ScanState>,
    entry: OpenScanner,
    request: ScanRequest,
    sink: PageCollector,
    from: ScanCaller,
  ): Promise<ScanState> {
    let state = await pending;
    while (state === 'time-limit') {
      // Time ran out within a row whose piece was the last one wanted.
      if (sink.cellsPerResult.length >= resultsWanted(request)) return 'partial';
      if (request.handlesHeartbeats && this.#clock.monotonic() >= from.deadlineMs) return state;
      await this.#clock.yield();
      this.#assertOpen(entry);
      state = await entry.scanner.next(this.#limits(entry, request, sink), sink);
    }
    return state;
  }

  #limits(entry: OpenScanner, request: ScanRequest, sink: PageCollector): ScanLimits {
    return {
      results: Math.max(1, resultsWanted(request) - sink.cellsPerResult.length),
      cells: Infinity,
      bytes: Math.max(1, entry.sizeMax - sink.block.length),
      untilMonotonicMs: this.#clock.monotonic() + serverLimits.scanTurnMs,
      partialResults: request.handlesPartials,
    };
  }

  #answer(
    entry: OpenScanner,
    request: ScanRequest,
    sink: PageCollector,
    from: ScanCaller,
    state: ScanState,
    before: Counts,
  ): ScanResponse {
    const { block, cellsPerResult, partialFlags } = sink;
    const rows = partialFlags.reduce((count, partial) => (partial ? count : count + 1), 0);
    const isLimitReached = request.rowsLimit > 0 && rows >= request.rowsLimit;
    const moreResults = !isLimitReached && state !== 'filter-done';
    const moreResultsInRegion = state !== 'exhausted';
    if (!moreResults || !moreResultsInRegion || request.isClosing) this.#close(entry);
    return {
      ...(from.codec === 'none' ? { cells: block.cells() } : { cells: [], block }),
      cellsPerResult,
      partialFlags,
      scannerId: entry.id,
      moreResults,
      moreResultsInRegion,
      ...(state === 'time-limit' ? heartbeatOf(entry) : {}),
      ...(request.tracksMetrics ? { metrics: metricsOf(entry.scanner, before) } : {}),
    };
  }

  #close(entry: OpenScanner): void {
    // A busy one is closed by its page, which finds it gone.
    if (this.#open.delete(entry.key) && !entry.isBusy) entry.scanner.close();
  }

  #startSweep(): void {
    this.#sweep ??= this.#clock.timer(this.#leaseMs / 2, () => {
      this.#sweep = undefined;
      const now = this.#clock.monotonic();
      for (const entry of this.#open.values()) {
        if (!entry.isBusy && entry.leaseUntilMs < now) this.#close(entry);
      }
      if (this.#open.size > 0) this.#startSweep();
    });
  }
}

const emptyPage = { cells: [], cellsPerResult: [], partialFlags: [] } as const;

function resultsWanted({ rowsMax, rowsLimit }: ScanRequest): number {
  return Math.min(rowsMax ?? Infinity, rowsLimit || Infinity);
}

/** With the row where the scan is, for clients that asked to know. */
function heartbeatOf({ wantsCursor, scanner }: OpenScanner) {
  const cursorRow = wantsCursor ? scanner.currentRow : undefined;
  return { isHeartbeat: true, ...(cursorRow === undefined ? {} : { cursorRow }) };
}

interface Counts {
  readonly scanned: number;
  readonly filtered: number;
}

function countsOf({ rowsScanned, rowsFiltered }: RegionScanner): Counts {
  return { scanned: rowsScanned, filtered: rowsFiltered };
}

/** Of one page: clients add up what the answers say. */
function metricsOf(scanner: RegionScanner, before: Counts): Readonly<Record<string, number>> {
  const { scanned, filtered } = countsOf(scanner);
  return { ROWS_SCANNED: scanned - before.scanned, ROWS_FILTERED: filtered - before.filtered };
}

/**
 * What a "next" meets has ended the scanner, so that asking it again is no use: clients open the scan
 * again at a reset (4.3 of the wire trace). Errors that tell them more are left as they are.
 */
function throwReset(error: unknown): never {
  const { code, message } = asCadastreError(error);
  if (code !== 'internal' && code !== 'storage-unavailable' && code !== 'object-missing')
    throw error;
  throw new CadastreError('scanner-reset', `the scan failed: ${message}`, {
    nextStep: 'Open the scan again after the last row.',
    cause: error,
  });
}

function unknownScanner(key: string): CadastreError {
  return new CadastreError('unknown-scanner', `Unknown scanner '${key}'.`, {
    nextStep: 'It was closed, or its lease ran out: open the scan again after the last row.',
  });
}

function keyOf({ high, low }: Uint64): string {
  return `${high}-${low}`;
}
