// Turns MDN's browser compatibility data (the npm package `@mdn/browser-compat-data`, CC0) into rows:
// one row for each feature path, family `support`, one column for each browser. Statements of a
// browser become versions of its cell at the dates of the releases they speak of, so that "what was
// supported on that day" is a time range.

import { createRequire } from 'node:module';
import type {
  BrowserName,
  CompatData,
  Identifier,
  SimpleSupportStatement,
} from '@mdn/browser-compat-data';

/** A cell of the demo's table. `timestamp` is milliseconds. */
export interface FeatureCell {
  readonly family: 'support';
  readonly qualifier: string;
  readonly timestamp: number;
  readonly value: string;
}

export interface FeatureRow {
  /** Such as `api.AbortController.abort`. */
  readonly row: string;
  readonly cells: readonly FeatureCell[];
}

/** Before every release: "never supported" stands here. */
export const neverMs = 1;

/** Most statements of one browser about one feature: the versions that the table keeps. */
export const statementsMax = 20;

export function browserData(): CompatData {
  const require = createRequire(import.meta.url);
  return require('@mdn/browser-compat-data') as CompatData;
}

/** All features, in the order of the data. */
export function* featureRows(data: CompatData): Generator<FeatureRow> {
  for (const [name, part] of Object.entries(data)) {
    if (name === 'browsers' || name === '__meta') continue;
    yield* rowsBelow(data, name, part as Identifier);
  }
}

function* rowsBelow(data: CompatData, path: string, part: Identifier): Generator<FeatureRow> {
  const support = part.__compat?.support;
  if (support !== undefined) {
    const cells = Object.entries(support).flatMap(([browser, statements]) =>
      cellsOf(data, browser as BrowserName, [statements].flat()),
    );
    yield { row: path, cells };
  }
  for (const [name, below] of Object.entries(part)) {
    if (name !== '__compat') yield* rowsBelow(data, `${path}.${name}`, below as Identifier);
  }
}

function cellsOf(
  data: CompatData,
  browser: BrowserName,
  statements: readonly SimpleSupportStatement[],
): readonly FeatureCell[] {
  const taken = new Set<number>();
  // The first statement matters most: of those on one day it becomes the newest version.
  return [...statements].reverse().map((statement) => {
    let timestamp = releasedAt(data, browser, statement);
    while (taken.has(timestamp)) timestamp += 1;
    taken.add(timestamp);
    return { family: 'support', qualifier: browser, timestamp, value: JSON.stringify(statement) };
  });
}

/** When the release came out that a statement speaks of; previews count as of the data itself. */
function releasedAt(
  data: CompatData,
  browser: BrowserName,
  statement: SimpleSupportStatement,
): number {
  const version: unknown = statement.version_added;
  if (typeof version !== 'string') return neverMs;
  const release = data.browsers[browser].releases[version.replace('≤', '')];
  return Date.parse(release?.release_date ?? data.__meta.timestamp);
}
