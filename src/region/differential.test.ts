// Race W9, R-D1: whatever is written, flushed, compacted, lost and replayed, reads give what the
// naive model gives.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CellType } from '../base/cell.js';
import type { Scan } from '../base/operations.js';
import type { StoreCommit } from '../base/store-file.js';
import { familyDescriptor, type FamilyDescriptor } from '../base/table.js';
import type { RegionScanner } from './api.js';
import { NaiveRegion, showModelCell, type ModelQuery } from './testing/naive-model.js';
import { RegionRig, startMs, TextSink, unlimited } from './testing/region-rig.js';
import { cellAt, putOf, scan, timeRange } from './testing/requests.js';

interface WrittenCell {
  readonly family: string;
  readonly qualifier: string;
  readonly ago: number;
  readonly type: CellType;
  readonly ttlMs: number | undefined;
}
type Operation =
  | { readonly kind: 'write'; readonly row: string; readonly cells: readonly WrittenCell[] }
  | { readonly kind: 'flush' }
  | { readonly kind: 'compact'; readonly major: boolean }
  | { readonly kind: 'crash' }
  | { readonly kind: 'move' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'query'; readonly query: ModelQuery; readonly page: number }
  /** Opens a scan that is read on, a page at a time, between the operations that follow. */
  | { readonly kind: 'open'; readonly query: ModelQuery }
  | { readonly kind: 'page'; readonly results: number };

const rows = ['', 'a', 'a\0', 'ab', 'b', 'c\xff', 'd'];
const row = fc.constantFrom(...rows.slice(1));
const qualifier = fc.constantFrom('', 'p', 'q', 'r');

const writtenCell: fc.Arbitrary<WrittenCell> = fc
  .record({
    family: fc.constantFrom('f', 'g'),
    qualifier,
    // Before the beginning of the clock; few, so that they meet.
    ago: fc.constantFrom(0, 1, 2, 3, 1_500, 3_000),
    type: fc.oneof(
      { weight: 3, arbitrary: fc.constant(CellType.put) },
      fc.constantFrom(
        CellType.delete,
        CellType.deleteColumn,
        CellType.deleteFamily,
        CellType.deleteFamilyVersion,
      ),
    ),
    ttlMs: fc.option(fc.constantFrom(5, 2_000), { nil: undefined, freq: 6 }),
  })
  .map((cell) => {
    const isOfFamily =
      cell.type === CellType.deleteFamily || cell.type === CellType.deleteFamilyVersion;
    return isOfFamily ? { ...cell, qualifier: '' } : cell;
  });

const query: fc.Arbitrary<ModelQuery> = fc
  .record({
    startRow: fc.constantFrom(...rows),
    includeStart: fc.boolean(),
    stopRow: fc.constantFrom(...rows),
    includeStop: fc.boolean(),
    reversed: fc.boolean(),
    columns: fc.oneof(
      fc.constant([]),
      fc.uniqueArray(
        fc.record({
          family: fc.constantFrom('f', 'g'),
          qualifiers: fc.uniqueArray(qualifier, { maxLength: 3 }),
        }),
        { maxLength: 2, selector: (column: { readonly family: string }) => column.family },
      ),
    ),
    from: fc.constantFrom(0, startMs - 3, startMs - 2),
    until: fc.constantFrom(Number.MAX_SAFE_INTEGER, startMs, startMs - 1),
    versionsMax: fc.constantFrom(1, 2, 3, 100),
    storeLimit: fc.option(fc.constantFrom(1, 2), { nil: undefined, freq: 4 }),
    storeOffset: fc.constantFrom(0, 0, 1),
    raw: fc.boolean(),
  })
  .map((made): ModelQuery => {
    const columns: ModelQuery['columns'] = made.columns;
    if (!made.raw) return made;
    return { ...made, columns: columns.map(({ family }) => ({ family, qualifiers: [] })) };
  });

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      row,
      cells: fc.array(writtenCell, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('query' as const),
      query,
      page: fc.constantFrom(1, 2, 1000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('open' as const), query }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('page' as const), results: fc.constantFrom(1, 2) }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'flush' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('compact' as const), major: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'crash' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'move' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 6, 1_200) }),
  },
);

const family = (name: string): fc.Arbitrary<FamilyDescriptor> =>
  fc
    .record({
      versionsMax: fc.constantFrom(1, 2, 3),
      versionsMin: fc.constantFrom(0, 0, 1),
      ttlSeconds: fc.constantFrom(2_147_483_647, 2_147_483_647, 2),
      keepDeletedCells: fc.constantFrom(
        'false' as const,
        'false' as const,
        'true' as const,
        'ttl' as const,
      ),
      bloomFilter: fc.constantFrom('none' as const, 'row' as const, 'rowcol' as const),
      blockBytes: fc.constantFrom(64, 65_536),
    })
    .map((changes) => familyDescriptor(name, changes));

/** The engine and the model, led by the same operations. */
class Pair {
  readonly rig: RegionRig;
  readonly model: NaiveRegion;
  #sequence = 0;
  #commitsSeen = 0;
  #values = 0;
  #slow:
    | { readonly scanner: RegionScanner; readonly sink: TextSink; readonly expected: string[] }
    | undefined;

  constructor(families: readonly FamilyDescriptor[]) {
    this.rig = new RegionRig({
      families,
      settings: { 'hbase.hstore.compaction.min': '2', 'hbase.hstore.blockingStoreFiles': '1000' },
    });
    this.model = new NaiveRegion(families);
  }

