// MasterService, the calls about tables and namespaces. Changes are procedures: their preconditions
// are checked at submission, so that a client is told at once, and again in the procedure's own step.

import { CadastreError } from '../../base/errors.js';
import type { TableName } from '../../base/table.js';
import { formatTableName } from '../../base/table.js';
import { nameKind } from '../../catalog/records/tables.js';
import type { ProcedureType } from '../../procedure/definition.js';
import type { TableName as TableNameMessage } from '../../wire/generated/hbase/hbase_pb.js';
import { TableState_State } from '../../wire/generated/hbase/hbase_pb.js';
import type { MasterService } from '../../wire/generated/hbase/master_pb.js';
import type { RpcCall } from '../../wire/rpc-call.js';
import {
  schemaOfTable,
  tableNameMessage,
  tableNameOf,
  tableOfSchema,
} from '../../wire/table-schema.js';
import type { Transaction } from '../../catalog/api.js';
import type { TableInput } from '../codecs.js';
import { metaState } from '../meta/meta-image.js';
import { CreateTable } from '../tables/create-table.js';
import { DisableTable } from '../tables/disable-table.js';
import { DropTable } from '../tables/drop-table.js';
import { EnableTable } from '../tables/enable-table.js';
import { FlushTable } from '../tables/flush-table.js';
import { requireDisabled, requireEnabled } from '../tables/table-changes.js';
import type { ListedTable } from '../tables/table-list.js';
import { describeTable, listTables } from '../tables/table-list.js';
import {
  checkDescriptor,
  checkNamespace,
  checkSplitKeys,
  checkUserTable,
  namespaces,
} from '../tables/validate.js';
import { tellingHolder } from './held-table.js';
import type { MasterParts, PartsHandlers, RequestNonce } from './master-parts.js';
import { submitChecked } from './master-parts.js';

const stateNumbers = {
  enabled: TableState_State.ENABLED,
  disabled: TableState_State.DISABLED,
  disabling: TableState_State.DISABLING,
  enabling: TableState_State.ENABLING,
} as const;

