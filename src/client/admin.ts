// Tables and the cluster: everything that the master does. Changes are procedures there; each method
// waits until its procedure is done, and a retry of the request does not start another one.

import { asCadastreError, CadastreError } from '../base/errors.js';
import { formatTableName } from '../base/table.js';
import type { TableDescriptor } from '../base/table.js';
import type { MetaLocation, TableState } from '../wire/meta-rows.js';
import { AdminService } from '../wire/generated/hbase/admin_pb.js';
import { Option } from '../wire/generated/hbase/cluster_status_pb.js';
import { RegionSpecifier_RegionSpecifierType as SpecifierType } from '../wire/generated/hbase/hbase_pb.js';
import { MasterService } from '../wire/generated/hbase/master_pb.js';
import { callProto } from '../wire/proto-service.js';
import { schemaOfTable, tableNameMessage, tableOfSchema } from '../wire/table-schema.js';
import { withAttempts } from './attempts.js';
import { toBuffer } from './bytes.js';
import { clusterStatusOf } from './cluster-status.js';
import type { ClusterStatus } from './cluster-status.js';
import { attemptsOf } from './context.js';
import type { ClientContext } from './context.js';
import { MasterCalls } from './master-calls.js';
import type { MetaReader } from './meta-reader.js';
import { descriptorOf, noTable, parseTableName } from './table-input.js';
import type { TableInput } from './table-input.js';

/** A region, as hbase:meta tells it. */
export interface RegionDescription {
  readonly name: string;
  readonly startKey: Buffer;
  /** Empty: to the table's end. */
  readonly endKey: Buffer;
  /** `host,port,startcode` of where it is, or was last; undefined before the first time. */
  readonly server: string | undefined;
}

const statusOptions = [
  Option.HBASE_VERSION,
  Option.CLUSTER_ID,
  Option.LIVE_SERVERS,
  Option.DEAD_SERVERS,
  Option.MASTER,
  Option.BACKUP_MASTERS,
  Option.REGIONS_IN_TRANSITION,
] as const;

export class Admin {
  readonly #context: ClientContext;
  readonly #meta: MetaReader;
  readonly #master: MasterCalls;

  constructor(context: ClientContext, meta: MetaReader) {
    this.#context = context;
    this.#meta = meta;
    this.#master = new MasterCalls(context);
  }

