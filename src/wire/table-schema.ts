// HBase's table schema and our table descriptor, both ways. HBase keeps a family's settings as named
// texts; those that mean something here are checked and parsed, all are kept as they came.
// Names and defaults: HBase's ColumnFamilyDescriptorBuilder and TableDescriptorBuilder.

import { create } from '@bufbuild/protobuf';
import { CadastreError } from '../base/errors.js';
import { familyDescriptor, formatTableName, ttlForever } from '../base/table.js';
import type {
  BloomFilterKind,
  Compression,
  FamilyDescriptor,
  KeepDeletedCells,
  TableDescriptor,
  TableName,
} from '../base/table.js';
import type {
  ColumnFamilySchema,
  TableName as TableNameMessage,
  TableSchema,
} from './generated/hbase/hbase_pb.js';
import { TableSchemaSchema } from './generated/hbase/hbase_pb.js';
import { wireLimits } from './limits.js';
import { viewOf } from './views.js';

const keepDeletedTexts: Readonly<Record<KeepDeletedCells, string>> = {
  false: 'FALSE',
  true: 'TRUE',
  ttl: 'TTL',
};
const compressionTexts: Readonly<Record<Compression, string>> = {
  none: 'NONE',
  gzip: 'GZ',
  snappy: 'SNAPPY',
  zstd: 'ZSTD',
  lz4: 'LZ4',
  lzo: 'LZO',
};
const bloomTexts: Readonly<Record<BloomFilterKind, string>> = {
  none: 'NONE',
  row: 'ROW',
  rowcol: 'ROWCOL',
};

/** Settings we do not act on, with the value that HBase shows when nothing was set. */
const shownDefaults: Readonly<Record<string, string>> = {
  INDEX_BLOCK_ENCODING: 'NONE',
  DATA_BLOCK_ENCODING: 'NONE',
  REPLICATION_SCOPE: '0',
};

/** Settings of features that do not exist here: any other value than this is refused. */
const familyRefusals: Readonly<Record<string, string>> = {
  REPLICATION_SCOPE: '0',
  IS_MOB: 'false',
  ENCRYPTION: '',
};
const tableRefusals: Readonly<Record<string, string>> = { REGION_REPLICATION: '1' };

/** The descriptor of a schema. Throws `bad-request` or `not-supported`, naming setting and value. */
export function tableOfSchema(schema: TableSchema): TableDescriptor {
  if (schema.tableName === undefined) {
    throw new CadastreError('bad-request', 'a table schema without a name');
  }
  const name = tableNameOf(schema.tableName);
  const attributes = attributesOf(schema);
  refuseOthers(attributes, tableRefusals, `table ${formatTableName(name)}`);
  const coprocessor = Object.keys(attributes).find((key) => /^coprocessor\$/i.test(key));
  if (coprocessor !== undefined) {
    throw new CadastreError('not-supported', `${coprocessor}: coprocessors are not supported`);
  }
  return { name, families: schema.columnFamilies.map(familyOfSchema), attributes };
}

/** The family of a schema, which must have a legal name. */
export function familyOfSchema(schema: ColumnFamilySchema): FamilyDescriptor {
  return parseFamily(checkedFamilyName(textOf(schema.name, 'a family')), attributesOf(schema));
}

/** A family from HBase's named settings. */
export function parseFamily(
  name: string,
  attributes: Readonly<Record<string, string>>,
): FamilyDescriptor {
  const what = `family ${name}`;
  refuseOthers(attributes, familyRefusals, what);
  const defaults = familyDescriptor(name);
  const whole = (key: string, least: number, fallback: number): number =>
    wholeNumber(attributes[key], least, fallback, `${what}: ${key}`);
  const choice = <T extends string>(
    key: string,
    texts: Readonly<Record<T, string>>,
    fallback: T,
  ): T => choiceOf(attributes[key], texts, fallback, `${what}: ${key}`);
  const flag = (key: string, fallback: boolean): boolean =>
    choice(key, { true: 'TRUE', false: 'FALSE' }, fallback ? 'true' : 'false') === 'true';
  const versionsMax = whole('VERSIONS', 1, defaults.versionsMax);
  const versionsMin = whole('MIN_VERSIONS', 0, defaults.versionsMin);
  if (versionsMin > versionsMax) {
    throw new CadastreError(
      'bad-request',
      `${what}: MIN_VERSIONS ${versionsMin} is above VERSIONS ${versionsMax}`,
    );
  }
  return {
    name,
    versionsMax,
    versionsMin,
    ttlSeconds:
      attributes['TTL']?.toUpperCase() === 'FOREVER'
        ? ttlForever
        : whole('TTL', 1, defaults.ttlSeconds),
    keepDeletedCells: choice('KEEP_DELETED_CELLS', keepDeletedTexts, defaults.keepDeletedCells),
    compression: choice('COMPRESSION', compressionTexts, defaults.compression),
    bloomFilter: choice('BLOOMFILTER', bloomTexts, defaults.bloomFilter),
    blockBytes: whole('BLOCKSIZE', 1, defaults.blockBytes),
    blockCache: flag('BLOCKCACHE', defaults.blockCache),
    inMemory: flag('IN_MEMORY', defaults.inMemory),
    attributes,
  };
}

