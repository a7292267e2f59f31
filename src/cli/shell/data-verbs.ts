// Verbs of the shell for rows: put, get, scan, delete, deleteall, count, incr, append.

import type { Column, DeleteTarget, ReadOptions, Row, ScanOptions } from '../../client/public.js';
import { readBigInt64 } from '../../client/public.js';
import { showBytes, toJsonBytes } from '../bytes-text.js';
import { cellText, printJson, printLine, rowJson } from '../output.js';
import type { Arguments } from './arguments.js';
import type { ShellValue } from './parser.js';
import type { Verb, VerbContext } from './verbs.js';

const readKeys = ['COLUMN', 'COLUMNS', 'VERSIONS', 'TIMERANGE', 'TIMESTAMP'] as const;
const scanKeys = [
  ...readKeys,
  'LIMIT',
  'STARTROW',
  'STOPROW',
  'ROWPREFIXFILTER',
  'REVERSED',
  'RAW',
  'CACHE',
] as const;

export const dataVerbs: readonly Verb[] = [
  {
    name: 'put',
    usage: "put 'table', 'row', 'family:qualifier', 'value' [, timestamp]",
    summary: 'Put a value into a row.',
    example: "put 'fruit', 'apple', 'info:colour', 'red'",
    run: async (args, context) => {
      const [table, row] = [args.text('the table'), args.bytes('the row')];
      const { family, qualifier } = columnOf(args.bytes('the column'));
      const value = args.bytes('the value');
      const timestamp = args.optionalDigits('the timestamp');
      args.end();
      const time = timestamp === undefined ? {} : { timestamp };
      const cell = { family, qualifier: qualifier ?? Buffer.alloc(0), value, ...time };
      await context.client.table(table).put(row, [cell]);
    },
  },
  {
    name: 'get',
    usage: "get 'table', 'row' [, 'family:qualifier', …] [, {COLUMN => …, VERSIONS => …}]",
    summary: 'Show a row, or columns of it.',
    example: "get 'fruit', 'apple', {COLUMN => 'info', VERSIONS => 3}",
    keys: readKeys,
    run: async (args, context) => {
      const [table, row] = [args.text('the table'), args.bytes('the row')];
      const columns: Buffer[] = [];
      for (let next = args.optionalBytes('a column'); next !== undefined;) {
        columns.push(next);
        next = args.optionalBytes('a column');
      }
      const entries = args.map();
      args.end(entries, readKeys);
      const options = readOptions(args, entries, columns);
      const found = await context.client.table(table).get(row, options);
      if (found !== undefined) await printRow(found, context);
      await printCount(found === undefined ? 0 : 1, context);
    },
  },
  {
    name: 'scan',
    usage: "scan 'table' [, {LIMIT => 10, STARTROW => 'a', STOPROW => 'b', COLUMNS => ['f:q']}]",
    summary: 'Show rows in order of their keys.',
    example: "scan 'fruit', {STARTROW => 'a', LIMIT => 10, REVERSED => true}",
    keys: scanKeys,
    run: async (args, context) => {
      const table = args.text('the table');
      const entries = args.map();
      args.end(entries, scanKeys);
      let rows = 0;
      for await (const row of context.client.table(table).scan(scanOptions(args, entries))) {
        rows += 1;
        await printRow(row, context);
      }
      await printCount(rows, context);
    },
  },
  {
    name: 'count',
    usage: "count 'table' [, {STARTROW => …, STOPROW => …}]",
    summary: 'Count rows.',
    example: "count 'fruit'",
    keys: [...scanKeys, 'INTERVAL'],
    run: async (args, context) => {
      const table = args.text('the table');
      const entries = args.map();
      args.end(entries, [...scanKeys, 'INTERVAL']);
      const options = { ...scanOptions(args, entries), cellsPerFamily: 1 };
      let rows = 0;
      for await (const page of context.client.table(table).scanPages(options)) rows += page.length;
      await printCount(rows, context);
    },
  },
  {
    name: 'delete',
    usage: "delete 'table', 'row', 'family:qualifier' [, timestamp]",
    summary: 'Delete the newest version of a column, or the one of a timestamp.',
    example: "delete 'fruit', 'apple', 'info:colour'",
    run: async (args, context) => {
      const [table, row] = [args.text('the table'), args.bytes('the row')];
      const { family, qualifier } = columnOf(args.bytes('the column'));
      const timestamp = args.optionalDigits('the timestamp');
      args.end();
      const time = timestamp === undefined ? {} : { timestamp };
      const target: DeleteTarget =
        qualifier === undefined
          ? { kind: 'family', family, ...time }
          : { kind: 'version', family, qualifier, ...time };
      await context.client.table(table).delete(row, [target]);
    },
  },
  {
    name: 'deleteall',
    usage: "deleteall 'table', 'row' [, 'family:qualifier' [, timestamp]]",
    summary: 'Delete a row, or all versions of a column.',
    example: "deleteall 'fruit', 'apple'",
    run: async (args, context) => {
      const [table, row] = [args.text('the table'), args.bytes('the row')];
      const column = args.optionalBytes('the column');
      const timestamp = args.optionalDigits('the timestamp');
      args.end();
      const time = timestamp === undefined ? {} : { timestamp };
      await context.client.table(table).delete(row, allOf(column), time);
    },
  },
  {
    name: 'incr',
    usage: "incr 'table', 'row', 'family:qualifier' [, amount]",
    summary: 'Add to a 64-bit number; 1 if no amount is given.',
    example: "incr 'fruit', 'apple', 'info:sold', 5",
    run: async (args, context) => {
      const [table, row] = [args.text('the table'), args.bytes('the row')];
      const column = args.text('the column');
      const amount = BigInt(args.optionalDigits('the amount') ?? '1');
      args.end();
      const answer = await context.client.table(table).increment(row, { [column]: amount });
      const value = answer.cells[0]?.value;
      const number = value === undefined ? '' : readBigInt64(value).toString();
      if (context.isJson) await printJson({ row: toJsonBytes(row), column, value: number });
      else await printLine(`COUNTER VALUE = ${number}`);
    },
  },
  {
    name: 'append',
    usage: "append 'table', 'row', 'family:qualifier', 'value'",
    summary: 'Append to a value.',
    example: "append 'fruit', 'apple', 'info:colour', ' and green'",
    run: async (args, context) => {
      const [table, row] = [args.text('the table'), args.bytes('the row')];
      const column = args.text('the column');
      const value = args.bytes('the value');
      args.end();
      const answer = await context.client.table(table).append(row, { [column]: value });
      const now = answer.cells[0]?.value ?? Buffer.alloc(0);
      if (context.isJson)
        await printJson({ row: toJsonBytes(row), column, value: toJsonBytes(now) });
      else await printLine(`CURRENT VALUE = ${showBytes(now)}`);
    },
  },
];

