import { describe, expect, it } from 'vitest';
import { CellType, makeCell } from '../base/cell.js';
import { CadastreError } from '../base/errors.js';
import { Settings } from '../base/settings.js';
import { familyDescriptor } from '../base/table.js';
import type { ResultSink, ScanState } from '../region/api.js';
import { RegionRig, TestClock } from '../region/testing/region-rig.js';
import { put, scan } from '../region/testing/requests.js';
import type { ScanRequest, ScanResponse } from '../wire/client-messages.js';
import { SimRandom } from '../world/simulated/random.js';
import { serverLimits } from './limits.js';
import { Scanners } from './scanners.js';
import { Gate, ScriptedRegion, ScriptedScanner, regionInfo } from './testing/scripted-region.js';
import type { Page } from './testing/scripted-region.js';

const leaseMs = 60_000;
const never = { codec: 'none', deadlineMs: Infinity } as const;

/** As HBase's clients send it. */
const base: ScanRequest = {
  open: undefined,
  scannerId: undefined,
  rowsMax: 100,
  isClosing: false,
  nextCall: undefined,
  rowsLimit: 0,
  isRenewing: false,
  handlesPartials: true,
  handlesHeartbeats: true,
  tracksMetrics: false,
  wantsCursor: false,
};

const opening = {
  region: { kind: 'name', value: Buffer.from('r') },
  scan: scan(),
  sizeMax: 0,
} as const;

function give(sink: ResultSink, row: string, partial = false): void {
  const text = (part: string) => Buffer.from(part);
  const cell = makeCell({
    row: text(row),
    family: text('f'),
    qualifier: text('q'),
    timestamp: 1,
    type: CellType.put,
    value: text('v'),
  });
  sink.cell(cell.buffer, cell.offset, cell.keyLength, cell.valueLength, cell.tagsLength);
  sink.endResult(partial);
}

/** A page that gives these rows and ends so. */
function page(state: ScanState, ...rows: readonly string[]): Page {
  return (_limits, sink) => {
    for (const row of rows) give(sink, row);
    return state;
  };
}

function rowsOf({ cells }: ScanResponse): readonly string[] {
  return cells.map(({ row }) => row.toString());
}

function setUp(pages: readonly Page[] = []) {
  const clock = new TestClock();
  const settings = Settings.parse({ 'hbase.client.scanner.timeout.period': String(leaseMs) });
  const scanners = new Scanners(clock, new SimRandom('scanners'), settings);
  const info = regionInfo();
  const region = new ScriptedRegion({ info, generation: 1 as never });
  const scanner = new ScriptedScanner(pages);
  region.scanner = scanner;
  const open = (changes: Partial<ScanRequest> = {}, from: Parameters<Scanners['go']>[1] = never) =>
    scanners.open(region, opening, { ...base, open: opening, ...changes }, from);
  const next = (
    { scannerId }: ScanResponse,
    changes: Partial<ScanRequest> = {},
    from: Parameters<Scanners['go']>[1] = never,
  ) => scanners.go({ ...base, scannerId, ...changes }, from);
  const empty = (): ScanResponse => {
    const opened = open({ rowsMax: 0 });
    if (opened instanceof Promise) throw new Error('an opening without rows is answered at once');
    return opened;
  };
  return { clock, scanners, region, scanner, open, next, empty };
}

const close = { isClosing: true, rowsMax: 0 } as const;

