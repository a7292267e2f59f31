// Turns a get or a scan of a region into the loop over its rows: which families, with which rules,
// over which memstores and files.

import type { Cell } from '../base/cell.js';
import { CadastreError } from '../base/errors.js';
import type { FamilySelection, Get, Scan, Selection, TimeRange } from '../base/operations.js';
import { ttlForever } from '../base/table.js';
import type { Clock } from '../world/clock.js';
import type { Random } from '../world/random.js';
import type { ResultSink, ScanLimits } from './api.js';
import { copyCell } from './cell-copy.js';
import { KeptBytes } from './cell-view.js';
import type { RowFilter } from './filter.js';
import { parseFilter } from './filters/parse.js';
import { ReadBudget } from './read-budget.js';
import { RowLoop, type RowsWanted } from './row-loop.js';
import { StoreScanner, type StoreScanOptions } from './store-scanner.js';
import { runsOf, type RunSelection, type StoreView } from './store-view.js';

const two32 = 2 ** 32;

export interface ReadContext {
  readonly clock: Clock;
  readonly random: Random;
  /** Of the families, sorted by name. */
  readonly stores: readonly StoreView[];
  readonly readPoint: number;
}

/** The rows of a get: one. */
export function openGet(context: ReadContext, get: Get): RowLoop {
  const rows: RowsWanted = {
    startRow: get.row,
    includeStart: true,
    stopRow: get.row,
    includeStop: true,
    reversed: false,
    batch: 0,
    isSingleRow: true,
  };
  return openRows(context, get, rows, false);
}

/** Copies what it keeps: a scan outlives the request that opened it. */
export function openScan(context: ReadContext, asked: Scan): RowLoop {
  const scan = copyOf(asked);
  const { startRow, includeStart, stopRow, includeStop, reversed, batch } = scan;
  const isSingleRow =
    includeStart && includeStop && startRow.length > 0 && startRow.equals(stopRow);
  const rows = { startRow, includeStart, stopRow, includeStop, reversed, batch, isSingleRow };
  if (scan.raw && scan.families.some(({ qualifiers }) => qualifiers.length > 0)) {
    throw new CadastreError('bad-request', 'a raw scan cannot name columns', {
      nextStep: 'Name families only, or scan without raw.',
    });
  }
  return openRows(context, scan, rows, scan.raw);
}

function copyOf(scan: Scan): Scan {
  const { filter } = scan;
  return {
    ...scan,
    startRow: Buffer.from(scan.startRow),
    stopRow: Buffer.from(scan.stopRow),
    families: scan.families.map(({ family, qualifiers }) => ({
      family,
      qualifiers: qualifiers.map((qualifier) => Buffer.from(qualifier)),
    })),
    filter:
      filter === undefined ? undefined : { name: filter.name, body: Buffer.from(filter.body) },
  };
}

function openRows(
  context: ReadContext,
  selection: Selection,
  rows: RowsWanted,
  raw: boolean,
): RowLoop {
  const filter =
    selection.filter === undefined
      ? undefined
      : parseFilter(selection.filter, { reversed: rows.reversed, random: context.random });
  if (filter?.judgesRows === true && rows.batch > 0) {
    throw new CadastreError('bad-request', 'a filter on whole rows cannot be used with a batch', {
      nextStep: 'Set no batch.',
    });
  }
  const row = new KeptBytes();
  const budget = new ReadBudget(context.clock);
  const wanted: { readonly store: StoreView; readonly options: StoreScanOptions }[] = [];
  for (const store of context.stores) {
    const columns = columnsOf(selection.families, store.familyBytes);
    if (columns === 'none') continue;
    const how = { columns: columns === 'all' ? undefined : columns, raw, rows, filter };
    wanted.push({ store, options: storeOptions(context, store, selection, how) });
  }
  const openOne = ({ store, options }: (typeof wanted)[number]) => {
    const runs = runsOf(store, runSelection(selection, store, rows, options));
    return Array.isArray(runs)
      ? new StoreScanner(runs, options, row, budget)
      : runs.then((opened) => new StoreScanner(opened, options, row, budget));
  };
  return new RowLoop({
    rows,
    row,
    budget,
    filter,
    openStores: () => {
      const opened = wanted.map(openOne);
      const ready = opened.filter((scanner) => scanner instanceof StoreScanner);
      return ready.length === opened.length
        ? ready
        : Promise.all(opened.map((scanner) => Promise.resolve(scanner)));
    },
  });
}

