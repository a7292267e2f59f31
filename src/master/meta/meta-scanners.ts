// Scanners of hbase:meta: pages of rows with the limits and end rules of HBase's scan protocol
// (research/wire-trace.md 3.14–3.25). A scanner remembers its position as a row, not as a cursor, so
// that it holds nothing of the catalog between two pages.
//
// A time range is not applied: a row's timestamp is when its region changed last by the master's
// clock, and a client whose clock is behind would otherwise not find its regions.

import type { Cell } from '../../base/cell.js';
import { CadastreError } from '../../base/errors.js';
import type { Scan, Selection } from '../../base/operations.js';
import type { ScanRequest, ScanResponse } from '../../wire/client-messages.js';
import { compareMetaRows } from '../../wire/meta-rows.js';
import type { Uint64 } from '../../wire/uint64.js';
import { formatUint64 } from '../../wire/uint64.js';
import type { Clock } from '../../world/clock.js';
import type { Random } from '../../world/random.js';
import { limits } from '../limits.js';
import type { MetaImage } from './meta-image.js';

interface Scanner {
  readonly id: Uint64;
  readonly scan: Scan;
  readonly sizeMax: number;
  /** The last row given. */
  after: Buffer | undefined;
  nextCall: number;
  usedAtMs: number;
}

interface Page {
  readonly cells: Cell[];
  readonly cellsPerResult: number[];
  readonly partialFlags: boolean[];
  /** Nothing more lies in the scan's range. */
  isEnd: boolean;
  rows: number;
}

export class MetaScanners {
  readonly #image: MetaImage;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #scanners = new Map<string, Scanner>();

  constructor(image: MetaImage, clock: Clock, random: Random) {
    this.#image = image;
    this.#clock = clock;
    this.#random = random;
  }

  get open(): number {
    return this.#scanners.size;
  }

  /** Answers any request of the scan protocol. */
  answer(request: ScanRequest, revision: number): ScanResponse {
    if (request.open !== undefined) {
      const scanner = this.#create(request.open.scan, request.open.sizeMax);
      const response = this.#page(scanner, request);
      return { ...response, leaseMs: limits.metaScannerLeaseMs, readPoint: revision };
    }
    const scanner = this.#find(request.scannerId);
    const { id } = scanner;
    scanner.usedAtMs = this.#clock.monotonic();
    if (request.nextCall !== undefined) this.#checkCall(scanner, request.nextCall);
    if (request.isRenewing) return { ...noRows, scannerId: id };
    if (request.isClosing && (request.rowsMax ?? 0) === 0) {
      this.#scanners.delete(keyOf(id));
      return { ...noRows, scannerId: id, moreResults: true, moreResultsInRegion: true };
    }
    return this.#page(scanner, request);
  }

  #create(scan: Scan, sizeMax: number): Scanner {
    refuseFilter(scan);
    this.#dropExpired();
    if (this.#scanners.size >= limits.metaScannersMax) {
      throw new CadastreError(
        'region-too-busy',
        `${this.#scanners.size} scanners of hbase:meta are open`,
        { nextStep: 'Close scanners, or try again when their leases are over.' },
      );
    }
    const id = { high: this.#random.u32(), low: this.#random.u32() };
    const usedAtMs = this.#clock.monotonic();
    const scanner = { id, scan, sizeMax, after: undefined, nextCall: 0, usedAtMs };
    this.#scanners.set(keyOf(id), scanner);
    return scanner;
  }

