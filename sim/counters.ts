// Whether a row's increments were each applied exactly once.
//
// Every increment is by one, so what clients were told are places in one order: no place twice, later
// increments have later places, and the last value counts every acknowledged one and no more than all.
// The answer to a repeated request is the value by then: at least its place.

import type { CountOperation } from './history.js';

/** What is wrong; undefined: nothing. `final` is the value at the end. */
export function explainCounter(
  operations: readonly CountOperation[],
  final: number,
): string | undefined {
  const told = operations
    .flatMap((operation) =>
      operation.result === undefined ? [] : [{ ...operation, result: operation.result }],
    )
    .sort((a, b) => a.result - b.result);
  let latestBegin = -Infinity;
  for (const [index, operation] of told.entries()) {
    const { result, began, ended, by } = operation;
    const previous = told[index - 1];
    if (previous?.result === result && previous.isExact && operation.isExact) {
      return `${result} was told twice, once to ${by}`;
    }
    // Something with a lower place that began only after this one had ended.
    if (ended < latestBegin) return `${result} was told to ${by} before a lower one was asked for`;
    latestBegin = Math.max(latestBegin, began);
    if (result > final) return `${result} was told to ${by}, and the last value is ${final}`;
  }
  if (final < told.length) return `${told.length} increments were acknowledged, ${final} are there`;
  if (final > operations.length) {
    return `${operations.length} increments were made, ${final} are there`;
  }
  return undefined;
}