/** The schema of a descriptor, as HBase would describe the table. */
export function schemaOfTable(table: TableDescriptor): TableSchema {
  return create(TableSchemaSchema, {
    tableName: tableNameMessage(table.name),
    attributes: pairs({ IS_META: 'false', ...table.attributes }),
    columnFamilies: table.families.map((family) => ({
      name: Buffer.from(family.name),
      attributes: pairs(familyAttributes(family)),
    })),
  });
}

/** All settings of a family in HBase's names: what was given, as it was given, before defaults. */
export function familyAttributes(family: FamilyDescriptor): Readonly<Record<string, string>> {
  return {
    ...shownDefaults,
    VERSIONS: String(family.versionsMax),
    MIN_VERSIONS: String(family.versionsMin),
    TTL: String(family.ttlSeconds),
    KEEP_DELETED_CELLS: keepDeletedTexts[family.keepDeletedCells],
    COMPRESSION: compressionTexts[family.compression],
    BLOOMFILTER: bloomTexts[family.bloomFilter],
    BLOCKSIZE: String(family.blockBytes),
    BLOCKCACHE: String(family.blockCache),
    IN_MEMORY: String(family.inMemory),
    ...family.attributes,
  };
}

export function tableNameMessage(name: TableName) {
  return { namespace: Buffer.from(name.namespace), qualifier: Buffer.from(name.qualifier) };
}

/** A table's name, checked to be one that HBase allows. */
export function tableNameOf(message: Pick<TableNameMessage, 'namespace' | 'qualifier'>): TableName {
  const namespace = textOf(message.namespace, 'a namespace') || 'default';
  const qualifier = textOf(message.qualifier, 'a table name');
  if (!/^[\p{L}\p{N}_]+$/u.test(namespace)) {
    throw new CadastreError('bad-request', `'${namespace}' is not a legal namespace`, {
      nextStep: 'Use letters, digits and _.',
    });
  }
  if (!/^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u.test(qualifier)) {
    throw new CadastreError('bad-request', `'${qualifier}' is not a legal table name`, {
      nextStep: 'Use letters, digits, _, - and ., and start with none of the last two.',
    });
  }
  return { namespace, qualifier };
}

function checkedFamilyName(name: string): string {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0 || bytes > wireLimits.familyBytesMax || /^\.|[\p{Cc}:\\/]/u.test(name)) {
    throw new CadastreError('bad-request', `'${name}' is not a legal family name`, {
      nextStep: 'Use up to 127 bytes, no control characters, :, / or \\, and no leading dot.',
    });
  }
  return name;
}

/** Later HBase keeps both in one map, and so do we. */
function attributesOf(
  schema: Pick<ColumnFamilySchema, 'attributes' | 'configuration'>,
): Readonly<Record<string, string>> {
  return Object.fromEntries([
    ...schema.attributes.map(
      ({ first, second }) =>
        [textOf(first, "a setting's name"), textOf(second, "a setting's value")] as const,
    ),
    ...schema.configuration.map(({ name, value }) => [name, value] as const),
  ]);
}

function pairs(attributes: Readonly<Record<string, string>>) {
  return Object.entries(attributes).map(([name, value]) => ({
    first: Buffer.from(name),
    second: Buffer.from(value),
  }));
}

function refuseOthers(
  attributes: Readonly<Record<string, string>>,
  refusals: Readonly<Record<string, string>>,
  what: string,
): void {
  for (const [key, harmless] of Object.entries(refusals)) {
    const value = attributes[key];
    if (value === undefined || value.toLowerCase() === harmless) continue;
    throw new CadastreError('not-supported', `${what}: ${key} '${value}' is not supported`);
  }
}

function wholeNumber(
  value: string | undefined,
  least: number,
  fallback: number,
  what: string,
): number {
  if (value === undefined) return fallback;
  const number = /^\d{1,10}$/.test(value) ? Number(value) : NaN;
  if (number >= least && number <= 0x7fffffff) return number;
  throw new CadastreError('bad-request', `${what} '${value}' is not a number from ${least} on`);
}

function choiceOf<T extends string>(
  value: string | undefined,
  texts: Readonly<Record<T, string>>,
  fallback: T,
  what: string,
): T {
  if (value === undefined) return fallback;
  const keys = Object.keys(texts) as T[];
  const found = keys.find((key) => texts[key] === value.toUpperCase());
  if (found !== undefined) return found;
  throw new CadastreError('bad-request', `${what} '${value}' is not known`, {
    nextStep: `Use one of ${Object.values(texts).join(', ')}.`,
  });
}

/** Text that survives the way back; HBase allows any bytes here, nobody uses them. */
function textOf(bytes: Uint8Array, what: string): string {
  const buffer = viewOf(bytes);
  const decoded = buffer.toString();
  if (Buffer.from(decoded).equals(buffer)) return decoded;
  throw new CadastreError('bad-request', `${what} is not UTF-8: ${buffer.toString('hex')}`);
}
