import { describe, expect, it } from 'vitest';
import { familyDescriptor } from '../base/table.js';
import type { Scan } from '../base/operations.js';
import type { ScanLimits } from './api.js';
import { RegionRig, TextSink, unlimited } from './testing/region-rig.js';
import { cellAt, deleteOf, get, putOf, scan } from './testing/requests.js';

/** Five rows of three cells, one of them in a second family. */
async function filled(): Promise<RegionRig> {
  const rig = new RegionRig({ families: [familyDescriptor('f'), familyDescriptor('g')] });
  await rig.open();
  for (let i = 1; i <= 5; i++) {
    const row = `r${i}`;
    const cells = ['f:a', 'f:b', 'g:c'].map((column) => cellAt(row, column, 'v'.repeat(100)));
    await rig.mutate(putOf(row, ...cells));
  }
  return rig;
}

/** Each page as its state and its results: cells in each, `+` after a partial one. */
async function pages(changes: Partial<Scan>, limits: Partial<ScanLimits>): Promise<string[]> {
  const rig = await filled();
  const scanner = rig.region.openScanner(scan(changes));
  const shown: string[] = [];
  for (;;) {
    const sink = new TextSink();
    const state = await scanner.next({ ...unlimited, ...limits }, sink);
    const results = sink.results.map(
      (cells, i) => `${cells.length}${sink.partials[i] === true ? '+' : ''}`,
    );
    shown.push(`${state}: ${results.join(' ')}`.trim());
    if (state === 'exhausted') return shown;
  }
}

describe('a page of a scan', () => {
  it('ends after so many rows', async () => {
    expect(await pages({}, { results: 2 })).toEqual(['more: 3 3', 'more: 3 3', 'exhausted: 3']);
    expect(await pages({}, { results: 5 })).toEqual(['exhausted: 3 3 3 3 3']);
  });
  it('ends in the middle of a row at the limit of cells, and the row goes on in the next', async () => {
    expect(await pages({}, { cells: 4 })).toEqual([
      'partial: 3 1+',
      'partial: 2 2+',
      'more: 1 3',
      'exhausted: 3',
    ]);
  });
  it('ends after the cell that passes the limit of bytes', async () => {
    // A cell has 128 bytes.
    expect(await pages({ stopRow: Buffer.from('r3') }, { bytes: 300 })).toEqual([
      'more: 3',
      'exhausted: 3',
    ]);
    expect(await pages({ stopRow: Buffer.from('r2') }, { bytes: 200 })).toEqual([
      'partial: 2+',
      'exhausted: 1',
    ]);
  });
  it('is never cut within a row for a client that does not take partial results', async () => {
    expect(await pages({}, { cells: 4, partialResults: false })).toEqual([
      'more: 3 3',
      'more: 3 3',
      'exhausted: 3',
    ]);
  });
  it('gives rows in batches, the last one of a row not partial', async () => {
    expect(await pages({ batch: 2, stopRow: Buffer.from('r3') }, {})).toEqual([
      'exhausted: 2+ 1 2+ 1',
    ]);
    expect(await pages({ batch: 3, stopRow: Buffer.from('r3') }, {})).toEqual(['exhausted: 3 3']);
    expect(await pages({ batch: 2, stopRow: Buffer.from('r2') }, { results: 1 })).toEqual([
      'partial: 2+',
      'exhausted: 1',
    ]);
  });
  it('works the same in reverse', async () => {
    expect(await pages({ reversed: true }, { results: 2 })).toEqual([
      'more: 3 3',
      'more: 3 3',
      'exhausted: 3',
    ]);
    expect(await pages({ reversed: true, stopRow: Buffer.from('r4') }, { cells: 2 })).toEqual([
      'partial: 2+',
      'exhausted: 1',
    ]);
  });
  it('stops for time among cells that nobody sees, says where it is, and goes on', async () => {
    const rig = new RegionRig({ families: [familyDescriptor('f')] });
    await rig.open();
    for (let i = 0; i < 400; i++) {
      await rig.mutate(putOf(`r${i + 1000}`, cellAt(`r${i + 1000}`, 'f:a', '')));
      await rig.mutate(deleteOf(`r${i + 1000}`));
    }
    await rig.mutate(putOf('s', cellAt('s', 'f:a', 'last')));
    const scanner = rig.region.openScanner(scan());
    const sink = new TextSink();
    const limits = { ...unlimited, untilMonotonicMs: rig.clock.monotonic() };
    let stops = 0;
    let row = '';
    while ((await scanner.next(limits, sink)) === 'time-limit') {
      stops++;
      const now = scanner.currentRow?.toString() ?? '';
      expect(now >= row).toBe(true);
      row = now;
    }
    expect(stops).toBeGreaterThan(5);
    expect(sink.results).toHaveLength(1);
  });
});

describe('a scan', () => {
  it('of a region that is closed says so, and lets its files go', async () => {
    const rig = await filled();
    const scanner = rig.region.openScanner(scan());
    await scanner.next({ ...unlimited, results: 1 }, new TextSink());
    expect(rig.region.metrics.openScanners).toBe(1);
    await rig.region.close({ flush: true });
    expect(rig.region.metrics.openScanners).toBe(0);
    expect(() => scanner.next(unlimited, new TextSink())).toThrow(/is (closing|closed)/);
  });

  it('that was closed meets no one', async () => {
    const rig = await filled();
    const scanner = rig.region.openScanner(scan());
    scanner.close();
    scanner.close();
    expect(() => scanner.next(unlimited, new TextSink())).toThrow(/closed/);
  });

  it('with a read point of before sees that state, and never one that is not durable', async () => {
    const rig = await filled();
    const { readPoint } = rig.region;
    await rig.mutate(putOf('r6', cellAt('r6', 'f:a', '')));
    expect(await rig.scan(scan({ readPoint }))).toHaveLength(5);
    rig.log.isHeld = true;
    rig.region.mutate(putOf('r7', cellAt('r7', 'f:a', '')), undefined, () => undefined);
    expect(await rig.scan(scan({ readPoint: 1_000_000 }))).toHaveLength(6);
  });

  it('cannot name columns when it is raw', async () => {
    const rig = await filled();
    const families = [{ family: Buffer.from('f'), qualifiers: [Buffer.from('a')] }];
    expect(() => rig.region.openScanner(scan({ raw: true, families }))).toThrow(/raw scan/);
  });
});

describe('a get', () => {
  it('of existence gives at most one cell', async () => {
    const rig = await filled();
    expect(await rig.get(get('r1', { existenceOnly: true }))).toHaveLength(1);
    expect(await rig.get(get('r9', { existenceOnly: true }))).toEqual([]);
  });
});
