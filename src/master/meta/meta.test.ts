import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Generation, RegionId, TableId } from '../../base/ids.js';
import type { Scan, Selection } from '../../base/operations.js';
import { familyDescriptor, formatTableName } from '../../base/table.js';
import type { Catalog } from '../../catalog/api.js';
import { regionKeyOf, regionKind } from '../../catalog/records/regions.js';
import { nameKind, tableKind } from '../../catalog/records/tables.js';
import type { TableState } from '../../catalog/records/tables.js';
import { sampleRegion } from '../../catalog/testing/samples.js';
import { SimulatedCatalog } from '../../catalog/testing/simulated-catalog.js';
import type { ScanRequest } from '../../wire/client-messages.js';
import {
  compareMetaRows,
  decodeMetaRow,
  decodeTableState,
  metaRegionName,
} from '../../wire/meta-rows.js';
import { writeGetRequest, writeScanRequest } from '../../wire/request-encoder.js';
import { decodeGetResponse, decodeScanResponse } from '../../wire/response-decoder.js';
import { rangesOf } from '../tables/validate.js';
import { TestCluster } from '../testing/cluster.js';
import { MetaImage } from './meta-image.js';
import type { MetaRow } from './meta-image.js';
import { MetaScanners } from './meta-scanners.js';

const nines = '99999999999999';
const empty = Buffer.alloc(0);
const allOf: Selection = {
  families: [],
  timeRange: undefined,
  familyTimeRanges: [],
  versionsMax: 1,
  storeLimit: undefined,
  storeOffset: 0,
  filter: undefined,
  cacheBlocks: true,
};
const infoOnly: Selection = {
  ...allOf,
  families: [{ family: Buffer.from('info'), qualifiers: [] }],
};
const forward: Scan = {
  ...infoOnly,
  startRow: empty,
  includeStart: true,
  stopRow: empty,
  includeStop: false,
  reversed: false,
  batch: 0,
  raw: false,
  readUncommitted: false,
  readPoint: 0,
};

function opening(scan: Partial<Scan>, changes: Partial<ScanRequest> = {}): ScanRequest {
  return {
    open: {
      region: { kind: 'name', value: metaRegionName },
      scan: { ...forward, ...scan },
      sizeMax: 2_097_152,
    },
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
    ...changes,
  };
}

interface Fixture {
  readonly simulated: SimulatedCatalog;
  readonly catalog: Catalog;
  readonly image: MetaImage;
  readonly scanners: MetaScanners;
  readonly addTable: (name: string, keys: readonly string[], state?: TableState) => Promise<void>;
}

async function makeFixture(seed: number): Promise<Fixture> {
  const simulated = new SimulatedCatalog(seed);
  const { catalog, node } = await simulated.open();
  const image = new MetaImage(catalog);
  const { clock, random } = node.world;
  return {
    simulated,
    catalog,
    image,
    scanners: new MetaScanners(image, clock, random),
    addTable: async (qualifier, keys, state = 'enabled') => {
      const name = { namespace: 'default', qualifier };
      const committed = catalog.transact((tx) => {
        const tableId = catalog.ids.allocate(tx) as TableId;
        const descriptor = { name, families: [familyDescriptor('f')], attributes: {} };
        tx.put(nameKind, ['default', qualifier], tableId);
        tx.put(tableKind, [tableId], { descriptor, state, createdAtMs: 5, droppedAtMs: undefined });
        for (const range of rangesOf(keys.map((key) => Buffer.from(key)))) {
          const regionId = catalog.ids.allocate(tx) as RegionId;
          const region = sampleRegion(regionId, {
            tableId,
            ...range,
            server: undefined,
            lastHost: 'h1:16020',
            lastServer: sampleRegion(1).server,
            generation: 3 as Generation,
            sinceMs: 77,
          });
          tx.put(regionKind, regionKeyOf(region), region);
        }
      });
      await simulated.run(committed.durable());
    },
  };
}

const rowsOf = (image: MetaImage, isReversed = false, row?: Buffer): readonly MetaRow[] => [
  ...image.rows({ row, isInclusive: true, isReversed }),
];

