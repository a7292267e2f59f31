// Three questions that a web developer would ask of the table.

import type { Table } from '../../src/client/public.js';
import { z } from 'zod';

const statement = z.object({
  version_added: z.union([z.string(), z.literal(false)]).nullish(),
  version_removed: z.string().optional(),
  partial_implementation: z.boolean().optional(),
});

export interface Answer {
  readonly question: string;
  readonly lines: readonly string[];
}

/** One row: where does this work, and since when? */
export async function sinceWhen(table: Table, feature: string): Promise<Answer> {
  const row = await table.get(feature);
  const lines = ['chrome', 'edge', 'firefox', 'safari', 'nodejs', 'ie'].map((browser) => {
    const cell = row?.cell('support', browser);
    if (cell === undefined) return `${browser.padEnd(8)} nothing is known`;
    const { version_added: version } = statement.parse(JSON.parse(cell.value.toString()));
    if (typeof version !== 'string') return `${browser.padEnd(8)} no`;
    const date = new Date(cell.timestampApproximate).toISOString().slice(0, 10);
    return `${browser.padEnd(8)} since ${version} (${date})`;
  });
  return { question: `Where does ${feature} work?`, lines };
}

/** A range of rows, one column, a time range: what came with a year? */
export async function newIn(
  table: Table,
  browser: string,
  prefix: string,
  year: number,
): Promise<Answer> {
  const names: string[] = [];
  const timeRange = { from: Date.UTC(year, 0, 1), until: Date.UTC(year + 1, 0, 1) };
  for await (const row of table.scan({ prefix, columns: [`support:${browser}`], timeRange })) {
    names.push(row.key.toString());
  }
  const shown = names.slice(0, 8).map((name) => name.slice(prefix.length));
  return {
    question: `Which ${prefix}* did ${browser} gain in ${year}?`,
    lines: [`${names.length} features, among them ${shown.join(', ')}`],
  };
}

/** The past: what did browsers share on a day? Versions up to that day, all columns. */
export async function sharedOn(table: Table, prefix: string, day: string): Promise<Answer> {
  const browsers = ['chrome', 'firefox', 'safari'];
  let known = 0;
  let shared = 0;
  const columns = browsers.map((browser) => `support:${browser}`);
  const timeRange = { until: Date.parse(day) };
  for await (const row of table.scan({ prefix, columns, timeRange })) {
    known += 1;
    const works = browsers.every((browser) => {
      const value = row.text('support', browser);
      if (value === undefined) return false;
      const { version_added: added, version_removed: removed } = statement.parse(JSON.parse(value));
      return typeof added === 'string' && removed === undefined;
    });
    if (works) shared += 1;
  }
  return {
    question: `Which ${prefix}* worked in ${browsers.join(', ')} alike on ${day}?`,
    lines: [`${shared} of ${known} that any of them knew then`],
  };
}