describe('opening a scan', () => {
  it('gives the first page, the lease and the read point', () => {
    const { scanners, open } = setUp([page('more', 'a', 'b')]);
    const answer = open();
    expect(answer).toMatchObject({
      cellsPerResult: [1, 1],
      partialFlags: [false, false],
      moreResults: true,
      moreResultsInRegion: true,
      leaseMs,
      readPoint: 5,
    });
    expect(rowsOf(answer as ScanResponse)).toEqual(['a', 'b']);
    expect(scanners.size).toBe(1);
  });

  it('without asking for rows gives none, and the scanner', () => {
    const { scanner, empty } = setUp();
    expect(empty()).toMatchObject({ cellsPerResult: [], moreResultsInRegion: true, leaseMs });
    expect(scanner.limits).toEqual([]);
  });

  it('and closing in one call keeps nothing', () => {
    const { scanners, scanner, open } = setUp([page('more', 'a')]);
    void open({ isClosing: true });
    expect({ size: scanners.size, closes: scanner.closes }).toEqual({ size: 0, closes: 1 });
  });

  it('that fails in its first page keeps nothing, and the error as it is', () => {
    const failure = new CadastreError('storage-unavailable', 'no answer');
    const { scanners, scanner, open } = setUp([
      () => {
        throw failure;
      },
    ]);
    expect(() => open()).toThrow(failure);
    expect({ size: scanners.size, isClosed: scanner.isClosed }).toEqual({
      size: 0,
      isClosed: true,
    });
  });

  it('is refused when too many are open (L9)', () => {
    const { scanners, open } = setUp();
    for (let i = 0; i < serverLimits.scannersMax; i++) void open({ rowsMax: 0 });
    expect(() => open()).toThrow(/scanners are open here/);
    scanners.stop();
    expect(scanners.size).toBe(0);
  });
});

describe('the calls of a scanner', () => {
  it('come in the order of their numbers; a renewal uses one up', () => {
    const { empty, next } = setUp([page('more', 'a'), page('more', 'b'), page('more', 'c')]);
    const opened = empty();
    void next(opened, { nextCall: 0 });
    expect(next(opened, { nextCall: 1, isRenewing: true })).toEqual({
      cells: [],
      cellsPerResult: [],
      partialFlags: [],
      scannerId: opened.scannerId,
    });
    expect(rowsOf(next(opened, { nextCall: 2 }) as ScanResponse)).toEqual(['b']);
  });

  it('out of order are refused in the words of HBase, and change nothing', () => {
    const { empty, next } = setUp([page('more', 'a'), page('more', 'b')]);
    const opened = empty();
    void next(opened, { nextCall: 0 });
    expect(() => next(opened, { nextCall: 0 })).toThrow(
      'Expected nextCallSeq: 1 But the nextCallSeq got from client: 0',
    );
    expect(rowsOf(next(opened, { nextCall: 1 }) as ScanResponse)).toEqual(['b']);
  });

  it('do not run beside each other', async () => {
    const gate = new Gate<ScanState>();
    const { empty, next } = setUp([() => gate.promise]);
    const opened = empty();
    const first = next(opened);
    expect(() => next(opened)).toThrow(/Expected nextCallSeq/);
    gate.open('exhausted');
    expect(await first).toMatchObject({ moreResultsInRegion: false });
  });

  it('to a scanner that is not there say so as HBase does', () => {
    const { next } = setUp();
    const scannerId = { high: 1, low: 2 };
    expect(() => next({ ...emptyAnswer, scannerId })).toThrow(/^Unknown scanner '1-2'\./);
  });

  it('close it, twice as well', () => {
    const { scanners, scanner, empty, next } = setUp();
    const opened = empty();
    const closed = { moreResults: true, moreResultsInRegion: true, cellsPerResult: [] };
    expect(next(opened, close)).toMatchObject(closed);
    expect(next(opened, close)).toMatchObject(closed);
    expect({ size: scanners.size, closes: scanner.closes }).toEqual({ size: 0, closes: 1 });
  });
});

const emptyAnswer: ScanResponse = { cells: [], cellsPerResult: [], partialFlags: [] };

