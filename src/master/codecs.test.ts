import { expect, it } from 'vitest';
import type { Incarnation, RegionId, Sequence, TableId } from '../base/ids.js';
import { familyDescriptor } from '../base/table.js';
import type { Codec } from '../procedure/codec.js';
import {
  assignState,
  crashState,
  createTableInput,
  moveState,
  regionInput,
  serverInput,
  tableIdInput,
  tableInput,
  tableProgress,
  transitInput,
  unassignState,
} from './codecs.js';

const table = { namespace: 'default', qualifier: 't' };
const region = 1_099_511_627_777 as RegionId;
const server = 3 as Incarnation;

const lines: string[] = [];
/** The bytes of version 1, and that they come back as they were. */
function golden<T>(name: string, codec: Codec<T>, value: T): void {
  const bytes = codec.encode(value);
  expect(codec.decode(bytes, 1)).toEqual(value);
  lines.push(`${name} ${Buffer.from(bytes).toString('hex')}`);
}

it('R-P11: inputs and states of version 1 are what they were', async () => {
  golden('transit', transitInput, { table, region, isRecovery: true, server });
  golden('transit-plain', transitInput, { table, region, isRecovery: false, server: undefined });
  golden('assign-state', assignState, { failures: 2, avoid: [server] });
  golden('unassign-state', unassignState, { failures: 2 });
  golden('move-state', moveState, { source: server, destination: 4 as Incarnation });
  golden('region', regionInput, { table, region });
  golden('server', serverInput, { server });
  golden('crash-state', crashState, {
    sorted: { object: 'data/00/4-1-sorted', bytes: 100, crc32: 0xdeadbeef },
    parts: [
      {
        region,
        offset: 10,
        bytes: 20,
        entries: 2,
        sequenceMax: 9 as Sequence,
        skipUpTo: 5 as Sequence,
      },
    ],
    avoid: [server],
  });
  golden('crash-state-unsorted', crashState, { sorted: undefined, parts: [], avoid: [] });
  golden('create-table', createTableInput, {
    descriptor: { name: table, families: [familyDescriptor('f')], attributes: { A: 'b' } },
    splitKeys: [Buffer.from('m'), Buffer.from([0xff])],
  });
  golden('table', tableInput, { table });
  golden('table-id', tableIdInput, { tableId: 7 as TableId });
  golden('table-progress', tableProgress, {
    tableId: 7 as TableId,
    count: 500,
    after: { startKey: Buffer.from('k'), regionId: region },
  });
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('testdata/procedures-v1.txt');
});