  /** Fails with `table-exists`, or `bad-request` naming what is wrong with the description. */
  async createTable(input: TableInput): Promise<void> {
    const table = descriptorOf(input);
    const what = `the creation of table ${formatTableName(table.name)}`;
    const { procId } = await this.#master.call(what, MasterService.method.createTable, {
      tableSchema: schemaOfTable(table),
      splitKeys: (input.splits ?? []).map(toBuffer),
      ...this.#master.newNonce(),
    });
    await this.#master.finish(what, procId);
  }

  /** Fails with `table-not-found` or `table-not-disabled`. */
  async enableTable(name: string): Promise<void> {
    const what = `the enabling of table ${name}`;
    const request = this.#changeOf(name);
    const { procId } = await this.#master.call(what, MasterService.method.enableTable, request);
    await this.#master.finish(what, procId);
  }

  /** Fails with `table-not-found` or `table-not-enabled`. */
  async disableTable(name: string): Promise<void> {
    const what = `the disabling of table ${name}`;
    const request = this.#changeOf(name);
    const { procId } = await this.#master.call(what, MasterService.method.disableTable, request);
    await this.#master.finish(what, procId);
  }

  /** Drops a disabled table. Fails with `table-not-found` or `table-not-disabled`. */
  async dropTable(name: string): Promise<void> {
    const what = `the drop of table ${name}`;
    const request = this.#changeOf(name);
    const { procId } = await this.#master.call(what, MasterService.method.deleteTable, request);
    await this.#master.finish(what, procId);
  }

  /** Names of all tables, in order; with a pattern (Java's syntax) those that it matches. */
  async listTables(pattern?: string): Promise<string[]> {
    const request = pattern === undefined ? {} : { regex: pattern };
    const { tableNames } = await this.#master.call(
      'the list of tables',
      MasterService.method.getTableNames,
      request,
    );
    return tableNames
      .map(({ namespace, qualifier }) =>
        formatTableName({ namespace: text(namespace), qualifier: text(qualifier) }),
      )
      .sort();
  }

  /** Fails with `table-not-found`. */
  async describeTable(name: string): Promise<TableDescriptor> {
    const { tableSchema } = await this.#master.call(
      `the description of table ${name}`,
      MasterService.method.getTableDescriptors,
      { tableNames: [tableNameMessage(parseTableName(name))] },
    );
    const [schema] = tableSchema;
    if (schema !== undefined) return tableOfSchema(schema);
    throw noTable(name);
  }

  async tableExists(name: string): Promise<boolean> {
    return (await this.#stateOf(name)) !== undefined;
  }

  /** Fails with `table-not-found`. */
  async tableState(name: string): Promise<TableState> {
    const state = await this.#stateOf(name);
    if (state !== undefined) return state;
    throw noTable(name);
  }

  /** The table's regions in order of their keys. Fails with `table-not-found`. */
  async regions(name: string): Promise<RegionDescription[]> {
    return (await this.#regionsOf(name)).map(({ name: full, region, server }) => ({
      name: full.toString('latin1'),
      startKey: region.startKey,
      endKey: region.endKey,
      server: server && `${server.host},${server.port},${server.startCode}`,
    }));
  }

  /** Writes what the table has in memory to store files. */
  async flushTable(name: string): Promise<void> {
    const what = `the flush of table ${name}`;
    const request = this.#changeOf(name);
    const { procId } = await this.#master.call(what, MasterService.method.flushTable, request);
    await this.#master.finish(what, procId);
  }

  /** Asks for a compaction of all regions; they do it in their own time. */
  async compactTable(name: string, options: { readonly major?: boolean } = {}): Promise<void> {
    const { major = false } = options;
    const table = formatTableName(parseTableName(name));
    const { locator, rpc } = this.#context;
    for (const { region } of await this.#regionsOf(name)) {
      const attempts = attemptsOf(this.#context, `the compaction of table ${name}`);
      await withAttempts(attempts, async () => {
        const location = await locator.holding(table, region.startKey, attempts);
        const specifier = { type: SpecifierType.REGION_NAME, value: location.name };
        const timeoutMs = attempts.callTimeoutMs();
        try {
          const request = { region: specifier, major };
          await callProto(rpc, location.server, AdminService.method.compactRegion, request, {
            timeoutMs,
          });
        } catch (error) {
          await locator.failed(table, location, asCadastreError(error), attempts);
          throw error;
        }
      });
    }
  }

  async status(): Promise<ClusterStatus> {
    const { clusterStatus } = await this.#master.call(
      'the status of the cluster',
      MasterService.method.getClusterStatus,
      { options: [...statusOptions] },
    );
    if (clusterStatus !== undefined) return clusterStatusOf(clusterStatus);
    throw new CadastreError('internal', 'the master answered without a status');
  }

  #changeOf(name: string) {
    return { tableName: tableNameMessage(parseTableName(name)), ...this.#master.newNonce() };
  }

  #stateOf(name: string): Promise<TableState | undefined> {
    const table = formatTableName(parseTableName(name));
    const attempts = attemptsOf(this.#context, `the state of table ${name}`);
    return withAttempts(attempts, () => this.#meta.tableState(table, attempts));
  }

  #regionsOf(name: string): Promise<readonly MetaLocation[]> {
    const table = formatTableName(parseTableName(name));
    const attempts = attemptsOf(this.#context, `the regions of table ${name}`);
    return withAttempts(attempts, () => this.#context.locator.regions(table, attempts));
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}
