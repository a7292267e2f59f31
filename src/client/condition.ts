// When a check-and-mutate goes ahead.

import { toBinary, create } from '@bufbuild/protobuf';
import type { CompareOperator, Condition, FilterSpec } from '../base/operations.js';
import { BinaryComparatorSchema } from '../wire/generated/hbase/comparator_pb.js';
import { toBuffer } from './bytes.js';
import type { Bytes } from './bytes.js';
import { splitColumn, timeRangeOf } from './selection.js';
import type { Column, ReadOptions } from './selection.js';

/**
 * `equals` and `compare` look at the newest value of a column: the stored value stands left of the
 * operator, `{ column, compare: 'greater', value }` holds if the stored value is greater. `absent`
 * holds if the column has no value, or an empty one. `filter` holds if the row passes it.
 */
export type Check = { readonly timeRange?: ReadOptions['timeRange'] } & (
  | { readonly column: Column; readonly equals: Bytes }
  | { readonly column: Column; readonly absent: true }
  | { readonly column: Column; readonly compare: CompareOperator; readonly value: Bytes }
  | { readonly filter: FilterSpec }
);

/** HBase writes the given value left of the operator. */
const turned: Readonly<Record<CompareOperator, CompareOperator>> = {
  less: 'greater',
  'less-or-equal': 'greater-or-equal',
  equal: 'equal',
  'not-equal': 'not-equal',
  'greater-or-equal': 'less-or-equal',
  greater: 'less',
  'no-op': 'no-op',
};

export function conditionOf(row: Buffer, check: Check): Condition {
  const timeRange = timeRangeOf(check.timeRange);
  if ('filter' in check) return { kind: 'filter', row, filter: check.filter, timeRange };
  const { family, qualifier = Buffer.alloc(0) } = splitColumn(check.column);
  const value = 'equals' in check ? check.equals : 'value' in check ? check.value : '';
  return {
    kind: 'value',
    row,
    family,
    qualifier,
    operator: 'compare' in check ? turned[check.compare] : 'equal',
    comparator: {
      name: 'org.apache.hadoop.hbase.filter.BinaryComparator',
      body: Buffer.from(
        toBinary(
          BinaryComparatorSchema,
          create(BinaryComparatorSchema, { comparable: { value: toBuffer(value) } }),
        ),
      ),
    },
    timeRange,
  };
}