/** The columns asked of a family, sorted, without repetition. */
function columnsOf(
  families: readonly FamilySelection[],
  family: Buffer,
): readonly Buffer[] | 'all' | 'none' {
  if (families.length === 0) return 'all';
  const selected = families.filter((selection) => selection.family.equals(family));
  if (selected.length === 0) return 'none';
  if (selected.some(({ qualifiers }) => qualifiers.length === 0)) return 'all';
  const sorted = selected.flatMap(({ qualifiers }) => qualifiers).sort((a, b) => a.compare(b));
  return sorted.filter((qualifier, i) => i === 0 || !qualifier.equals(sorted[i - 1] as Buffer));
}

function storeOptions(
  context: ReadContext,
  store: StoreView,
  selection: Selection,
  how: {
    readonly columns: readonly Buffer[] | undefined;
    readonly raw: boolean;
    readonly rows: RowsWanted;
    readonly filter: RowFilter | undefined;
  },
): StoreScanOptions {
  const { family } = store;
  const nowMs = context.clock.now();
  const versions = how.raw
    ? selection.versionsMax
    : Math.min(selection.versionsMax, family.versionsMax);
  const lives = how.raw || family.ttlSeconds === ttlForever;
  const ownRange = selection.familyTimeRanges.find((own) => own.family.equals(store.familyBytes));
  return {
    family: store.familyBytes,
    rules: {
      // A filter may drop versions, so it is shown all that the family keeps.
      versionsMax: how.filter === undefined || how.raw ? versions : family.versionsMax,
      versionsMin: family.versionsMin,
      oldestLiveMs: lives ? 0 : nowMs - family.ttlSeconds * 1000,
    },
    columns: how.columns,
    timeRange: ownRange?.range ?? selection.timeRange,
    keepsDeleted: family.keepDeletedCells !== 'false',
    raw: how.raw,
    readPoint: context.readPoint,
    nowMs,
    filter: how.filter,
    versionsAfterFilter: versions,
    storeLimit: selection.storeLimit ?? Infinity,
    storeOffset: selection.storeOffset,
    isSingleRow: how.rows.isSingleRow,
  };
}

function runSelection(
  selection: Selection,
  { family }: StoreView,
  rows: RowsWanted,
  options: StoreScanOptions,
): RunSelection {
  const { rules, columns } = options;
  const only = columns?.length === 1 ? columns[0] : undefined;
  const liveFromMs = rules.versionsMin > 0 ? 0 : rules.oldestLiveMs;
  return {
    // Cursors read ahead by themselves once they are moved on and on.
    cursor: { readType: 'pread', cacheBlocks: selection.cacheBlocks && family.blockCache },
    // Newer files may hold markers that hide older cells, so only the lower end leaves files out.
    fromMs: Math.max(startOf(options.timeRange), liveFromMs),
    row: rows.isSingleRow ? rows.startRow : undefined,
    qualifier: only,
  };
}

function startOf(range: TimeRange | undefined): number {
  return range === undefined ? 0 : range.fromHigh * two32 + range.fromLow;
}

const noLimits: ScanLimits = {
  results: Infinity,
  cells: Infinity,
  bytes: Infinity,
  untilMonotonicMs: Infinity,
  partialResults: false,
};

/** Reads a loop of one row to its end. */
export function readAll(loop: RowLoop, sink: ResultSink): void | Promise<void> {
  const state = loop.next(noLimits, sink);
  return typeof state === 'string' ? undefined : state.then(() => undefined);
}

/** Reads at most one cell. */
export function readFirst(loop: RowLoop, sink: ResultSink): void | Promise<void> {
  const once: ResultSink = {
    cell: (...window) => sink.cell(...window),
    endResult: () => sink.endResult(false),
  };
  const state = loop.next({ ...noLimits, cells: 1, partialResults: true }, once);
  if (typeof state !== 'string') return state.then(() => loop.close());
  loop.close();
  return undefined;
}

/** Copies of the cells of one row, for what must be known before a write. */
export function collectRow(context: ReadContext, get: Get): Cell[] | Promise<Cell[]> {
  const loop = openGet(context, get);
  const cells: Cell[] = [];
  const sink: ResultSink = {
    cell(buffer, offset, keyLength, valueLength, tagsLength) {
      const sequence = 0;
      cells.push(copyCell({ buffer, offset, keyLength, valueLength, tagsLength, sequence }));
    },
    endResult() {},
  };
  const reading = readAll(loop, sink);
  return reading === undefined ? cells : reading.then(() => cells);
}
