// Whether the condition of a check-and-mutate holds. Reads the tail: what is in the log but not yet
// durable counts, because the answer comes after it (L4).

import type { Condition, Get } from '../base/operations.js';
import { conditionHolds, parseComparator } from '../wire/comparators.js';
import { after } from './maybe-async.js';
import { collectRow, type ReadContext } from './reads.js';

/** Whether it holds, and the time of the cell it saw: what is written then must not be older. */
export interface ConditionOutcome {
  readonly holds: boolean;
  readonly seenAtMs: number;
}

/** Throws or rejects for comparators and filters that are not known or broken. */
export function evaluate(
  context: ReadContext,
  condition: Condition,
): ConditionOutcome | Promise<ConditionOutcome> {
  const comparator = condition.kind === 'value' ? parseComparator(condition.comparator) : undefined;
  return after(collectRow(context, conditionGet(condition)), (cells) => {
    const first = cells[0];
    const holds =
      condition.kind === 'filter' || comparator === undefined
        ? first !== undefined
        : conditionHolds(condition.operator, comparator, first);
    return { holds, seenAtMs: first?.timestampApproximate ?? 0 };
  });
}

function conditionGet(condition: Condition): Get {
  const isValue = condition.kind === 'value';
  return {
    row: condition.row,
    existenceOnly: false,
    families: isValue ? [{ family: condition.family, qualifiers: [condition.qualifier] }] : [],
    timeRange: condition.timeRange,
    familyTimeRanges: [],
    versionsMax: 1,
    storeLimit: undefined,
    storeOffset: 0,
    filter: isValue ? undefined : condition.filter,
    cacheBlocks: true,
  };
}