function allOf(column: Buffer | undefined): DeleteTarget[] {
  if (column === undefined) return [];
  const { family, qualifier } = columnOf(column);
  return [
    qualifier === undefined ? { kind: 'family', family } : { kind: 'column', family, qualifier },
  ];
}

function columnOf(column: Buffer): { family: Buffer; qualifier?: Buffer } {
  const colon = column.indexOf(0x3a);
  if (colon < 0) return { family: column };
  return { family: column.subarray(0, colon), qualifier: column.subarray(colon + 1) };
}

function readOptions(
  args: Arguments,
  entries: ReadonlyMap<string, ShellValue>,
  columns: readonly Buffer[] = [],
): ReadOptions {
  const wanted = [
    ...columns,
    ...args.listOf(entries.get('COLUMN'), 'COLUMN'),
    ...args.listOf(entries.get('COLUMNS'), 'COLUMNS'),
  ];
  const versions = args.numberOf(entries.get('VERSIONS'), 'VERSIONS');
  const timeRange = timeRangeOf(args, entries);
  return {
    columns: wanted.map((column): Column => columnOf(column)),
    ...(versions === undefined ? {} : { versions }),
    ...(timeRange === undefined ? {} : { timeRange }),
  };
}

function timeRangeOf(
  args: Arguments,
  entries: ReadonlyMap<string, ShellValue>,
): ReadOptions['timeRange'] {
  const at = args.numberOf(entries.get('TIMESTAMP'), 'TIMESTAMP');
  if (at !== undefined) return { from: at, until: at + 1 };
  const range = entries.get('TIMERANGE');
  if (range === undefined) return undefined;
  const [from, until, more] = range.kind === 'list' ? range.values : [];
  if (from === undefined || until === undefined || more !== undefined) {
    throw args.wrong('TIMERANGE is not [from, until]');
  }
  return { from: args.digitsOf(from, 'TIMERANGE'), until: args.digitsOf(until, 'TIMERANGE') };
}

function scanOptions(args: Arguments, entries: ReadonlyMap<string, ShellValue>): ScanOptions {
  const start = entries.get('STARTROW');
  const stop = entries.get('STOPROW');
  const prefix = entries.get('ROWPREFIXFILTER');
  const limit = args.numberOf(entries.get('LIMIT'), 'LIMIT');
  const rowsPerAnswer = args.numberOf(entries.get('CACHE'), 'CACHE');
  return {
    ...readOptions(args, entries),
    ...(start === undefined ? {} : { start: args.bytesOf(start, 'STARTROW') }),
    ...(stop === undefined ? {} : { stop: args.bytesOf(stop, 'STOPROW') }),
    ...(prefix === undefined ? {} : { prefix: args.bytesOf(prefix, 'ROWPREFIXFILTER') }),
    ...(limit === undefined ? {} : { limit }),
    ...(rowsPerAnswer === undefined ? {} : { rowsPerAnswer }),
    reversed: flagOf(args, entries, 'REVERSED'),
    raw: flagOf(args, entries, 'RAW'),
  };
}

function flagOf(args: Arguments, entries: ReadonlyMap<string, ShellValue>, key: string): boolean {
  const value = entries.get(key);
  if (value === undefined) return false;
  const text = args.bytesOf(value, key).toString();
  if (text === 'true' || text === 'false') return text === 'true';
  throw args.wrong(`${key} is neither true nor false`);
}

async function printRow(row: Row, { isJson }: VerbContext): Promise<void> {
  if (isJson) await printJson(rowJson(row));
  else for (const cell of row.cells) await printLine(` ${showBytes(row.key)}  ${cellText(cell)}`);
}

async function printCount(rows: number, { isJson }: VerbContext): Promise<void> {
  if (isJson) await printJson({ rows });
  else await printLine(`${rows} row(s)`);
}
