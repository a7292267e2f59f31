// From a filter as it came over the wire to one that a scan can ask: HBase's own classes.
// Source: HBase's Filter.proto and the classes of org.apache.hadoop.hbase.filter.

import { CadastreError } from '../../base/errors.js';
import type { FilterSpec } from '../../base/operations.js';
import {
  ColumnCountGetFilterSchema,
  ColumnPaginationFilterSchema,
  ColumnPrefixFilterSchema,
  ColumnRangeFilterSchema,
  ColumnValueFilterSchema,
  DependentColumnFilterSchema,
  FamilyFilterSchema,
  FilterListSchema,
  FilterList_Operator,
  FirstKeyValueMatchingQualifiersFilterSchema,
  FuzzyRowFilterSchema,
  InclusiveStopFilterSchema,
  KeyOnlyFilterSchema,
  MultipleColumnPrefixFilterSchema,
  MultiRowRangeFilterSchema,
  PageFilterSchema,
  PrefixFilterSchema,
  QualifierFilterSchema,
  RandomRowFilterSchema,
  RowFilterSchema,
  SingleColumnValueExcludeFilterSchema,
  SingleColumnValueFilterSchema,
  SkipFilterSchema,
  TimestampsFilterSchema,
  ValueFilterSchema,
  WhileMatchFilterSchema,
  type CompareFilter,
  type Filter,
  type SingleColumnValueFilter as SingleColumnMessage,
} from '../../wire/generated/hbase/filter_pb.js';
import { decodeMessage } from '../../wire/proto-service.js';
import { viewOf } from '../../wire/views.js';
import type { Random } from '../../world/random.js';
import type { RowFilter } from '../filter.js';
import * as columns from './column-filters.js';
import * as combined from './combined-filters.js';
import { comparisonOf, type Comparison } from './filter-base.js';
import * as rows from './row-filters.js';
import * as values from './value-filters.js';

/** What some filters depend on beside their message. */
export interface FilterContext {
  readonly reversed: boolean;
  readonly random: Random;
}

type Parser = (body: Buffer, context: FilterContext, depth: number) => RowFilter;

const prefix = 'org.apache.hadoop.hbase.filter.';
/** Filters within filters (L9): as deep as anyone writes them by hand. */
const depthMax = 32;
const partsMax = 1_000;

/** Throws `not-supported` for classes that are not HBase's own, `bad-request` for a broken body. */
export function parseFilter(spec: FilterSpec, context: FilterContext): RowFilter {
  return parseAt(spec, context, 0);
}

function parseAt(spec: FilterSpec, context: FilterContext, depth: number): RowFilter {
  if (depth > depthMax) {
    throw new CadastreError('bad-request', `filters are nested deeper than ${depthMax}`);
  }
  const name = spec.name.startsWith(prefix) ? spec.name.slice(prefix.length) : '';
  const parser = Object.hasOwn(parsers, name) ? parsers[name] : undefined;
  if (parser !== undefined) return parser(spec.body, context, depth);
  throw new CadastreError('not-supported', `the filter ${spec.name} is not supported`, {
    nextStep: `Use one of ${Object.keys(parsers).join(', ')}.`,
  });
}

const parsers: Readonly<Record<string, Parser>> = {
  ColumnCountGetFilter: (body) =>
    new columns.ColumnCountGetFilter(decodeMessage(ColumnCountGetFilterSchema, body).limit),
  ColumnPaginationFilter: (body) => {
    const { limit, offset, columnOffset } = decodeMessage(ColumnPaginationFilterSchema, body);
    const from = columnOffset.length > 0 ? viewOf(columnOffset) : offset;
    return new columns.ColumnPaginationFilter(limit, from);
  },
  ColumnPrefixFilter: (body) =>
    new columns.ColumnPrefixFilter([viewOf(decodeMessage(ColumnPrefixFilterSchema, body).prefix)]),
  ColumnRangeFilter: (body) => columnRange(body),
  ColumnValueFilter: (body) => {
    const message = decodeMessage(ColumnValueFilterSchema, body);
    return new values.ColumnValueFilter({
      family: viewOf(message.family),
      qualifier: viewOf(message.qualifier),
      comparison: comparisonOf(message.compareOp, message.comparator),
    });
  },
  DependentColumnFilter: (body) => dependentColumn(body),
  FamilyFilter: (body) =>
    new columns.FamilyFilter(compared(decodeMessage(FamilyFilterSchema, body).compareFilter)),
  FilterAllFilter: () => new rows.FilterAllFilter(),
  FilterList: (body, context, depth) => {
    const { operator, filters } = decodeMessage(FilterListSchema, body);
    if (filters.length > partsMax) {
      throw new CadastreError('bad-request', `a list of ${filters.length} filters is too long`);
    }
    const parts = filters.map((filter) => part(filter, context, depth));
    return operator === FilterList_Operator.MUST_PASS_ONE
      ? new combined.AnyFilter(parts)
      : new combined.AllFilter(parts);
  },
  FirstKeyOnlyFilter: () => new rows.FirstKeyOnlyFilter(),
  FirstKeyValueMatchingQualifiersFilter: (body) => {
    const message = decodeMessage(FirstKeyValueMatchingQualifiersFilterSchema, body);
    return new rows.FirstMatchingQualifierFilter(message.qualifiers.map(viewOf));
  },
  FuzzyRowFilter: (body) => fuzzyRow(body),
  InclusiveStopFilter: (body, { reversed }) => {
    const { stopRowKey } = decodeMessage(InclusiveStopFilterSchema, body);
    return new rows.InclusiveStopFilter(viewOf(stopRowKey), reversed);
  },
  KeyOnlyFilter: (body) =>
    new values.KeyOnlyFilter(decodeMessage(KeyOnlyFilterSchema, body).lenAsVal),
  MultiRowRangeFilter: (body, { reversed }) => multiRowRange(body, reversed),
  MultipleColumnPrefixFilter: (body) => {
    const { sortedPrefixes } = decodeMessage(MultipleColumnPrefixFilterSchema, body);
    return new columns.ColumnPrefixFilter(sortedPrefixes.map(viewOf));
  },
  PageFilter: (body) => new rows.PageFilter(Number(decodeMessage(PageFilterSchema, body).pageSize)),
  PrefixFilter: (body, { reversed }) =>
    new rows.PrefixFilter(viewOf(decodeMessage(PrefixFilterSchema, body).prefix), reversed),
  QualifierFilter: (body) =>
    new columns.QualifierFilter(compared(decodeMessage(QualifierFilterSchema, body).compareFilter)),
  RandomRowFilter: (body, { random }) =>
    new rows.RandomRowFilter(decodeMessage(RandomRowFilterSchema, body).chance, random),
  RowFilter: (body) =>
    new rows.RowKeyFilter(compared(decodeMessage(RowFilterSchema, body).compareFilter)),
  SingleColumnValueExcludeFilter: (body) => {
    const message = decodeMessage(SingleColumnValueExcludeFilterSchema, body);
    return singleColumn(message.singleColumnValueFilter, true);
  },
  SingleColumnValueFilter: (body) =>
    singleColumn(decodeMessage(SingleColumnValueFilterSchema, body), false),
  SkipFilter: (body, context, depth) =>
    new combined.SkipFilter(part(decodeMessage(SkipFilterSchema, body).filter, context, depth)),
  TimestampsFilter: (body) =>
    new columns.TimestampsFilter(decodeMessage(TimestampsFilterSchema, body).timestamps),
  ValueFilter: (body) =>
    new values.ValueFilter(compared(decodeMessage(ValueFilterSchema, body).compareFilter)),
  WhileMatchFilter: (body, context, depth) => {
    const { filter } = decodeMessage(WhileMatchFilterSchema, body);
    return new combined.WhileMatchFilter(part(filter, context, depth));
  },
};