  async apply(operation: Operation): Promise<void> {
    await this.#apply(operation);
    await this.rig.idle();
    this.#follow();
  }

  async #apply(operation: Operation): Promise<void> {
    const { rig } = this;
    switch (operation.kind) {
      case 'write':
        await this.#write(operation.row, operation.cells);
        return;
      case 'flush':
        await rig.region.flush();
        return;
      case 'compact':
        await rig.region.compact({ major: operation.major });
        return;
      case 'crash':
        this.#slow = undefined;
        await rig.crash();
        return;
      case 'move':
        this.#slow = undefined;
        await rig.move({ flush: true });
        return;
      case 'wait':
        rig.clock.advance(operation.ms);
        return;
      case 'query':
        await this.#compare(operation.query, operation.page);
        return;
      case 'open':
        this.#slow = {
          scanner: rig.region.openScanner(scanOf(operation.query)),
          sink: new TextSink(),
          expected: this.model.query(operation.query, rig.clock.now()).flat().map(showModelCell),
        };
        return;
      case 'page':
        await this.#readOn(operation.results);
    }
  }

  /** A page of the open scan; at its end it has seen what was there when it was opened. */
  async #readOn(results: number): Promise<void> {
    if (this.#slow === undefined) return;
    const { scanner, sink, expected } = this.#slow;
    const state = await scanner.next({ ...unlimited, results }, sink);
    if (state !== 'exhausted') return;
    expect(sink.cells).toEqual(expected);
    this.#slow = undefined;
  }

  async finish(): Promise<void> {
    while (this.#slow !== undefined) await this.#readOn(1);
  }

  /** One edit; the cells of puts and markers go as mutations of one row applied as one. */
  async #write(rowName: string, cells: readonly WrittenCell[]): Promise<void> {
    const sequence = ++this.#sequence;
    const mutations = cells.map((written) => {
      const { ago, type, ttlMs } = written;
      const isPut = type === CellType.put;
      const value = isPut ? `v${++this.#values}` : '';
      const timestamp = startMs - ago;
      const ttl = isPut ? ttlMs : undefined;
      this.model.add({ ...written, row: rowName, timestamp, value, ttlMs: ttl, sequence });
      const options = { timestamp, type, ...(ttl === undefined ? {} : { ttlMs: ttl }) };
      const cell = cellAt(rowName, `${written.family}:${written.qualifier}`, value, options);
      const made = putOf(rowName, cell);
      return isPut ? made : { ...made, kind: 'delete' as const, timestampHigh: 0, timestampLow: 0 };
    });
    await this.rig.mutate(mutations);
  }

  /** Does to the model what the commits since the last call say. */
  #follow(): void {
    const { commits } = this.rig.catalog;
    for (; this.#commitsSeen < commits.length; this.#commitsSeen++) {
      this.#followCommit(commits[this.#commitsSeen] as StoreCommit);
    }
  }

  #followCommit(commit: StoreCommit): void {
    const { model } = this;
    const nowMs = this.rig.clock.now();
    const isFlush = commit.flushedSequence !== undefined;
    for (const family of model.families) {
      const added = commit.added.find((file) => file.family === family.name);
      const inputs = commit.removed.filter(
        (object) => model.files.get(object)?.[0]?.family === family.name,
      );
      if (!isFlush && inputs.length === 0) continue;
      const own = [...model.files.values()].filter((cells) => cells[0]?.family === family.name);
      const mode = !isFlush && inputs.length === own.length ? 'major' : 'minor';
      if (added !== undefined) expect(added.majorCompacted).toBe(mode === 'major');
      const cells = isFlush
        ? model.memory
        : inputs.flatMap((object) => model.files.get(object) ?? []);
      const kept = model.retained(cells, family, mode, nowMs);
      for (const object of inputs) model.files.delete(object);
      expect(added?.entries ?? 0).toBe(kept.length);
      if (added !== undefined) model.files.set(added.object, kept);
    }
    if (isFlush) model.memory = [];
  }

  async #compare(asked: ModelQuery, page: number): Promise<void> {
    const expected = this.model.query(asked, this.rig.clock.now());
    const limits = { ...unlimited, results: page, cells: page * 2 };
    const found = await this.rig.scan(scanOf(asked), limits);
    // Pieces of a row are glued, as clients do.
    expect(found.flat()).toEqual(expected.flat().map(showModelCell));
  }
}

function scanOf(asked: ModelQuery): Scan {
  return scan({
    startRow: Buffer.from(asked.startRow, 'latin1'),
    includeStart: asked.includeStart,
    stopRow: Buffer.from(asked.stopRow, 'latin1'),
    includeStop: asked.includeStop,
    reversed: asked.reversed,
    raw: asked.raw,
    families: asked.columns.map(({ family, qualifiers }) => ({
      family: Buffer.from(family),
      qualifiers: qualifiers.map((name) => Buffer.from(name)),
    })),
    timeRange: timeRange(asked.from, asked.until),
    versionsMax: asked.versionsMax,
    storeLimit: asked.storeLimit,
    storeOffset: asked.storeOffset,
  });
}

describe('a region under random operations', () => {
  it('reads as the naive model does, over memory, files, compactions, crashes and moves (race W9, R-D1)', async () => {
    await fc.assert(
      fc.asyncProperty(
        family('f'),
        family('g'),
        fc.array(operation, { minLength: 5, maxLength: 40 }),
        async (f, g, operations) => {
          const pair = new Pair([f, g]);
          await pair.rig.open();
          for (const operation of operations) await pair.apply(operation);
          await pair.finish();
        },
      ),
      { numRuns: 250 },
    );
  });
});
