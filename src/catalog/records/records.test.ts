// Golden bytes of version 1 of every kind. A difference means that roots of released versions can no
// longer be read: add a version and an upcaster instead of updating a golden file.

import { describe, expect, it } from 'vitest';
import type {
  Epoch,
  Generation,
  Incarnation,
  ProcedureId,
  RegionId,
  Revision,
  Sequence,
  TableId,
  Timeline,
} from '../../base/ids.js';
import type { StoreFileRef } from '../../base/store-file.js';
import { familyDescriptor } from '../../base/table.js';
import type { CatalogKey, LogNeed, RecordKind } from '../api.js';
import { encodeManifest, decodeManifest } from '../manifest.js';
import { RecordBuffer, decodeLogRecord, encodeOpening } from '../record-codec.js';
import { KindRegistry } from '../kind.js';
import type { CheckpointRecord } from './checkpoints.js';
import { checkpointKind } from './checkpoints.js';
import { candidateKind, claimKind } from './deletion.js';
import { fileKind } from './files.js';
import { allKinds } from './kinds.js';
import { catalogLogKind, logKind, sortedLogKind } from './logs.js';
import { procedureKind } from './procedures.js';
import type { RegionRecord } from './regions.js';
import { regionKind } from './regions.js';
import { serverKind } from './servers.js';
import { settingKind, switchKind, systemKind } from './system.js';
import { nameKind, namespaceKind, tableKind } from './tables.js';

const clip = { startKey: Buffer.from('c'), endKey: Buffer.from([0xff, 0]) };
const position = { segment: 3, offset: 2 ** 33, sequence: 12_345 };

const region: RegionRecord = {
  tableId: 1_099_511_627_777 as TableId,
  regionId: 1_099_511_627_778 as RegionId,
  startKey: Buffer.from('a'),
  endKey: Buffer.from('m'),
  state: 'open',
  server: 4 as Incarnation,
  generation: 7 as Generation,
  openSequence: 100 as Sequence,
  flushedSequence: 99 as Sequence,
  lastCommitNumber: 2,
  lastHost: 'host-1',
  lastServer: 3 as Incarnation,
  sinceMs: 1_767_225_600_000,
  failure: 'no such object',
  slices: [
    {
      object: 'data/01/5-1-sorted',
      origin: 9 as RegionId,
      offset: 10,
      bytes: 20,
      entries: 2,
      skipUpTo: 50 as Sequence,
      sequenceMax: 60 as Sequence,
      clip,
    },
  ],
  nonces: [{ group: '18446744073709551615', nonce: '-5', usedAtMs: 1_767_225_600_001 }],
};

const file: StoreFileRef = {
  family: 'f',
  object: 'data/0a/4-17-store',
  bytes: 1_000_000,
  crc32: 0xfedcba98,
  entries: 5000,
  sequenceMin: 1 as Sequence,
  sequenceMax: 99 as Sequence,
  birth: 12 as Revision,
  clip,
  visibleBytes: 500_000,
  visibleEntries: 2500,
  majorCompacted: true,
  timestampMin: -5,
  timestampMax: 9.223372036854776e18,
};

const server = {
  host: 'host-1',
  port: 16020,
  version: '0.1.0',
  state: 'online',
  process: { bootId: 'boot', pidNamespace: '4026531836', pid: 77, startTime: '12345' },
  log: '4',
  registeredAtMs: 1_767_225_600_000,
} as const;

const table = {
  descriptor: {
    name: { namespace: 'default', qualifier: 't' },
    families: [
      familyDescriptor('f', { versionsMax: 3, compression: 'gzip', attributes: { X: 'y' } }),
    ],
    attributes: { OWNER: 'me' },
  },
  state: 'disabled',
  createdAtMs: 1_767_225_600_000,
  droppedAtMs: 1_767_225_600_001,
} as const;

interface Sample {
  readonly kind: RecordKind<CatalogKey, unknown>;
  readonly key: CatalogKey;
  readonly value: unknown;
}

function sample<Key extends CatalogKey, Value>(
  kind: RecordKind<Key, Value>,
  key: Key,
  value: Value,
): Sample {
  return { kind, key, value };
}

const need: LogNeed = { log: '4', low: position, end: { ...position, sequence: 20_000 } };
const samples: readonly Sample[] = [
  sample(systemKind, [], {
    clusterId: 'c0ffee00-0000-4000-8000-000000000000',
    timeline: 1 as Timeline,
    nextCounter: 1001,
    clusterVersion: 1,
  }),
  sample(namespaceKind, ['default'], { attributes: { A: 'b' } }),
  sample(nameKind, ['default', 't'], 1_099_511_627_777 as TableId),
  sample(tableKind, [region.tableId], table),
  sample(regionKind, [region.tableId, region.startKey, region.regionId], region),
  sample(fileKind, [region.regionId, file.family, file.object], file),
  sample(serverKind, [4 as Incarnation], server),
  sample(logKind, [4 as Incarnation], need),
  sample(catalogLogKind, [2 as Epoch], { ...need, log: 'catalog/2', end: undefined }),
  sample(sortedLogKind, ['data/01/5-1-sorted'], {
    bytes: 4096,
    crc32: 1,
    birth: 8 as Revision,
    entries: 10,
    sources: ['3', '4'],
  }),
  sample(procedureKind, [1_099_511_627_779 as ProcedureId], Buffer.from([1, 2, 3])),
  sample(settingKind, ['hbase.balancer.period'], '300000'),
  sample(switchKind, ['balancer'], true),
  sample(candidateKind, ['log', '4', 12_345], {
    birth: 5 as Revision,
    death: 6 as Revision,
    state: 'deleting',
    bytes: 0,
    until: position,
  }),
  sample(claimKind, ['procedure/12', 'data/01/5-1-sorted'], {
    object: 'data/01/5-1-sorted',
    bytes: 4096,
    birth: 8 as Revision,
  }),
  sample<readonly [Epoch, number], CheckpointRecord>(checkpointKind, [2 as Epoch, 3], {
    revision: 40 as Revision,
  }),
];

