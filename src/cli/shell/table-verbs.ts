// Verbs of the shell for tables and the cluster.

import { CadastreError } from '../../base/errors.js';
import type { FamilyInput } from '../../client/public.js';
import { printStatus } from '../commands/status.js';
import { descriptionJson, familyLines } from '../commands/tables.js';
import { printJson, printLine } from '../output.js';
import type { Arguments } from './arguments.js';
import type { ShellValue } from './parser.js';
import type { Verb, VerbContext } from './verbs.js';

const familyKeys = [
  'NAME',
  'VERSIONS',
  'MIN_VERSIONS',
  'TTL',
  'BLOOMFILTER',
  'COMPRESSION',
  'DATA_BLOCK_ENCODING',
  'KEEP_DELETED_CELLS',
  'BLOCKSIZE',
  'BLOCKCACHE',
  'IN_MEMORY',
  'REPLICATION_SCOPE',
] as const;

export const tableVerbs: readonly Verb[] = [
  {
    name: 'create',
    usage: "create 'table', 'family' | {NAME => 'family', VERSIONS => 3}, … [, SPLITS => ['a', …]]",
    summary: 'Create a table.',
    example: "create 'fruit', {NAME => 'info', VERSIONS => 3}, SPLITS => ['g', 'p']",
    keys: [...familyKeys, 'SPLITS'],
    run: async (args, context) => {
      const name = args.text('the table');
      const families: FamilyInput[] = [];
      let splits: Buffer[] = [];
      for (const value of args.rest()) {
        if (value.kind !== 'map') families.push(args.bytesOf(value, 'a family').toString());
        else if (value.entries.has('NAME')) families.push(familyOf(args, value.entries));
        else {
          args.end(value.entries, ['SPLITS']);
          splits = args.listOf(value.entries.get('SPLITS'), 'SPLITS');
        }
      }
      await context.client.admin.createTable({ name, families, splits });
      await done(context, name, 'created');
    },
  },
  {
    name: 'list',
    usage: "list ['pattern']",
    summary: 'List tables.',
    example: "list 'fr.*'",
    run: async (args, context) => {
      const pattern = args.optionalText('the pattern');
      args.end();
      const names = await context.client.admin.listTables(pattern);
      if (context.isJson) return await printJson(names);
      for (const name of names) await printLine(name);
      await printLine(`${names.length} table(s)`);
    },
  },
  {
    name: 'describe',
    usage: "describe 'table'",
    summary: "Show a table's families and settings.",
    example: "describe 'fruit'",
    run: async (args, { client, isJson }) => {
      const name = onlyTable(args);
      const table = await client.admin.describeTable(name);
      const state = await client.admin.tableState(name);
      if (isJson) return await printJson({ ...descriptionJson(table), state });
      await printLine(`Table ${name} is ${state.toUpperCase()}`);
      for (const line of familyLines(table)) await printLine(line);
    },
  },
  answer('exists', 'Say whether a table is there.', async ({ client }, name) => ({
    exists: await client.admin.tableExists(name),
  })),
  answer('is_enabled', 'Say whether a table is enabled.', async ({ client }, name) => ({
    enabled: (await client.admin.tableState(name)) === 'enabled',
  })),
  answer('is_disabled', 'Say whether a table is disabled.', async ({ client }, name) => ({
    disabled: (await client.admin.tableState(name)) === 'disabled',
  })),
  change('enable', 'Enable a table.', 'enabled', ({ client }, name) =>
    client.admin.enableTable(name),
  ),
  change('disable', 'Disable a table: its data stays.', 'disabled', ({ client }, name) =>
    client.admin.disableTable(name),
  ),
  change('drop', 'Drop a disabled table with all its rows.', 'dropped', ({ client }, name) =>
    client.admin.dropTable(name),
  ),
  {
    name: 'truncate',
    usage: "truncate 'table'",
    summary: 'Not there yet; refused.',
    example: "truncate 'fruit'",
    run: (args) => {
      const name = onlyTable(args);
      throw new CadastreError('not-supported', `truncate of ${name} is not supported`, {
        nextStep: 'Disable and drop the table, and create it again with the same families.',
      });
    },
  },
  change('flush', "Write a table's memory to store files.", 'flushed', ({ client }, name) =>
    client.admin.flushTable(name),
  ),
  change('compact', 'Ask for a compaction.', 'being compacted', ({ client }, name) =>
    client.admin.compactTable(name),
  ),
  change('major_compact', 'Ask for a major compaction.', 'being compacted', ({ client }, name) =>
    client.admin.compactTable(name, { major: true }),
  ),
  {
    name: 'status',
    usage: 'status',
    summary: "Show the cluster's master and servers.",
    example: 'status',
    run: async (args, { client, isJson }) => {
      args.rest(); // HBase's levels of detail: all of it is shown
      const status = await client.admin.status();
      if (isJson) await printJson(status);
      else await printStatus(status);
    },
  },
];

function onlyTable(args: Arguments): string {
  const name = args.text('the table');
  args.end();
  return name;
}

/** A verb that changes a table and says so. */
function change(
  name: string,
  summary: string,
  state: string,
  run: (context: VerbContext, table: string) => Promise<void>,
): Verb {
  return {
    name,
    usage: `${name} 'table'`,
    summary,
    example: `${name} 'fruit'`,
    run: async (args, context) => {
      const table = onlyTable(args);
      await run(context, table);
      await done(context, table, state);
    },
  };
}

/** A verb that asks one thing. */
function answer(
  name: string,
  summary: string,
  ask: (context: VerbContext, table: string) => Promise<Readonly<Record<string, boolean>>>,
): Verb {
  return {
    name,
    usage: `${name} 'table'`,
    summary,
    example: `${name} 'fruit'`,
    run: async (args, context) => {
      const table = onlyTable(args);
      const answered = await ask(context, table);
      if (context.isJson) await printJson({ table, ...answered });
      else await printLine(String(Object.values(answered)[0]));
    },
  };
}

function familyOf(args: Arguments, entries: ReadonlyMap<string, ShellValue>): FamilyInput {
  const { NAME: name = '', ...attributes } = Object.fromEntries(
    [...entries].map(([key, value]) => [key, args.bytesOf(value, key).toString()] as const),
  );
  return { name, attributes };
}

async function done({ isJson }: VerbContext, table: string, state: string): Promise<void> {
  if (isJson) await printJson({ table, state });
  else await printLine(`${table} is ${state}`);
}