function part(filter: Filter | undefined, context: FilterContext, depth: number): RowFilter {
  if (filter === undefined) throw missing('the filter inside');
  const { name, serializedFilter } = filter;
  return parseAt({ name, body: viewOf(serializedFilter) }, context, depth + 1);
}

function compared(message: CompareFilter | undefined): Comparison {
  if (message === undefined) throw missing('what to compare with');
  return comparisonOf(message.compareOp, message.comparator);
}

function columnRange(body: Buffer): RowFilter {
  const message = decodeMessage(ColumnRangeFilterSchema, body);
  const bound = (bytes: Uint8Array): Buffer | undefined =>
    bytes.length === 0 ? undefined : viewOf(bytes);
  return new columns.ColumnRangeFilter({
    min: bound(message.minColumn),
    minInclusive: message.minColumnInclusive,
    max: bound(message.maxColumn),
    maxInclusive: message.maxColumnInclusive,
  });
}

function dependentColumn(body: Buffer): RowFilter {
  const message = decodeMessage(DependentColumnFilterSchema, body);
  const { compareFilter, columnFamily, columnQualifier } = message;
  const comparison = compareFilter?.comparator === undefined ? undefined : compared(compareFilter);
  const column = { family: viewOf(columnFamily), qualifier: viewOf(columnQualifier) };
  return new values.DependentColumnFilter(column, comparison, message.dropDependentColumn);
}

function singleColumn(message: SingleColumnMessage | undefined, excludes: boolean): RowFilter {
  if (message === undefined) throw missing('the column');
  const column = {
    family: viewOf(message.columnFamily),
    qualifier: viewOf(message.columnQualifier),
    comparison: comparisonOf(message.compareOp, message.comparator),
  };
  return new values.SingleColumnValueFilter(column, {
    dropsMissing: message.filterIfMissing,
    latestOnly: message.latestVersionOnly,
    excludes,
  });
}

function multiRowRange(body: Buffer, reversed: boolean): RowFilter {
  const { rowRangeList } = decodeMessage(MultiRowRangeFilterSchema, body);
  const ranges = rowRangeList.map((range) => ({
    start: viewOf(range.startRow),
    startInclusive: range.startRowInclusive,
    stop: viewOf(range.stopRow),
    stopInclusive: range.stopRowInclusive,
  }));
  return new rows.MultiRowRangeFilter(ranges, reversed);
}

/**
 * Masks come as the client's library made them: 255 for a fixed byte and 2 (or, older, 0) for any;
 * or as the caller wrote them: 0 for a fixed byte and 1 for any.
 */
function fuzzyRow(body: Buffer): RowFilter {
  const { fuzzyKeysData, isMaskV2 } = decodeMessage(FuzzyRowFilterSchema, body);
  const keys = fuzzyKeysData.map(({ first, second }) => {
    const mask = [...second];
    const isAsWritten = mask.includes(1) || (isMaskV2 && !mask.includes(255) && !mask.includes(2));
    return {
      key: viewOf(first),
      fixed: mask.map((byte) => (isAsWritten ? byte === 0 : byte === 255)),
    };
  });
  return new rows.FuzzyRowFilter(keys);
}

function missing(what: string): CadastreError {
  return new CadastreError('bad-request', `a filter comes without ${what}`);
}
