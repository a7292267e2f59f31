// A scan over a table's regions, one open scanner at a time, the next answer asked for while the
// caller works on the last one.
//
// Invariants:
// 1. Rows come in order, each once, whatever fails meanwhile: after an error the scan opens again
//    behind what it has given out. It reads what is new then: a region that was opened elsewhere need
//    not have what an old read point shows (simulator, seed 157). Only a row of which pieces were given
//    out is gone on with at its read point, so that its pieces agree.
// 2. At most one answer is held beside the one that the caller has.

import { asCadastreError } from '../base/errors.js';
import type { Scan } from '../base/operations.js';
import type { ScanRequest, ScanResponse } from '../wire/client-messages.js';
import type { Uint64 } from '../wire/uint64.js';
import type { Attempts } from './attempts.js';
import { attemptsOf } from './context.js';
import type { ClientContext } from './context.js';
import { clientLimits } from './limits.js';
import type { Location } from './location-cache.js';
import { callScan, highPriority, plainScanRequest } from './region-calls.js';
import { RowAssembler } from './row-assembler.js';
import type { ScanPosition } from './row-assembler.js';
import type { Row } from './row.js';

export interface ScanPlan {
  readonly scan: Scan;
  /** Rows at most; 0: all. */
  readonly limit: number;
  /** Rows in one answer at most; undefined: as many as fit {@link clientLimits.scanAnswerBytes}. */
  readonly rowsPerAnswer: number | undefined;
}

const rowsMost = 0x7fffffff;

interface OpenScanner {
  readonly location: Location;
  readonly scannerId: Uint64;
  nextCall: number;
}

/** The rows of a scan, an answer's worth at a time; none of the lists is empty. */
export async function* scanPages(
  context: ClientContext,
  table: string,
  plan: ScanPlan,
): AsyncGenerator<readonly Row[], void, void> {
  const run = new ScanRun(context, table, plan);
  try {
    let next: Promise<readonly Row[] | undefined> = run.next();
    for (;;) {
      const rows = await next;
      if (rows === undefined) return;
      next = run.next();
      // Its failure is met at the next turn; until then it must not count as unhandled.
      next.catch(() => undefined);
      if (rows.length > 0) yield rows;
    }
  } finally {
    run.close();
  }
}