export const tableHandlers: Partial<PartsHandlers<typeof MasterService>> = {
  createTable: async (parts, request, call) => {
    if (request.tableSchema === undefined) throw new CadastreError('bad-request', 'no table');
    const descriptor = tableOfSchema(request.tableSchema);
    const splitKeys = request.splitKeys.map((key) => Buffer.from(key));
    checkDescriptor(descriptor);
    checkSplitKeys(splitKeys);
    const { namespace, qualifier } = descriptor.name;
    const input = { descriptor, splitKeys };
    const id = await submitChecked(parts, CreateTable, input, { ...request, call }, (tx) => {
      if (tx.get(nameKind, [namespace, qualifier]) === undefined) return;
      tellingHolder(parts, descriptor.name, () => {
        throw new CadastreError('table-exists', formatTableName(descriptor.name));
      });
    });
    return { procId: BigInt(id) };
  },
  enableTable: (parts, request, call) =>
    change(parts, { type: EnableTable, verb: 'enable', check: requireDisabled }, request, call),
  disableTable: (parts, request, call) =>
    change(parts, { type: DisableTable, verb: 'disable', check: requireEnabled }, request, call),
  deleteTable: (parts, request, call) =>
    change(parts, { type: DropTable, verb: 'delete', check: requireDisabled }, request, call),
  flushTable: (parts, request, call) =>
    change(parts, { type: FlushTable, verb: 'flush', check: requireEnabled }, request, call),

  getTableDescriptors: ({ catalog }, { tableNames, regex, includeSysTables, namespace }) => {
    const tables =
      tableNames.length > 0
        ? tableNames.flatMap((name) => describeTable(catalog, tableNameOf(name)) ?? [])
        : listTables(catalog, {
            pattern: regex,
            namespace: namespace === '' ? undefined : namespace,
            includesSystem: includeSysTables,
          });
    return { tableSchema: schemasOf(tables) };
  },
  getTableNames: ({ catalog }, { regex, includeSysTables, namespace }) => ({
    tableNames: namesOf(
      listTables(catalog, {
        pattern: regex,
        namespace: namespace === '' ? undefined : namespace,
        includesSystem: includeSysTables,
      }),
    ),
  }),
  listTableNamesByState: ({ catalog }, { isEnabled }) => ({
    tableNames: namesOf(ofState(listTables(catalog, everything), isEnabled)),
  }),
  listTableDescriptorsByState: ({ catalog }, { isEnabled }) => ({
    tableSchema: schemasOf(ofState(listTables(catalog, everything), isEnabled)),
  }),
  listTableNamesByNamespace: ({ catalog }, { namespaceName }) => ({
    tableName: namesOf(listTables(catalog, { ...everything, namespace: namespaceName })),
  }),
  listTableDescriptorsByNamespace: ({ catalog }, { namespaceName }) => ({
    tableSchema: schemasOf(listTables(catalog, { ...everything, namespace: namespaceName })),
  }),
  getTableState: ({ catalog }, { tableName }) => {
    const table = requireDescribed(describeTable(catalog, nameOf(tableName)), nameOf(tableName));
    return { tableState: { state: stateNumbers[metaState(table)] } };
  },
  getSchemaAlterStatus: ({ catalog, image }, { tableName }) => {
    const name = nameOf(tableName);
    const id = catalog.durable.get(nameKind, [name.namespace, name.qualifier]);
    if (id === undefined) throw new CadastreError('table-not-found', formatTableName(name));
    const { open, closed, split, inTransition } = image.counts(id);
    return { yetToUpdateRegions: 0, totalRegions: open + closed + split + inTransition };
  },

  listNamespaces: () => ({ namespaceName: [...namespaces] }),
  listNamespaceDescriptors: () => ({ namespaceDescriptor: namespaces.map(namespaceDescriptor) }),
  getNamespaceDescriptor: (_parts, { namespaceName }) => {
    checkNamespace(namespaceName);
    return { namespaceDescriptor: namespaceDescriptor(namespaceName) };
  },
};

const everything = { pattern: undefined, namespace: undefined, includesSystem: false };

interface TableChange {
  readonly type: ProcedureType<TableInput>;
  /** For the refusal of system tables. */
  readonly verb: string;
  readonly check: (tx: Transaction, table: TableName) => unknown;
}

async function change(
  parts: MasterParts,
  { type, verb, check }: TableChange,
  request: RequestNonce & { readonly tableName?: TableNameMessage | undefined },
  call: RpcCall,
) {
  const table = nameOf(request.tableName);
  checkUserTable(table, verb);
  const nonces = { nonceGroup: request.nonceGroup, nonce: request.nonce, call };
  const id = await submitChecked(parts, type, { table }, nonces, (tx) =>
    tellingHolder(parts, table, () => check(tx, table)),
  );
  return { procId: BigInt(id) };
}

function nameOf(message: TableNameMessage | undefined): TableName {
  if (message === undefined) throw new CadastreError('bad-request', 'no table is named');
  return tableNameOf(message);
}

function requireDescribed(table: ListedTable | undefined, name: TableName): ListedTable {
  if (table !== undefined) return table;
  throw new CadastreError('table-not-found', formatTableName(name));
}

function namesOf(tables: readonly ListedTable[]) {
  return tables.map(({ descriptor }) => tableNameMessage(descriptor.name));
}

function schemasOf(tables: readonly ListedTable[]) {
  return tables.map(({ descriptor }) => schemaOfTable(descriptor));
}

function ofState(tables: readonly ListedTable[], isEnabled: boolean): readonly ListedTable[] {
  const state = isEnabled ? 'enabled' : 'disabled';
  return tables.filter((table) => metaState(table) === state);
}

function namespaceDescriptor(name: string) {
  return { name: Buffer.from(name) };
}