describe('hbase:meta as rows', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await makeFixture(1);
    await fixture.addTable('t', ['b', 'c,c', 'd']);
    await fixture.addTable('t-1', []);
    await fixture.addTable('t2', ['m']);
  });

  it('has a row for each table and each region, in HBase’s order', () => {
    const rows = rowsOf(fixture.image).map(({ row }) => row);
    expect(rows).toHaveLength(3 + 4 + 1 + 2);
    expect([...rows].sort(compareMetaRows)).toEqual(rows);
    expect(rows[0]?.toString()).toBe('t');
  });

  it('reads backward what it reads forward, from every row and from between rows', () => {
    const all = rowsOf(fixture.image).map(({ row }) => row);
    const between = [
      '',
      't,',
      't,b,',
      't,b,0',
      `t,b,${nines}`,
      't,bb,1',
      't ,,',
      'u',
      'a',
      't,z,5',
    ];
    for (const from of [...all, ...between.map((text) => Buffer.from(text))]) {
      const after = rowsOf(fixture.image, false, from).map(({ row }) => row);
      const before = rowsOf(fixture.image, true, from).map(({ row }) => row);
      expect(after).toEqual(all.filter((row) => compareMetaRows(row, from) >= 0));
      expect(before).toEqual(all.filter((row) => compareMetaRows(row, from) <= 0).reverse());
    }
  });

  it('trace 5.5: a region’s row has what a client needs, at the time of its last change', () => {
    const [, region] = rowsOf(fixture.image);
    expect(region?.cells.map((cell) => cell.qualifier.toString())).toEqual([
      'regioninfo',
      'seqnumDuringOpen',
      'server',
      'serverstartcode',
      'state',
    ]);
    expect(region?.cells.every(({ timestampLow }) => timestampLow === 77)).toBe(true);
    const location = decodeMetaRow(region?.cells ?? []);
    expect(location).toMatchObject({
      server: { host: 'h1', port: 16020, startCode: 4 },
      openSequence: 1,
      region: { table: { qualifier: 't' }, isOffline: false },
    });
  });

  it('trace 5.6: a table’s row has its state', () => {
    const cells = fixture.image.get(Buffer.from('t2'))?.cells;
    expect(decodeTableState(cells?.[0]?.value ?? empty)).toBe('enabled');
    expect(fixture.image.get(Buffer.from('nope'))).toBeUndefined();
  });

  it('shows tables as soon as they are durable, and no more when their name is gone', async () => {
    await fixture.addTable('tt', []);
    expect(fixture.image.get(Buffer.from('tt'))).toBeDefined();
    const committed = fixture.catalog.transact((tx) => tx.delete(nameKind, ['default', 'tt']));
    expect(fixture.image.get(Buffer.from('tt'))).toBeDefined();
    await fixture.simulated.run(committed.durable());
    expect(fixture.image.get(Buffer.from('tt'))).toBeUndefined();
    expect(rowsOf(fixture.image)).toHaveLength(10);
  });

  it('finds each row’s region for any tables and keys', async () => {
    const name = fc.stringMatching(/^[a-zA-Z_][a-z0-9_.-]{0,4}$/);
    const keys = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(name, keys), { maxLength: 4, selector: ([table]) => table }),
        fc.string({ maxLength: 5 }),
        async (tables, row) => {
          const { addTable, image } = await makeFixture(2);
          const sorted = (texts: readonly string[]) =>
            [...texts].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
          for (const [table, splits] of tables) await addTable(table, sorted(splits));
          const all = rowsOf(image).map((each) => each.row);
          expect([...all].sort(compareMetaRows)).toEqual(all);
          for (const [table, splits] of tables) {
            const start = Buffer.from(`${table},${row},${nines}`);
            const [found] = rowsOf(image, true, start);
            const location = decodeMetaRow(found?.cells ?? []);
            const below = sorted(splits).filter(
              (key) => Buffer.compare(Buffer.from(key), Buffer.from(row)) <= 0,
            );
            expect(location?.region.startKey.toString()).toBe(below.at(-1) ?? '');
            expect(
              formatTableName(location?.region.table ?? { namespace: '', qualifier: '' }),
            ).toBe(table);
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('scans of hbase:meta', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await makeFixture(3);
    await fixture.addTable('t', ['b', 'c', 'd']);
    await fixture.addTable('u', []);
  });
  const startKeys = (cells: ReturnType<MetaScanners['answer']>): string[] => {
    let at = 0;
    return cells.cellsPerResult.map((count) => {
      const location = decodeMetaRow(cells.cells.slice(at, (at += count)));
      return location?.region.startKey.toString() ?? '?';
    });
  };

  it('trace 3.28: a client locates a row by a reversed scan of one row, and closes it', () => {
    const scan = {
      startRow: Buffer.from(`t,bb,${nines}`),
      stopRow: Buffer.from('t,,'),
      includeStop: true,
      reversed: true,
    };
    const answer = fixture.scanners.answer(opening(scan, { rowsMax: 1 }), 9);
    expect(startKeys(answer)).toEqual(['b']);
    expect(answer).toMatchObject({
      moreResults: true,
      moreResultsInRegion: true,
      leaseMs: 60_000,
      readPoint: 9,
      partialFlags: [false],
    });
    const { scannerId } = answer;
    const closing = { ...opening({}), open: undefined, scannerId, rowsMax: 0, isClosing: true };
    expect(fixture.scanners.answer(closing, 9)).toMatchObject({
      cellsPerResult: [],
      moreResults: true,
      moreResultsInRegion: true,
    });
    expect(fixture.scanners.open).toBe(0);
  });

  it('trace 3.28: no row of another table answers for one that is not there', () => {
    const scan = {
      startRow: Buffer.from(`tt,x,${nines}`),
      stopRow: Buffer.from('tt,,'),
      includeStop: true,
      reversed: true,
    };
    const answer = fixture.scanners.answer(opening(scan, { rowsMax: 1 }), 9);
    expect(answer).toMatchObject({ cellsPerResult: [], moreResultsInRegion: false });
  });

  it('trace 3.29: the region before a row, and the last of a table', () => {
    const before = { startRow: Buffer.from('t,c,00000000000000'), reversed: true };
    expect(startKeys(fixture.scanners.answer(opening(before, { rowsMax: 1 }), 9))).toEqual(['b']);
    const last = { startRow: Buffer.from('t\u0000'), reversed: true };
    expect(startKeys(fixture.scanners.answer(opening(last, { rowsMax: 1 }), 9))).toEqual(['d']);
  });

  it('trace 3.30: all regions of a table, in one page or in pages of one row', () => {
    const scan = { startRow: Buffer.from('t,,'), stopRow: Buffer.from('t ,,') };
    const one = fixture.scanners.answer(opening(scan, { rowsLimit: 2_147_483_647 }), 9);
    expect(startKeys(one)).toEqual(['', 'b', 'c', 'd']);
    expect(one).toMatchObject({ moreResults: true, moreResultsInRegion: false });
    const openBefore = fixture.scanners.open;
    const keys: string[] = [];
    let page = fixture.scanners.answer(opening(scan, { rowsMax: 1 }), 9);
    for (let nextCall = 0; ; nextCall++) {
      keys.push(...startKeys(page));
      if (page.moreResultsInRegion === false) break;
      const { scannerId } = page;
      const request = { ...opening({}), open: undefined, scannerId, rowsMax: 1, nextCall };
      page = fixture.scanners.answer(request, 9);
    }
    expect(keys).toEqual(['', 'b', 'c', 'd']);
    expect(fixture.scanners.open).toBe(openBefore);
  });

  it('trace 3.18: a limit of rows ends the scan', () => {
    const answer = fixture.scanners.answer(opening({}, { rowsLimit: 2 }), 9);
    expect(answer.cellsPerResult).toHaveLength(2);
    expect(answer.moreResults).toBe(false);
  });

  it('chooses columns, and cuts rows in pieces of a batch', () => {
    const families = [{ family: Buffer.from('info'), qualifiers: [Buffer.from('server')] }];
    const server = fixture.scanners.answer(opening({ families }), 9);
    expect(server.cellsPerResult).toEqual([1, 1, 1, 1, 1]);
    const cut = fixture.scanners.answer(opening({ startRow: Buffer.from('u,,'), batch: 2 }), 9);
    expect(cut.cellsPerResult).toEqual([2, 2, 1]);
    expect(cut.partialFlags).toEqual([true, true, false]);
  });

  it('refuses unknown scanners, calls out of order, and filters, each with HBase’s words', () => {
    const { scannerId } = fixture.scanners.answer(opening({}, { rowsMax: 1 }), 9);
    const next = { ...opening({}), open: undefined, scannerId };
    expect(() => fixture.scanners.answer({ ...next, nextCall: 1 }, 9)).toThrow(
      'Expected nextCallSeq: 0 But the nextCallSeq got from client: 1',
    );
    expect(() => fixture.scanners.answer({ ...next, scannerId: { high: 0, low: 7 } }, 9)).toThrow(
      "Unknown scanner '7'.",
    );
    const filter = { name: 'org.apache.hadoop.hbase.filter.PageFilter', body: empty };
    expect(() => fixture.scanners.answer(opening({ filter }), 9)).toThrow('takes no filters');
  });
});

