import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import { familyDescriptor } from '../base/table.js';
import { TableSchemaSchema } from './generated/hbase/hbase_pb.js';
import { familyAttributes, parseFamily, schemaOfTable, tableOfSchema } from './table-schema.js';

function schema(
  attributes: Readonly<Record<string, string>>,
  names = { namespace: 'default', qualifier: 't', family: 'f' },
) {
  return create(TableSchemaSchema, {
    tableName: {
      namespace: Buffer.from(names.namespace),
      qualifier: Buffer.from(names.qualifier),
    },
    columnFamilies: [
      {
        name: Buffer.from(names.family),
        attributes: Object.entries(attributes).map(([name, value]) => ({
          first: Buffer.from(name),
          second: Buffer.from(value),
        })),
      },
    ],
  });
}

describe('a table schema', () => {
  it('gives the settings of its families, and HBase’s defaults where it says nothing', () => {
    const attributes = {
      VERSIONS: '3',
      MIN_VERSIONS: '2',
      TTL: 'FOREVER',
      KEEP_DELETED_CELLS: 'TTL',
      COMPRESSION: 'gz',
      BLOOMFILTER: 'ROWCOL',
      BLOCKSIZE: '1024',
      BLOCKCACHE: 'FALSE',
      IN_MEMORY: 'true',
    };
    expect(tableOfSchema(schema(attributes)).families[0]).toEqual(
      familyDescriptor('f', {
        versionsMax: 3,
        versionsMin: 2,
        keepDeletedCells: 'ttl',
        compression: 'gzip',
        bloomFilter: 'rowcol',
        blockBytes: 1024,
        blockCache: false,
        inMemory: true,
        attributes,
      }),
    );
    expect(tableOfSchema(schema({})).families[0]).toEqual(familyDescriptor('f'));
  });

  it('comes back as it was sent, settings we do not know included', () => {
    const odd = { 'hbase.store.file-tracker.impl': 'DEFAULT', VERSIONS: '2', TTL: 'FOREVER' };
    const table = tableOfSchema(schema(odd));
    const again = tableOfSchema(schemaOfTable(table));
    expect(again.families[0]?.attributes).toMatchObject(odd);
    expect(again.attributes).toEqual({ IS_META: 'false' });
    expect(familyAttributes(familyDescriptor('f'))).toMatchObject({
      TTL: '2147483647',
      BLOCKSIZE: '65536',
      BLOOMFILTER: 'ROW',
      COMPRESSION: 'NONE',
      KEEP_DELETED_CELLS: 'FALSE',
    });
  });

  it('with a bad setting is refused in a sentence that names setting and value', () => {
    const bad: [Record<string, string>, RegExp][] = [
      [{ VERSIONS: '0' }, /family f: VERSIONS '0'/],
      [{ VERSIONS: 'many' }, /VERSIONS 'many'/],
      [{ VERSIONS: '1', MIN_VERSIONS: '2' }, /MIN_VERSIONS 2 is above VERSIONS 1/],
      [{ TTL: '-1' }, /TTL '-1'/],
      [{ TTL: '99999999999' }, /TTL/],
      [{ COMPRESSION: 'BROTLI' }, /COMPRESSION 'BROTLI'/],
      [{ BLOOMFILTER: 'ROWPREFIX_FIXED_LENGTH' }, /BLOOMFILTER/],
      [{ BLOCKCACHE: 'yes' }, /BLOCKCACHE 'yes'/],
      [{ IS_MOB: 'true' }, /IS_MOB 'true' is not supported/],
      [{ REPLICATION_SCOPE: '1' }, /REPLICATION_SCOPE '1' is not supported/],
    ];
    for (const [attributes, text] of bad) {
      expect(() => parseFamily('f', attributes)).toThrow(text);
      expect(() => parseFamily('f', attributes)).toThrow(CadastreError);
    }
  });

  it('with an illegal name of table, namespace or family is refused', () => {
    const legal = { namespace: 'n_1', qualifier: 't.x-y', family: 'f 1' };
    expect(tableOfSchema(schema({}, legal)).name).toEqual({ namespace: 'n_1', qualifier: 't.x-y' });
    const illegal = [
      { qualifier: '' },
      { qualifier: '-t' },
      { qualifier: '.t' },
      { qualifier: 'a/b' },
      { qualifier: 'a,b' },
      { namespace: 'a-b' },
      { family: '' },
      { family: 'a:b' },
      { family: '.a' },
      { family: 'x'.repeat(128) },
      { family: 'a\nb' },
    ];
    for (const change of illegal) {
      expect(() => tableOfSchema(schema({}, { ...legal, ...change }))).toThrow(/not a legal/);
    }
    expect(() => tableOfSchema(create(TableSchemaSchema, {}))).toThrow(/without a name/);
  });
});
