import { create, toBinary, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import type { FilterSpec } from '../../base/operations.js';
import { familyDescriptor } from '../../base/table.js';
import {
  BinaryComparatorSchema,
  RegexStringComparatorSchema,
  SubstringComparatorSchema,
} from '../../wire/generated/hbase/comparator_pb.js';
import * as filters from '../../wire/generated/hbase/filter_pb.js';
import { CompareType } from '../../wire/generated/hbase/hbase_pb.js';
import { RegionRig } from '../testing/region-rig.js';
import { cellAt, get, putOf, scan } from '../testing/requests.js';

const prefix = 'org.apache.hadoop.hbase.filter.';
const bytes = (text: string): Buffer => Buffer.from(text);

function specOf<D extends DescMessage>(schema: D, init: MessageInitShape<D>): FilterSpec {
  const name = schema.typeName.slice('hbase.pb.'.length);
  return { name: prefix + name, body: Buffer.from(toBinary(schema, create(schema, init))) };
}

/** A filter inside another one. */
function inner({ name, body }: FilterSpec) {
  return { name, serializedFilter: body };
}

function binary(value: string) {
  const init = { comparable: { value: bytes(value) } };
  const body = toBinary(BinaryComparatorSchema, create(BinaryComparatorSchema, init));
  return { name: `${prefix}BinaryComparator`, serializedComparator: body };
}
function substring(substr: string) {
  const body = toBinary(SubstringComparatorSchema, create(SubstringComparatorSchema, { substr }));
  return { name: `${prefix}SubstringComparator`, serializedComparator: body };
}
function regex(pattern: string) {
  const init = { pattern, patternFlags: 0, charset: 'UTF-8' };
  const body = toBinary(RegexStringComparatorSchema, create(RegexStringComparatorSchema, init));
  return { name: `${prefix}RegexStringComparator`, serializedComparator: body };
}

/** Rows r1 to r5; f:a = row number, f:b on even rows, g:c = x or y, f:ver with three versions. */
async function filled(): Promise<RegionRig> {
  const rig = new RegionRig({
    families: [familyDescriptor('f', { versionsMax: 3 }), familyDescriptor('g')],
  });
  await rig.open();
  for (let i = 1; i <= 5; i++) {
    const row = `r${i}`;
    const cells = [
      cellAt(row, 'f:a', `${i}`, { timestamp: 10 * i }),
      ...(i % 2 === 0 ? [cellAt(row, 'f:b', 'even', { timestamp: 10 * i })] : []),
      ...[1, 2, 3].map((version) => cellAt(row, 'f:ver', `v${version}`, { timestamp: version })),
      cellAt(row, 'g:c', i < 3 ? 'x' : 'y', { timestamp: 7 }),
    ];
    await rig.mutate(putOf(row, ...cells));
    if (i === 3) await rig.region.flush();
  }
  return rig;
}

/** Rows with their cells, as `r1[a=1 ver=v3 c=x]`. */
async function found(
  spec: FilterSpec,
  changes: Parameters<typeof scan>[0] = {},
): Promise<string[]> {
  const rig = await filled();
  const results = await rig.scan(scan({ filter: spec, ...changes }));
  return results.map((cells) => {
    const shown = cells.map((text) => {
      const [, column = '', , value = ''] = /^[^/]*\/.:([^/]*)\/(\d+)\/4=(.*)$/s.exec(text) ?? [];
      return `${column}=${value}`;
    });
    return `${cells[0]?.slice(0, 2)}[${shown.join(' ')}]`;
  });
}

async function rowsOf(spec: FilterSpec, changes: Parameters<typeof scan>[0] = {}): Promise<string> {
  return (await found(spec, changes)).map((text) => text[1]).join('');
}

const column = { columnFamily: bytes('f'), columnQualifier: bytes('b') };
const row = (compareOp: CompareType, value: string): FilterSpec =>
  specOf(filters.RowFilterSchema, { compareFilter: { compareOp, comparator: binary(value) } });
const page = (size: number): FilterSpec =>
  specOf(filters.PageFilterSchema, { pageSize: BigInt(size) });
const prefixOf = (text: string): FilterSpec =>
  specOf(filters.PrefixFilterSchema, { prefix: bytes(text) });
const list = (operator: filters.FilterList_Operator, ...parts: readonly FilterSpec[]): FilterSpec =>
  specOf(filters.FilterListSchema, { operator, filters: parts.map(inner) });
const { MUST_PASS_ALL, MUST_PASS_ONE } = filters.FilterList_Operator;

describe('filters on rows', () => {
  it('RowFilter compares the stored key with the given one', async () => {
    expect(await rowsOf(row(CompareType.LESS, 'r3'))).toBe('12');
    expect(await rowsOf(row(CompareType.GREATER_OR_EQUAL, 'r3'))).toBe('345');
    expect(await rowsOf(row(CompareType.NOT_EQUAL, 'r3'))).toBe('1245');
    expect(await rowsOf(row(CompareType.EQUAL, 'r3'), { reversed: true })).toBe('3');
  });
  it('PrefixFilter', async () => {
    expect(await rowsOf(prefixOf('r2'))).toBe('2');
    expect(await rowsOf(prefixOf('r'))).toBe('12345');
    expect(await rowsOf(prefixOf('q'))).toBe('');
    expect(await rowsOf(prefixOf('r4'), { reversed: true })).toBe('4');
  });
  it('InclusiveStopFilter', async () => {
    const spec = specOf(filters.InclusiveStopFilterSchema, { stopRowKey: bytes('r3') });
    expect(await rowsOf(spec)).toBe('123');
    expect(await rowsOf(spec, { reversed: true })).toBe('543');
  });
  it('PageFilter', async () => {
    expect(await rowsOf(page(2))).toBe('12');
    expect(await rowsOf(page(2), { reversed: true })).toBe('54');
  });
  it('RandomRowFilter takes all or none at the ends', async () => {
    expect(await rowsOf(specOf(filters.RandomRowFilterSchema, { chance: 1.1 }))).toBe('12345');
    expect(await rowsOf(specOf(filters.RandomRowFilterSchema, { chance: -1 }))).toBe('');
  });
  it('MultiRowRangeFilter', async () => {
    const range = (start: string, stop: string, stopRowInclusive = false) => ({
      startRow: bytes(start),
      startRowInclusive: true,
      stopRow: bytes(stop),
      stopRowInclusive,
    });
    const spec = specOf(filters.MultiRowRangeFilterSchema, {
      rowRangeList: [range('r1', 'r2'), range('r4', 'r5', true)],
    });
    expect(await rowsOf(spec)).toBe('145');
    expect(await rowsOf(spec, { reversed: true })).toBe('541');
  });
  it('FuzzyRowFilter, with masks as written and as the client library makes them', async () => {
    const fuzzy = (mask: readonly number[], isMaskV2: boolean): FilterSpec =>
      specOf(filters.FuzzyRowFilterSchema, {
        fuzzyKeysData: [{ first: bytes('x4'), second: Buffer.from(mask) }],
        isMaskV2,
      });
    expect(await rowsOf(fuzzy([2, 255], true))).toBe('4');
    expect(await rowsOf(fuzzy([0, 255], false))).toBe('4');
    expect(await rowsOf(fuzzy([1, 0], false))).toBe('4');
    expect(await rowsOf(fuzzy([255, 255], true))).toBe('');
  });
});

describe('filters on columns', () => {
  it('FamilyFilter, QualifierFilter', async () => {
    const compareFilter = { compareOp: CompareType.EQUAL, comparator: binary('g') };
    expect(await found(specOf(filters.FamilyFilterSchema, { compareFilter }))).toEqual(
      ['1', '2', '3', '4', '5'].map((i) => `r${i}[c=${Number(i) < 3 ? 'x' : 'y'}]`),
    );
    const qualifier = { compareOp: CompareType.EQUAL, comparator: regex('^[ab]$') };
    expect(
      await found(specOf(filters.QualifierFilterSchema, { compareFilter: qualifier })),
    ).toEqual(['r1[a=1]', 'r2[a=2 b=even]', 'r3[a=3]', 'r4[a=4 b=even]', 'r5[a=5]']);
  });
  it('ColumnPrefixFilter, MultipleColumnPrefixFilter', async () => {
    const one = specOf(filters.ColumnPrefixFilterSchema, { prefix: bytes('ve') });
    expect((await found(one))[0]).toBe('r1[ver=v3]');
    const two = specOf(filters.MultipleColumnPrefixFilterSchema, {
      sortedPrefixes: [bytes('b'), bytes('v')],
    });
    expect((await found(two)).slice(0, 2)).toEqual(['r1[ver=v3]', 'r2[b=even ver=v3]']);
  });
  it('ColumnRangeFilter', async () => {
    const spec = specOf(filters.ColumnRangeFilterSchema, {
      minColumn: bytes('a'),
      minColumnInclusive: false,
      maxColumn: bytes('c'),
      maxColumnInclusive: true,
    });
    expect((await found(spec)).slice(0, 2)).toEqual(['r1[c=x]', 'r2[b=even c=x]']);
  });
  it('ColumnPaginationFilter by number and by qualifier, ColumnCountGetFilter', async () => {
    const byNumber = specOf(filters.ColumnPaginationFilterSchema, { limit: 2, offset: 1 });
    expect((await found(byNumber)).slice(0, 2)).toEqual(['r1[ver=v3 c=x]', 'r2[b=even ver=v3]']);
    const byColumn = specOf(filters.ColumnPaginationFilterSchema, {
      limit: 1,
      columnOffset: bytes('b'),
    });
    expect((await found(byColumn)).slice(0, 2)).toEqual(['r1[ver=v3]', 'r2[b=even]']);
    const rig = await filled();
    const count = specOf(filters.ColumnCountGetFilterSchema, { limit: 2 });
    expect(await rig.get(get('r2', { filter: count }))).toHaveLength(2);
  });
  it('TimestampsFilter sees all versions that the family keeps', async () => {
    const spec = specOf(filters.TimestampsFilterSchema, { timestamps: [2n, 7n] });
    expect((await found(spec))[0]).toBe('r1[ver=v2 c=x]');
  });
  it('FirstKeyOnlyFilter, FirstKeyValueMatchingQualifiersFilter, KeyOnlyFilter', async () => {
    expect((await found(specOf(filters.FirstKeyOnlyFilterSchema, {})))[1]).toBe('r2[a=2]');
    const matching = specOf(filters.FirstKeyValueMatchingQualifiersFilterSchema, {
      qualifiers: [bytes('b')],
    });
    expect((await found(matching))[1]).toBe('r2[a=2 b=even]');
    const keys = specOf(filters.KeyOnlyFilterSchema, { lenAsVal: false });
    expect((await found(keys))[0]).toBe('r1[a= ver= c=]');
    const lengths = specOf(filters.KeyOnlyFilterSchema, { lenAsVal: true });
    expect((await found(lengths))[0]).toBe('r1[a=\0\0\0\x01 ver=\0\0\0\x02 c=\0\0\0\x01]');
  });
});

describe('filters on values', () => {
  it('ValueFilter, ColumnValueFilter', async () => {
    const compareFilter = { compareOp: CompareType.EQUAL, comparator: substring('EVE') };
    expect(await found(specOf(filters.ValueFilterSchema, { compareFilter }))).toEqual([
      'r2[b=even]',
      'r4[b=even]',
    ]);
    const spec = specOf(filters.ColumnValueFilterSchema, {
      family: bytes('f'),
      qualifier: bytes('a'),
      compareOp: CompareType.GREATER,
      comparator: binary('3'),
    });
    expect(await found(spec)).toEqual(['r4[a=4]', 'r5[a=5]']);
  });
  it('SingleColumnValueFilter with and without rows that miss the column', async () => {
    const single = (filterIfMissing: boolean, value = 'even'): FilterSpec =>
      specOf(filters.SingleColumnValueFilterSchema, {
        ...column,
        compareOp: CompareType.EQUAL,
        comparator: binary(value),
        filterIfMissing,
        latestVersionOnly: true,
      });
    expect(await rowsOf(single(true))).toBe('24');
    expect(await rowsOf(single(false))).toBe('12345');
    expect(await rowsOf(single(false, 'odd'))).toBe('135');
    expect((await found(single(true)))[0]).toBe('r2[a=2 b=even ver=v3 c=x]');
  });
  it('SingleColumnValueExcludeFilter leaves the column out', async () => {
    const spec = specOf(filters.SingleColumnValueExcludeFilterSchema, {
      singleColumnValueFilter: {
        ...column,
        compareOp: CompareType.EQUAL,
        comparator: binary('even'),
        filterIfMissing: true,
        latestVersionOnly: true,
      },
    });
    expect(await found(spec)).toEqual(['r2[a=2 ver=v3 c=x]', 'r4[a=4 ver=v3 c=y]']);
  });
  it('DependentColumnFilter takes what has the time of the column', async () => {
    const spec = (dropDependentColumn: boolean): FilterSpec =>
      specOf(filters.DependentColumnFilterSchema, {
        ...column,
        compareFilter: { compareOp: CompareType.NO_OP },
        dropDependentColumn,
      });
    expect(await found(spec(false))).toEqual(['r2[a=2 b=even]', 'r4[a=4 b=even]']);
    expect(await found(spec(true))).toEqual(['r2[a=2]', 'r4[a=4]']);
  });
});

describe('filters of filters', () => {
  const value = (text: string): FilterSpec =>
    specOf(filters.ValueFilterSchema, {
      compareFilter: { compareOp: CompareType.NOT_EQUAL, comparator: binary(text) },
    });

  it('a list of which all must pass', async () => {
    expect(await rowsOf(list(MUST_PASS_ALL, row(CompareType.GREATER, 'r1'), page(2)))).toBe('23');
    expect(await rowsOf(list(MUST_PASS_ALL, prefixOf('r2'), prefixOf('r3')))).toBe('');
    expect(await rowsOf(list(MUST_PASS_ALL))).toBe('12345');
  });
  it('a list of which one must pass', async () => {
    const either = list(MUST_PASS_ONE, row(CompareType.EQUAL, 'r1'), row(CompareType.EQUAL, 'r5'));
    expect(await rowsOf(either)).toBe('15');
    const columns = list(
      MUST_PASS_ONE,
      specOf(filters.ColumnPrefixFilterSchema, { prefix: bytes('v') }),
      specOf(filters.ColumnPrefixFilterSchema, { prefix: bytes('a') }),
    );
    expect((await found(columns))[1]).toBe('r2[a=2 ver=v3]');
    const nested = list(
      MUST_PASS_ONE,
      list(MUST_PASS_ALL, prefixOf('r2'), value('2')),
      prefixOf('r4'),
    );
    expect(await found(nested)).toEqual(['r2[b=even ver=v3 c=x]', 'r4[a=4 b=even ver=v3 c=y]']);
    expect(await rowsOf(list(MUST_PASS_ONE))).toBe('12345');
  });
  it('SkipFilter drops rows of which a cell is left out, WhileMatchFilter ends there', async () => {
    const skip = specOf(filters.SkipFilterSchema, { filter: inner(value('3')) });
    expect(await rowsOf(skip)).toBe('1245');
    const keys = row(CompareType.NOT_EQUAL, 'r3');
    const whilst = specOf(filters.WhileMatchFilterSchema, { filter: inner(keys) });
    expect(await rowsOf(whilst)).toBe('12');
  });
});

describe('a filter that cannot be used', () => {
  it('is refused by name', async () => {
    const rig = await filled();
    const unknown = { name: 'com.example.MyFilter', body: Buffer.alloc(0) };
    expect(() => rig.region.openScanner(scan({ filter: unknown }))).toThrow(
      /the filter com\.example\.MyFilter is not supported/,
    );
    const broken = { name: `${prefix}PrefixFilter`, body: Buffer.from([255, 255]) };
    expect(() => rig.region.openScanner(scan({ filter: broken }))).toThrow(/malformed/);
    expect(() => rig.region.openScanner(scan({ filter: page(1), batch: 1 }))).toThrow(/batch/);
    let deep = page(1);
    for (let i = 0; i < 100; i++) deep = specOf(filters.SkipFilterSchema, { filter: inner(deep) });
    expect(() => rig.region.openScanner(scan({ filter: deep }))).toThrow(/nested deeper/);
  });
});