it('trace 3.28–3.31: a client of the wire finds regions and states', async () => {
  const cluster = await new TestCluster(4).start(1);
  await cluster.createTable('t', ['m']);
  const call = <T>(
    method: string,
    encode: Parameters<typeof cluster.rpc.call<T>>[2]['encode'],
    value: T,
  ) =>
    cluster.simulation.run(
      cluster.rpc.call(cluster.master.address, 'ClientService', {
        method,
        encode,
        value,
        timeoutMs: 1_000,
        priority: 200,
      }),
    );
  const scan = {
    startRow: Buffer.from(`t,x,${nines}`),
    stopRow: Buffer.from('t,,'),
    includeStop: true,
    reversed: true,
  };
  const found = decodeScanResponse(
    await call('Scan', writeScanRequest, opening(scan, { rowsMax: 1 })),
  );
  const location = decodeMetaRow(found.cells);
  expect(location?.region.startKey.toString()).toBe('m');
  expect(location?.server).toMatchObject({ ...cluster.servers[0]?.address, startCode: 1 });
  const region = { kind: 'name', value: metaRegionName } as const;
  const get = {
    ...allOf,
    families: [{ family: Buffer.from('table'), qualifiers: [Buffer.from('state')] }],
    row: Buffer.from('t'),
    existenceOnly: false,
  };
  const state = decodeGetResponse(await call('Get', writeGetRequest, { region, get }));
  expect(decodeTableState(state.cells[0]?.value ?? empty)).toBe('enabled');
  const absent = await call('Get', writeGetRequest, {
    region,
    get: { ...get, row: Buffer.from('nope') },
  });
  expect(decodeGetResponse(absent).cells).toEqual([]);
  const elsewhere = { kind: 'name', value: Buffer.from('t,,1.x.') } as const;
  await expect(call('Get', writeGetRequest, { region: elsewhere, get })).rejects.toMatchObject({
    code: 'region-not-serving',
  });
});
