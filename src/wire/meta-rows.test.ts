import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RegionId } from '../base/ids.js';
import { regionName } from '../base/table.js';
import {
  compareMetaRows,
  decodeMetaRow,
  decodeRegionInfo,
  decodeTableState,
  encodeRegionInfo,
  encodeTableState,
  formatServerName,
  metaRegionCells,
  metaTableCell,
  parseHostPort,
  parseServerName,
} from './meta-rows.js';
import { comparable } from './testing/comparable.js';

const region = {
  table: { namespace: 'default', qualifier: 't' },
  regionId: 1_700_000_000_001,
  startKey: Buffer.from('a'),
  endKey: Buffer.from('m'),
  isOffline: false,
  isSplit: false,
};
const name = regionName({ ...region, regionId: region.regionId as RegionId });

describe('rows of hbase:meta', () => {
  it('hold a region as PBUF and the message with every field written', () => {
    expect(encodeRegionInfo(region).toString('hex')).toBe(
      // region_id, table_name { "default", "t" }, start_key, end_key, offline, split, replica_id
      '50425546' +
        '0881d095ffbc31' +
        '120c0a0764656661756c74120174' +
        '1a0161' +
        '22016d' +
        '280030003800',
    );
    expect(decodeRegionInfo(encodeRegionInfo(region))).toEqual(region);
    for (const value of ['', 'PBU', 'PBUF\xff', 'nope']) {
      expect(() => decodeRegionInfo(Buffer.from(value, 'latin1'))).toThrow(/region/);
    }
  });

  it('hold the state of a table as a bare message of two bytes', () => {
    const states = ['enabled', 'disabled', 'disabling', 'enabling'] as const;
    states.forEach((state, number) => {
      expect([...encodeTableState(state)]).toEqual([8, number]);
      expect(decodeTableState(encodeTableState(state))).toBe(state);
    });
    expect(() => decodeTableState(Buffer.from([8, 9]))).toThrow(/state .* is unknown/);
    expect(metaTableCell('ns:t', 'enabled', 5).row.toString()).toBe('ns:t');
  });

  it('give a client back where a region is', () => {
    const server = { host: '::1', port: 16020, startCode: 7, openSequence: 9 };
    const row = { name, region, transitionServer: server, state: 'OPEN', timestamp: 5 };
    const cells = metaRegionCells({ ...row, server, mergedFrom: [region, region] });
    expect(cells.map((cell) => cell.qualifier.toString())).toEqual([
      'merge0000',
      'merge0001',
      'regioninfo',
      'seqnumDuringOpen',
      'server',
      'serverstartcode',
      'sn',
      'state',
    ]);
    const { openSequence, ...place } = server;
    expect(comparable(decodeMetaRow(cells))).toEqual(
      comparable({ name, region, server: place, openSequence }),
    );
    const closed = metaRegionCells({ ...row, server: undefined, state: 'CLOSED' });
    expect(decodeMetaRow(closed)).toMatchObject({ server: undefined, openSequence: 0 });
    expect(decodeMetaRow([metaTableCell('t', 'enabled', 5)])).toBeUndefined();
  });

  it('are ordered by table, start key and id, and not as plain bytes', () => {
    const ordered = [
      't',
      't,,1',
      't,,2',
      't,a,1',
      't,a!,1',
      't,a,b,1',
      't,b,1',
      't-x,,1',
      't.y,,1',
    ];
    const rows = ordered.map((text) => Buffer.from(text));
    expect([...rows].reverse().sort(compareMetaRows).map(String)).toEqual(ordered);
    expect([...rows].sort((a, b) => a.compare(b)).map(String)).not.toEqual(ordered);
    const text = fc.stringMatching(/^[,ab]{0,6}$/).map((value) => Buffer.from(value));
    fc.assert(
      fc.property(text, text, text, (a, b, c) => {
        expect(Math.sign(compareMetaRows(a, b))).toBe(-Math.sign(compareMetaRows(b, a)) + 0);
        if (compareMetaRows(a, b) <= 0 && compareMetaRows(b, c) <= 0) {
          expect(compareMetaRows(a, c)).toBeLessThanOrEqual(0);
        }
      }),
    );
  });

  it('name servers in texts that are parsed strictly', () => {
    const server = { host: 'h', port: 1, startCode: 2 };
    expect(parseServerName(formatServerName(server))).toEqual(server);
    for (const text of ['', 'h,1', 'h,1,2,3', 'h,x,2']) {
      expect(() => parseServerName(text)).toThrow(/host,port,startcode/);
    }
    expect(() => parseHostPort('h')).toThrow(/host:port/);
  });
});