describe('the end of a scan', () => {
  it.each([
    ['exhausted', { moreResults: true, moreResultsInRegion: false }, true],
    ['filter-done', { moreResults: false, moreResultsInRegion: true }, true],
    ['more', { moreResults: true, moreResultsInRegion: true }, false],
    ['partial', { moreResults: true, moreResultsInRegion: true }, false],
  ] as const)('by "%s" is told so', (state, expected, isClosed) => {
    const { scanner, empty, next } = setUp([page(state, 'a')]);
    expect(next(empty())).toMatchObject(expected);
    expect(scanner.isClosed).toBe(isClosed);
  });

  it('by its limit of rows counts whole rows only', () => {
    const pieces: Page = (_limits, sink) => {
      give(sink, 'a', true);
      return 'partial';
    };
    const { scanner, empty, next } = setUp([pieces, page('more', 'a', 'b')]);
    const opened = empty();
    expect(next(opened, { rowsLimit: 2 })).toMatchObject({
      moreResults: true,
      partialFlags: [true],
    });
    expect(scanner.limits[0]?.results).toBe(2);
    expect(next(opened, { rowsLimit: 2 })).toMatchObject({
      moreResults: false,
      moreResultsInRegion: true,
    });
    expect(scanner.isClosed).toBe(true);
  });

  it('by the region being closed under it sends the client to look it up again', async () => {
    const rig = new RegionRig({ families: [familyDescriptor('f')] });
    await rig.open();
    for (const row of ['a', 'b']) await rig.mutate(put(row, 'f:q', 'v'));
    const scanners = new Scanners(rig.clock, new SimRandom('scanners'), Settings.parse({}));
    const request = { ...base, open: opening, rowsMax: 1 };
    const opened = await scanners.open(rig.region, opening, request, never);
    expect(rowsOf(opened)).toEqual(['a']);
    await rig.region.close({ flush: true });
    const next = () => scanners.go({ ...base, scannerId: opened.scannerId, nextCall: 0 }, never);
    expect(next).toThrow(expect.objectContaining({ code: 'region-not-serving' }));
    expect(scanners.size).toBe(0);
    expect(rig.region.metrics.openScanners).toBe(0);
  });

  it.each(['storage-unavailable', 'internal'] as const)(
    'by "%s" in a later page is a reset, after which clients open it again',
    async (code) => {
      const failure = new CadastreError(code, 'no answer');
      const { scanners, scanner, empty, next } = setUp([() => Promise.reject(failure)]);
      const answer = next(empty());
      await expect(answer).rejects.toMatchObject({ code: 'scanner-reset', cause: failure });
      expect({ size: scanners.size, closes: scanner.closes }).toEqual({ size: 0, closes: 1 });
    },
  );
});

describe('limits of a page', () => {
  it('are the least of what the client asks and the server allows', () => {
    const { scanner, empty, next, open } = setUp([page('more'), page('more')]);
    void next(empty(), { rowsMax: 7, rowsLimit: 3, handlesPartials: false });
    expect(scanner.limits[0]).toMatchObject({
      results: 3,
      bytes: 2 * 1024 * 1024,
      partialResults: false,
    });
    void open({ rowsMax: undefined });
    expect(scanner.limits[1]?.results).toBe(Infinity);
  });

  it('hold over the turns of a page together', async () => {
    const { scanner, empty, next } = setUp([
      page('time-limit', 'a', 'b'),
      page('time-limit'),
      page('more', 'c'),
    ]);
    const answer = await next(empty(), { rowsMax: 3 });
    expect(rowsOf(answer)).toEqual(['a', 'b', 'c']);
    expect(scanner.limits.map(({ results }) => results)).toEqual([3, 1, 1]);
  });

  it('end a page also when time ran out in the piece that filled it', async () => {
    const cut: Page = (_limits, sink) => {
      give(sink, 'a', true);
      return 'time-limit';
    };
    const { scanner, empty, next } = setUp([cut, page('more', 'a')]);
    const answer = await next(empty(), { rowsMax: 1 });
    expect(answer).toMatchObject({ partialFlags: [true], moreResultsInRegion: true });
    expect(answer.isHeartbeat).toBeUndefined();
    expect(scanner.limits).toHaveLength(1);
  });
});

