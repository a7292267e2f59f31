// `table create|list|describe|enable|disable|drop`.

import type { FamilyInput, TableDescriptor } from '../../client/public.js';
import { formatTableName } from '../../base/table.js';
import { familyAttributes } from '../../wire/table-schema.js';
import { parseBytes, showBytes, toJsonBytes } from '../bytes-text.js';
import { confirm } from '../confirm.js';
import { withClient } from '../connection.js';
import type { ClusterOptions } from '../connection.js';
import { printJson, printLine, printTable } from '../output.js';
import { UsageError } from '../errors.js';

export async function create(
  name: string,
  families: readonly string[],
  options: ClusterOptions & { readonly split?: readonly string[] },
): Promise<void> {
  const input = {
    name,
    families: families.map(parseFamilyText),
    splits: (options.split ?? []).map(parseBytes),
  };
  await withClient(options, (client) => client.admin.createTable(input));
  await done(options, name, 'created');
}

/** `family` or `family,VERSIONS=3,TTL=86400`, the settings by HBase's names. */
function parseFamilyText(text: string): FamilyInput {
  const [name = '', ...settings] = text.split(',');
  const attributes = settings.map((setting): [string, string] => {
    const equals = setting.indexOf('=');
    if (equals > 0) return [setting.slice(0, equals).toUpperCase(), setting.slice(equals + 1)];
    throw new UsageError(
      `"${setting}" of family ${name} has no "="`,
      'Write settings as f,VERSIONS=3,TTL=86400.',
    );
  });
  return { name, attributes: Object.fromEntries(attributes) };
}

export async function list(pattern: string | undefined, options: ClusterOptions): Promise<void> {
  const names = await withClient(options, (client) => client.admin.listTables(pattern));
  if (options.json === true) await printJson(names);
  else for (const name of names) await printLine(name);
}

export async function describe(name: string, options: ClusterOptions): Promise<void> {
  await withClient(options, async ({ admin }) => {
    const table = await admin.describeTable(name);
    const state = await admin.tableState(name);
    const regions = await admin.regions(name);
    if (options.json === true) {
      const places = regions.map(({ startKey, endKey, ...region }) => ({
        ...region,
        startKey: toJsonBytes(startKey),
        endKey: toJsonBytes(endKey),
      }));
      await printJson({ ...descriptionJson(table), state, regions: places });
      return;
    }
    await printLine(`${name} is ${state}`);
    for (const line of familyLines(table)) await printLine(line);
    await printTable([
      ['region', 'from', 'to', 'server'],
      ...regions.map(({ name: region, startKey, endKey, server }) => [
        region,
        quoted(startKey),
        quoted(endKey),
        server ?? 'none',
      ]),
    ]);
  });
}

function quoted(key: Buffer): string {
  return key.length === 0 ? '-' : showBytes(key);
}

/** A family as HBase's shell describes it. */
export function familyLines(table: TableDescriptor): string[] {
  return table.families.map((family) => {
    const settings = Object.entries(familyAttributes(family));
    return `{NAME => '${family.name}', ${settings.map(([key, value]) => `${key} => '${value}'`).join(', ')}}`;
  });
}

export function descriptionJson(table: TableDescriptor) {
  return {
    name: formatTableName(table.name),
    attributes: table.attributes,
    families: table.families.map((family) => ({
      name: family.name,
      attributes: familyAttributes(family),
    })),
  };
}

export async function enable(name: string, options: ClusterOptions): Promise<void> {
  await withClient(options, (client) => client.admin.enableTable(name));
  await done(options, name, 'enabled');
}

export async function disable(name: string, options: ClusterOptions): Promise<void> {
  await withClient(options, (client) => client.admin.disableTable(name));
  await done(options, name, 'disabled');
}

export async function drop(
  name: string,
  options: ClusterOptions & { readonly yes?: boolean },
): Promise<void> {
  await confirm(`Drop table ${name} with all its rows?`, options.yes);
  await withClient(options, (client) => client.admin.dropTable(name));
  await done(options, name, 'dropped');
}

async function done(options: ClusterOptions, table: string, state: string): Promise<void> {
  if (options.json === true) await printJson({ table, state });
  else await printLine(`${table} is ${state}`);
}
