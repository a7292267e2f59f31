// `put`, `get`, `scan`, `delete` and `count`.

import type { Column, DeleteTarget, ReadOptions, Row, ScanOptions } from '../../client/public.js';
import { parseBytes, showBytes, toJsonBytes } from '../bytes-text.js';
import { confirm } from '../confirm.js';
import { wholeOption, withClient } from '../connection.js';
import type { ClusterOptions } from '../connection.js';
import { cellText, printJson, printLine, rowJson } from '../output.js';
import { UsageError } from '../errors.js';

interface SelectOptions extends ClusterOptions {
  readonly columns?: readonly string[];
  readonly versions?: string;
  readonly from?: string;
  readonly until?: string;
}

export interface ScanCommandOptions extends SelectOptions {
  readonly start?: string;
  readonly stop?: string;
  readonly prefix?: string;
  readonly reversed?: boolean;
  readonly limit?: string;
}

export async function put(
  table: string,
  row: string,
  values: readonly string[],
  options: ClusterOptions & { readonly timestamp?: string },
): Promise<void> {
  const { timestamp } = options;
  const cells = values.map((text) => {
    const equals = text.indexOf('=');
    if (equals < 0) {
      throw new UsageError(`"${text}" has no "="`, 'Write values as family:qualifier=value.');
    }
    const { family, qualifier } = parseColumn(text.slice(0, equals));
    const value = parseBytes(text.slice(equals + 1));
    const time = timestamp === undefined ? {} : { timestamp };
    return { family, qualifier: qualifier ?? '', value, ...time };
  });
  await withClient(options, (client) => client.table(table).put(parseBytes(row), cells));
  if (options.json === true)
    await printJson({ row: toJsonBytes(parseBytes(row)), cells: cells.length });
}

export async function get(table: string, row: string, options: SelectOptions): Promise<void> {
  const key = parseBytes(row);
  const found = await withClient(options, (client) =>
    client.table(table).get(key, readOptions(options)),
  );
  if (found !== undefined) await printRow(found, options);
  else if (options.json === true) await printJson({ row: toJsonBytes(key), cells: [] });
  else await printLine(`no row ${showBytes(key)} in ${table}`);
}

export async function scan(table: string, options: ScanCommandOptions): Promise<void> {
  await withClient(options, async (client) => {
    let rows = 0;
    for await (const row of client.table(table).scan(scanOptions(options))) {
      rows += 1;
      await printRow(row, options);
    }
    if (options.json !== true) await printLine(`${rows} row${rows === 1 ? '' : 's'}`);
  });
}

export async function remove(
  table: string,
  row: string,
  columns: readonly string[],
  options: ClusterOptions & { readonly yes?: boolean },
): Promise<void> {
  const targets = columns.map((text): DeleteTarget => {
    const { family, qualifier } = parseColumn(text);
    return qualifier === undefined
      ? { kind: 'family', family }
      : { kind: 'column', family, qualifier };
  });
  if (targets.length === 0) await confirm(`Delete the whole row ${row} of ${table}?`, options.yes);
  await withClient(options, (client) => client.table(table).delete(parseBytes(row), targets));
  if (options.json === true) await printJson({ row: toJsonBytes(parseBytes(row)), deleted: true });
}

export async function count(table: string, options: ScanCommandOptions): Promise<void> {
  await withClient(options, async (client) => {
    let rows = 0;
    // One cell of each family is enough to see that a row is there.
    const scanned = { ...scanOptions(options), cellsPerFamily: 1 };
    for await (const page of client.table(table).scanPages(scanned)) rows += page.length;
    if (options.json === true) await printJson({ table, rows });
    else await printLine(String(rows));
  });
}

async function printRow(row: Row, options: ClusterOptions): Promise<void> {
  if (options.json === true) await printJson(rowJson(row));
  else for (const cell of row.cells) await printLine(`${showBytes(row.key)}  ${cellText(cell)}`);
}

/** `family` or `family:qualifier`, each with \xNN for bytes. */
export function parseColumn(text: string): { family: Buffer; qualifier?: Buffer } {
  const colon = text.indexOf(':');
  if (colon < 0) return { family: parseBytes(text) };
  return { family: parseBytes(text.slice(0, colon)), qualifier: parseBytes(text.slice(colon + 1)) };
}

function readOptions({ columns = [], versions, from, until }: SelectOptions): ReadOptions {
  const timeRange = {
    ...(from === undefined ? {} : { from }),
    ...(until === undefined ? {} : { until }),
  };
  const wanted: readonly Column[] = columns.map(parseColumn);
  const versionsMax = wholeOption(versions, '--versions');
  return {
    columns: wanted,
    ...(versionsMax === undefined ? {} : { versions: versionsMax }),
    ...(from === undefined && until === undefined ? {} : { timeRange }),
  };
}

export function scanOptions(options: ScanCommandOptions): ScanOptions {
  const { start, stop, prefix, reversed = false } = options;
  const limit = wholeOption(options.limit, '--limit');
  return {
    ...readOptions(options),
    ...(start === undefined ? {} : { start: parseBytes(start) }),
    ...(stop === undefined ? {} : { stop: parseBytes(stop) }),
    ...(prefix === undefined ? {} : { prefix: parseBytes(prefix) }),
    ...(limit === undefined ? {} : { limit }),
    reversed,
  };
}