describe('a page that takes long', () => {
  it('gives way after each turn, and past the deadline is a heartbeat', async () => {
    const { clock, region, empty, next } = setUp();
    const slow: Page = () => {
      clock.nowMs += 10;
      return 'time-limit';
    };
    const scripted = new ScriptedScanner([slow, slow, slow, page('more', 'a')]);
    region.scanner = scripted;
    const opened = empty();
    const deadline = { codec: 'none', deadlineMs: clock.nowMs + 25 } as const;
    const beat = await next(opened, {}, deadline);
    expect(beat).toMatchObject({
      isHeartbeat: true,
      moreResultsInRegion: true,
      cellsPerResult: [],
    });
    const untils = scripted.limits.map(({ untilMonotonicMs }) => untilMonotonicMs - clock.nowMs);
    expect(untils).toEqual([-30, -20, -10].map((ms) => ms + serverLimits.scanTurnMs));
    expect(rowsOf(await next(opened, {}, deadline))).toEqual(['a']);
  });

  it('goes on to its end for clients that know no heartbeats', async () => {
    const { clock, empty, next } = setUp([page('time-limit'), page('more', 'a')]);
    const late = { codec: 'none', deadlineMs: clock.nowMs - 1 } as const;
    const answer = await next(empty(), { handlesHeartbeats: false }, late);
    expect(rowsOf(answer)).toEqual(['a']);
    expect(answer.isHeartbeat).toBeUndefined();
  });

  it('tells in its heartbeats where it is, if that was asked at the opening', async () => {
    const { clock, scanner, open, next } = setUp([page('time-limit'), page('time-limit')]);
    const late = { codec: 'none', deadlineMs: clock.nowMs - 1 } as const;
    const opened = await open({ rowsMax: 0, wantsCursor: true });
    expect((await next(opened, {}, late)).cursorRow).toBeUndefined();
    scanner.currentRow = Buffer.from('k');
    expect(await next(opened, {}, late)).toMatchObject({ cursorRow: Buffer.from('k') });
  });

  it('ends when the scanner is closed meanwhile, which lets go only then', async () => {
    const gate = new Gate<ScanState>();
    const { scanners, scanner, empty, next } = setUp([() => gate.promise, page('more', 'a')]);
    const opened = empty();
    const answer = next(opened);
    void next(opened, close);
    expect({ size: scanners.size, isClosed: scanner.isClosed }).toEqual({
      size: 0,
      isClosed: false,
    });
    gate.open('time-limit');
    await expect(answer).rejects.toMatchObject({ code: 'unknown-scanner' });
    expect({ asked: scanner.limits.length, closes: scanner.closes }).toEqual({
      asked: 1,
      closes: 1,
    });
  });
});

describe('the lease of a scanner', () => {
  it('ends it when nobody asks for it, and with it its hold on files', () => {
    const { clock, scanners, scanner, empty, next } = setUp();
    const opened = empty();
    clock.advance(leaseMs / 2);
    clock.advance(leaseMs / 2);
    expect(scanners.size).toBe(1);
    clock.advance(leaseMs / 2);
    expect({ size: scanners.size, closes: scanner.closes }).toEqual({ size: 0, closes: 1 });
    expect(() => next(opened)).toThrow(/Unknown scanner/);
  });

  it('begins anew with each call and renewal', () => {
    const { clock, scanners, empty, next } = setUp([page('more', 'a')]);
    const opened = empty();
    for (let i = 0; i < 6; i++) {
      clock.advance(leaseMs * 0.6);
      void next(opened, { isRenewing: true });
    }
    expect(scanners.size).toBe(1);
  });

  it('does not run while a page is read, and begins when it is done', async () => {
    const gate = new Gate<ScanState>();
    const { clock, scanners, empty, next } = setUp([() => gate.promise]);
    const answer = next(empty());
    for (let i = 0; i < 4; i++) clock.advance(leaseMs);
    gate.open('more');
    await answer;
    clock.advance(leaseMs / 2);
    expect(scanners.size).toBe(1);
    for (let i = 0; i < 3; i++) clock.advance(leaseMs / 2);
    expect(scanners.size).toBe(0);
  });
});

describe('the metrics of a scan', () => {
  it('are those of the page: clients add them up', () => {
    const { region, empty, next } = setUp();
    const scanner: ScriptedScanner = new ScriptedScanner([
      () => {
        scanner.rowsScanned += 5;
        scanner.rowsFiltered += 2;
        return 'more';
      },
      () => {
        scanner.rowsScanned += 3;
        return 'more';
      },
    ]);
    region.scanner = scanner;
    const opened = empty();
    const tracked = { tracksMetrics: true };
    expect(next(opened, tracked)).toMatchObject({ metrics: { ROWS_SCANNED: 5, ROWS_FILTERED: 2 } });
    expect(next(opened, tracked)).toMatchObject({ metrics: { ROWS_SCANNED: 3, ROWS_FILTERED: 0 } });
  });
});
