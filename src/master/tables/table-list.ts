// Tables as clients list them: by name, pattern, namespace and state. hbase:meta is one of them when
// system tables are asked for. Only what is durable is shown (L4).

import { formatTableName } from '../../base/table.js';
import type { TableDescriptor, TableName } from '../../base/table.js';
import type { Catalog } from '../../catalog/api.js';
import { nameKind, tableKind } from '../../catalog/records/tables.js';
import type { TableRecord } from '../../catalog/records/tables.js';
import { compileJavaRegex } from '../../wire/java-regex.js';
import { metaDescriptor } from '../meta/meta-image.js';
import { findTable } from './table-changes.js';
import { checkNamespace } from './validate.js';

export interface ListedTable {
  readonly descriptor: TableDescriptor;
  readonly state: TableRecord['state'];
}

export interface TableQuery {
  /** Java's syntax; matched against the whole name, with its namespace or without `default:`. */
  readonly pattern: string | undefined;
  readonly namespace: string | undefined;
  readonly includesSystem: boolean;
}

const metaTable: ListedTable = { descriptor: metaDescriptor, state: 'enabled' };

/** In order of namespace and name. Throws `namespace-not-found`, or `bad-request` for the pattern. */
export function listTables(catalog: Catalog, query: TableQuery): readonly ListedTable[] {
  const { namespace, includesSystem } = query;
  if (namespace !== undefined) checkNamespace(namespace);
  const matches = matcherOf(query.pattern);
  const tables = [...allTables(catalog, namespace)];
  if (includesSystem && (namespace === undefined || namespace === 'hbase')) tables.push(metaTable);
  return tables.filter(({ descriptor }) => matches(descriptor.name));
}

/** The table of that name, hbase:meta too. */
export function describeTable(catalog: Catalog, name: TableName): ListedTable | undefined {
  if (formatTableName(name) === formatTableName(metaDescriptor.name)) return metaTable;
  return findTable(catalog.durable, name)?.record;
}

function* allTables(catalog: Catalog, namespace: string | undefined): Generator<ListedTable> {
  const { durable } = catalog;
  const entries =
    namespace === undefined
      ? durable.scan(nameKind)
      : durable.scan(nameKind, { prefix: [namespace] });
  for (const { value } of entries) {
    const record = durable.get(tableKind, [value]);
    if (record !== undefined) yield record;
  }
}

function matcherOf(pattern: string | undefined): (name: TableName) => boolean {
  if (pattern === undefined || pattern === '') return () => true;
  const whole = compileJavaRegex(`^(?:${pattern})$`, 0);
  return (name) =>
    whole.test(formatTableName(name)) || whole.test(`${name.namespace}:${name.qualifier}`);
}