class ScanRun {
  readonly #context: ClientContext;
  readonly #table: string;
  readonly #plan: ScanPlan;
  readonly #rows: RowAssembler;
  readonly #attempts: Attempts;
  /** Where the next scanner is to be opened; undefined once the scan is over. */
  #position: ScanPosition | undefined;
  #open: OpenScanner | undefined;
  /** Read point of the region that was read last, for opening again in it. */
  #readPoint: { readonly region: Buffer; readonly point: number } | undefined;
  #isStopped = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(context: ClientContext, table: string, plan: ScanPlan) {
    this.#context = context;
    this.#table = table;
    this.#plan = plan;
    this.#rows = new RowAssembler(plan.scan.batch);
    this.#attempts = attemptsOf(context, `a scan of ${table}`);
    this.#position = { row: plan.scan.startRow, includeRow: plan.scan.includeStart };
  }

  /** The rows of the next answer, perhaps none; undefined at the end. */
  next(): Promise<readonly Row[] | undefined> {
    const answer = this.#next();
    this.#running = answer.catch(() => undefined);
    return answer;
  }

  /** Nothing is waited for: an answer under way may be long in coming, and nobody wants it. */
  close(): void {
    this.#isStopped = true;
    void this.#running.then(() => this.#closeScanner());
  }

  #closeScanner(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined || this.#context.isClosed()) return;
    const { scannerId, location } = open;
    const request = { ...plainScanRequest, scannerId, rowsMax: 0, isClosing: true };
    const options = { timeoutMs: clientLimits.registryTimeoutMs, priority: highPriority };
    // If this fails, the scanner's lease ends it.
    callScan(this.#context.rpc, location.server, request, options).catch(() => undefined);
  }

  async #next(): Promise<readonly Row[] | undefined> {
    while (this.#position !== undefined && !this.#isStopped) {
      try {
        const rows = await this.#attempt(this.#position);
        this.#attempts.progressed();
        return rows;
      } catch (error) {
        await this.#recover(asCadastreError(error));
      }
    }
    return undefined;
  }

  async #attempt(position: ScanPosition): Promise<readonly Row[]> {
    const location = this.#open?.location ?? (await this.#locate(position));
    let answer;
    try {
      answer = await this.#call(location, position);
    } catch (thrown) {
      const error = asCadastreError(thrown);
      await this.#context.locator.failed(this.#table, location, error, this.#attempts);
      throw error;
    }
    return this.#take(location, answer);
  }

  #locate({ row, includeRow }: ScanPosition): Promise<Location> {
    const { locator } = this.#context;
    if (!this.#plan.scan.reversed) return locator.holding(this.#table, row, this.#attempts);
    if (row.length === 0) return locator.before(this.#table, undefined, this.#attempts);
    return includeRow
      ? locator.holding(this.#table, row, this.#attempts)
      : locator.before(this.#table, row, this.#attempts);
  }

  #call(location: Location, position: ScanPosition): Promise<ScanResponse> {
    const { limit, rowsPerAnswer } = this.#plan;
    const left = limit === 0 ? 0 : limit - this.#rows.rows;
    const common = {
      ...plainScanRequest,
      rowsMax: rowsPerAnswer ?? rowsMost,
      rowsLimit: left,
    };
    const open = this.#open;
    const request: ScanRequest =
      open === undefined
        ? { ...common, open: this.#opening(location, position) }
        : { ...common, scannerId: open.scannerId, nextCall: open.nextCall++ };
    const timeoutMs = this.#attempts.callTimeoutMs();
    return callScan(this.#context.rpc, location.server, request, { timeoutMs });
  }

  #opening(location: Location, { row, includeRow }: ScanPosition): ScanRequest['open'] {
    const isSame = this.#rows.isInsideRow && this.#readPoint?.region.equals(location.name) === true;
    const scan: Scan = {
      ...this.#plan.scan,
      startRow: row,
      includeStart: includeRow,
      readPoint: isSame ? (this.#readPoint?.point ?? 0) : 0,
    };
    const region = { kind: 'name', value: location.name } as const;
    return { region, scan, sizeMax: clientLimits.scanAnswerBytes };
  }

  #take(location: Location, answer: ScanResponse): readonly Row[] {
    const rows = this.#rows.take(answer);
    if (answer.readPoint !== undefined) {
      this.#readPoint = { region: location.name, point: answer.readPoint };
    }
    const { limit } = this.#plan;
    const isEmpty = answer.cellsPerResult.length === 0 && answer.isHeartbeat !== true;
    const isRegionOver =
      answer.moreResultsInRegion === false || (isEmpty && answer.moreResultsInRegion === undefined);
    if (answer.moreResults === false || isRegionOver) {
      // The server has closed its scanner with this answer.
      this.#open = undefined;
      rows.push(...this.#rows.finishRow());
      const isOver = answer.moreResults === false || (limit > 0 && this.#rows.rows >= limit);
      this.#position = isOver ? undefined : this.#behind(location);
    } else {
      if (answer.scannerId !== undefined && this.#open === undefined) {
        this.#open = { location, scannerId: answer.scannerId, nextCall: 0 };
      }
      if (limit > 0 && this.#rows.rows >= limit) this.#position = undefined;
    }
    return rows;
  }

  /** Where the scan goes on behind a region; undefined at its end. */
  #behind({ region }: Location): ScanPosition | undefined {
    const { reversed, stopRow, includeStop } = this.#plan.scan;
    const edge = reversed ? region.startKey : region.endKey;
    if (edge.length === 0) return undefined;
    if (stopRow.length > 0) {
      const order = Buffer.compare(edge, stopRow);
      // Forward, the edge is the next region's first row; in reverse it was the last one read.
      if (reversed ? order <= 0 : order > 0 || (order === 0 && !includeStop)) return undefined;
    }
    return { row: edge, includeRow: !reversed };
  }

  async #recover(error: ReturnType<typeof asCadastreError>): Promise<void> {
    this.#open = undefined;
    await this.#attempts.after(error);
    const position = this.#rows.resume();
    if (position === undefined || this.#position === undefined) return;
    // A region may have been entered since the last row: whichever is further along counts.
    const order = Buffer.compare(position.row, this.#position.row);
    const isFurther = this.#plan.scan.reversed
      ? order < 0 || this.#position.row.length === 0
      : order >= 0;
    if (isFurther) this.#position = position;
  }
}