  #find(id: Uint64 | undefined): Scanner {
    const key = id === undefined ? '' : keyOf(id);
    const scanner = this.#scanners.get(key);
    if (scanner !== undefined) return scanner;
    throw new CadastreError('unknown-scanner', `Unknown scanner '${key}'. It was closed.`, {
      nextStep: 'Open a new one after the last row received.',
    });
  }

  #checkCall(scanner: Scanner, nextCall: number): void {
    if (nextCall === scanner.nextCall) {
      scanner.nextCall++;
      return;
    }
    throw new CadastreError(
      'out-of-order-scanner',
      `Expected nextCallSeq: ${scanner.nextCall} But the nextCallSeq got from client: ${nextCall}`,
      { nextStep: 'Open a new scanner after the last row received.' },
    );
  }

  #dropExpired(): void {
    const before = this.#clock.monotonic() - limits.metaScannerLeaseMs;
    for (const [key, { usedAtMs }] of this.#scanners) {
      if (usedAtMs < before) this.#scanners.delete(key);
    }
  }

  #page(scanner: Scanner, request: ScanRequest): ScanResponse {
    const limit = request.rowsLimit === 0 ? Infinity : request.rowsLimit;
    const rowsMax = Math.min(request.rowsMax ?? Infinity, limit, limits.metaRowsPerPage);
    const page = this.#read(scanner, rowsMax);
    const isLimitReached = page.rows >= limit;
    const isOver = page.isEnd || isLimitReached || request.isClosing;
    if (isOver) this.#scanners.delete(keyOf(scanner.id));
    return {
      cells: page.cells,
      cellsPerResult: page.cellsPerResult,
      partialFlags: page.partialFlags,
      scannerId: scanner.id,
      moreResults: !isLimitReached,
      moreResultsInRegion: !page.isEnd,
    };
  }

  #read(scanner: Scanner, rowsMax: number): Page {
    const { scan } = scanner;
    const page: Page = {
      cells: [],
      cellsPerResult: [],
      partialFlags: [],
      isEnd: false,
      rows: 0,
    };
    if (rowsMax === 0) return page;
    const bytesMax = Math.min(scanner.sizeMax, limits.metaBytesPerPage);
    let bytes = 0;
    let looked = 0;
    const start = scan.startRow.length === 0 ? undefined : scan.startRow;
    const rows = this.#image.rows({
      row: scanner.after ?? start,
      isInclusive: scanner.after === undefined && scan.includeStart,
      isReversed: scan.reversed,
    });
    for (const { row, cells } of rows) {
      if (isPast(scan, row)) break;
      scanner.after = row;
      const chosen = selectCells(cells, scan);
      if (chosen.length > 0) {
        addResults(page, chosen, scan.batch);
        page.rows++;
        for (const cell of chosen) bytes += cell.length;
      }
      const isFull = page.rows >= rowsMax || bytes >= bytesMax;
      if (isFull || ++looked >= limits.metaRowsPerPage) return page;
    }
    page.isEnd = true;
    return page;
  }
}

const noRows = { cells: [], cellsPerResult: [], partialFlags: [] };

function keyOf({ high, low }: Uint64): string {
  return formatUint64(high, low);
}

function isPast({ stopRow, includeStop, reversed }: Scan, row: Buffer): boolean {
  if (stopRow.length === 0) return false;
  const order = compareMetaRows(row, stopRow);
  if (order === 0) return !includeStop;
  return reversed ? order < 0 : order > 0;
}

/** A row's cells in one result, or in pieces of at most `batch`. */
function addResults(page: Page, cells: readonly Cell[], batch: number): void {
  const size = batch === 0 ? cells.length : batch;
  for (let at = 0; at < cells.length; at += size) {
    const piece = cells.slice(at, at + size);
    page.cells.push(...piece);
    page.cellsPerResult.push(piece.length);
    page.partialFlags.push(at + size < cells.length);
  }
}

/** The columns that are asked for. */
export function selectCells(cells: readonly Cell[], selection: Selection): readonly Cell[] {
  const { families } = selection;
  if (families.length === 0) return cells;
  return cells.filter((cell) =>
    families.some(
      ({ family, qualifiers }) =>
        family.equals(cell.family) &&
        (qualifiers.length === 0 || qualifiers.some((q) => q.equals(cell.qualifier))),
    ),
  );
}

export function refuseFilter({ filter }: Selection): void {
  if (filter === undefined) return;
  throw new CadastreError('not-supported', `hbase:meta takes no filters: ${filter.name}`, {
    nextStep: 'Read the rows and filter them yourself.',
  });
}