function hex(bytes: Uint8Array): string {
  return `${Buffer.from(bytes)
    .toString('hex')
    .replaceAll(/(.{64})/g, '$1\n')}\n`;
}

describe('record kinds', () => {
  it('are all sampled here', () => {
    expect(samples.map(({ kind }) => kind.name).sort()).toEqual(
      allKinds.map(({ name }) => name).sort(),
    );
  });

  it.each(samples.map((each) => [each.kind.name, each] as const))(
    '%s is written as it was in version 1, and read back',
    async (name, { kind, key, value }) => {
      const bytes = kind.encode(value);
      await expect(hex(bytes)).toMatchFileSnapshot(`../testdata/${name}-v1.hex`);
      expect(kind.decode(1, Buffer.from(bytes))).toEqual(value);
      const encodedKey = kind.encodeKey(key);
      await expect(hex(Buffer.from(encodedKey, 'latin1'))).toMatchFileSnapshot(
        `../testdata/${name}-key.hex`,
      );
      expect(kind.decodeKey(encodedKey)).toEqual(key);
    },
  );

  it('keep absent parts absent', () => {
    const bare: RegionRecord = {
      ...region,
      server: undefined,
      lastHost: undefined,
      lastServer: undefined,
      failure: undefined,
      slices: [],
      nonces: [],
    };
    expect(regionKind.decode(1, regionKind.encode(bare))).toEqual(bare);
    const unclipped: StoreFileRef = { ...file, clip: undefined };
    expect(fileKind.decode(1, fileKind.encode(unclipped))).toEqual(unclipped);
  });

  it('refuse numbers that are no counts, and states that nobody knows', () => {
    expect(() => fileKind.encode({ ...file, bytes: 1.5 })).toThrow(/a file's bytes is a count/);
    expect(() => regionKind.decode(1, Buffer.alloc(0))).toThrow(/0 stands for no region state/);
  });
});

describe('the catalog’s own formats', () => {
  it('a transaction is written as it was in format 1', async () => {
    const buffer = new RecordBuffer();
    buffer.startTransaction(3 as Epoch, 12_345 as Revision, 2);
    const key = settingKind.encodeKey(['a']);
    buffer.addWrite({ key, kind: settingKind, before: undefined, after: 'value' });
    buffer.addWrite({
      key: settingKind.encodeKey(['b']),
      kind: settingKind,
      before: '',
      after: undefined,
    });
    await expect(hex(buffer.bytes)).toMatchFileSnapshot('../testdata/transaction-v1.hex');
    const content = decodeLogRecord(Buffer.from(buffer.bytes), new KindRegistry(allKinds));
    if (content.what !== 'transaction') throw new Error('it is a transaction');
    expect(content.epoch).toBe(3);
    expect(content.revision).toBe(12_345);
    expect([...content.changes]).toEqual([
      { key, value: 'value' },
      { key: settingKind.encodeKey(['b']), value: undefined },
    ]);
  });

  it('an opening is written as it was in format 1', async () => {
    const opening = {
      clusterId: 'c0ffee',
      epoch: 7 as Epoch,
      revision: 99 as Revision,
      predecessor: { epoch: 5 as Epoch, end: position },
    };
    const bytes = encodeOpening(opening);
    await expect(hex(bytes)).toMatchFileSnapshot('../testdata/opening-v1.hex');
    expect(decodeLogRecord(bytes, new KindRegistry(allKinds))).toEqual({
      what: 'opening',
      opening,
    });
  });

  it('a manifest is written as it was in format 1', async () => {
    const manifest = {
      clusterId: 'c0ffee',
      epoch: 7 as Epoch,
      checkpoint: {
        epoch: 6 as Epoch,
        number: 2,
        objects: [
          { key: 'catalog-checkpoint/6-2-0', bytes: 9, crc32: 8, sha256: 'ab', records: 7 },
        ],
      },
      revision: 99 as Revision,
      replay: { epoch: 6 as Epoch, from: position },
    };
    const bytes = encodeManifest(manifest);
    await expect(hex(bytes)).toMatchFileSnapshot('../testdata/manifest-v1.hex');
    expect(decodeManifest(bytes)).toEqual(manifest);
  });
});
