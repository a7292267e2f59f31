import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import { GetProcedureResultResponse_State as ProcedureState } from '../wire/generated/hbase/master_pb.js';
import { FakeCluster } from './testing/fake-cluster.js';
import type { FakeRegion } from './testing/fake-cluster.js';

/** Fails the first `times` calls of a method. */
function failing(method: string, times: number, fault: CadastreError | 'lost') {
  let left = times;
  return (call: string) => (call === method && left-- > 0 ? fault : undefined);
}

async function refusal(work: Promise<unknown>): Promise<CadastreError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof CadastreError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('a table', () => {
  it('reads what was put, in every region, with one look-up for neighbours', async () => {
    const cluster = await FakeCluster.start(['g', 'p']);
    const table = cluster.client().table('t');
    await cluster.simulation.run(async () => {
      await table.put('z', { 'f:q': 'last' });
      await table.put('a', { 'f:q': 'first' });
      await table.put('h', { 'f:q': 'middle' });
      expect((await table.get('a'))?.text('f', 'q')).toBe('first');
      expect((await table.get('h'))?.text('f', 'q')).toBe('middle');
      expect(await table.get('b')).toBeUndefined();
    });
    expect(cluster.count('meta')).toBe(1);
  });

  it('follows a region that moved without asking hbase:meta', async () => {
    const cluster = await FakeCluster.start(['m']);
    const table = cluster.client().table('t');
    await cluster.simulation.run(async () => {
      await table.put('a', { 'f:q': '1' });
      const before = cluster.count('meta');
      cluster.move(0, 1, true);
      await table.put('a', { 'f:q': '2' });
      await table.put('b', { 'f:q': '2' });
      expect(cluster.count('meta')).toBe(before);
    });
  });

  it('finds the regions of a server that is killed on another one', async () => {
    const cluster = await FakeCluster.start(['m']);
    const table = cluster.client().table('t');
    await cluster.simulation.run(async () => {
      await table.put('a', { 'f:q': '1' });
      cluster.simulation.node('server-0').kill();
      cluster.move(0, 1);
      expect((await table.get('a'))?.text('f', 'q')).toBe('1');
    });
  });

  it('waits for a region that is nowhere, and says what it waited for when time is up', async () => {
    const cluster = await FakeCluster.start();
    const table = cluster.client(3_000).table('t');
    await cluster.simulation.run(async () => {
      (cluster.regions[0] as FakeRegion).server = undefined;
      const error = await refusal(table.get('a'));
      expect(error.code).toBe('timed-out');
      expect(error.details['lastCode']).toBe('region-not-serving');
      expect(cluster.simulation.nowMs).toBeLessThan(4_000);
    });
  });

  it.each(['disabled', undefined] as const)('that is %s is refused at once', async (state) => {
    const cluster = await FakeCluster.start();
    (cluster.regions[0] as FakeRegion).server = undefined;
    cluster.state = state;
    const error = await cluster.simulation.run(refusal(cluster.client().table('t').get('a')));
    expect(error.code).toBe(state === undefined ? 'table-not-found' : 'table-not-enabled');
  });

  it('tries an overloaded server again, at the same place', async () => {
    const cluster = await FakeCluster.start();
    cluster.fault = failing('Mutate', 3, new CadastreError('call-queue-too-big', 'full'));
    await cluster.simulation.run(cluster.client().table('t').put('a', { 'f:q': '1' }));
    expect(cluster.count('Mutate')).toBe(4);
    expect(cluster.count('meta')).toBe(1);
  });

  it('sends an increment whose answer was lost again with the same nonce', async () => {
    const cluster = await FakeCluster.start();
    cluster.fault = failing('Mutate', 1, 'lost');
    const table = cluster.client(120_000).table('t');
    await cluster.simulation.run(table.increment('a', { 'f:q': 1 }));
    expect(cluster.nonces).toHaveLength(2);
    expect(new Set(cluster.nonces).size).toBe(1);
  });

  it('does not repeat a check-and-mutate whose answer was lost', async () => {
    const cluster = await FakeCluster.start();
    cluster.fault = failing('Mutate', 1, 'lost');
    const table = cluster.client(120_000).table('t');
    const put = { kind: 'put', row: 'a', values: { 'f:q': '1' } } as const;
    const work = table.checkAndMutate('a', { column: 'f:q', absent: true }, put);
    const error = await cluster.simulation.run(refusal(work));
    expect(error.message).toContain('not known whether it was done');
    expect(cluster.count('Mutate')).toBe(1);
  });

  it('fails with stopped once the client is closed', async () => {
    const cluster = await FakeCluster.start();
    const client = cluster.client();
    client.close();
    const error = await cluster.simulation.run(refusal(client.table('t').get('a')));
    expect(error.code).toBe('stopped');
  });
});

describe('a batch', () => {
  it('answers in order, and what fails for one does not hinder the others', async () => {
    const cluster = await FakeCluster.start(['m']);
    cluster.move(1, 1);
    const table = cluster.client().table('t');
    const outcomes = await cluster.simulation.run(async () => {
      await table.put('a', { 'f:q': 'here' });
      return await table.batch([
        { kind: 'put', row: 'z', values: { 'f:q': '1' } },
        { kind: 'get', row: 'a' },
        { kind: 'put', row: 'b', values: { 'nofamily:q': '1' } },
        { kind: 'put', row: '', values: { 'f:q': '1' } },
        { kind: 'delete', row: 'y' },
        { kind: 'get', row: 'nothing' },
      ]);
    });
    const shown = outcomes.map((outcome) =>
      outcome.kind === 'done' ? (outcome.row?.text('f', 'q') ?? 'done') : outcome.error.code,
    );
    expect(shown).toEqual(['done', 'here', 'family-not-found', 'bad-request', 'done', 'done']);
  });

  it('sends again only the regions that failed', async () => {
    const cluster = await FakeCluster.start(['m']);
    const table = cluster.client().table('t');
    await cluster.simulation.run(async () => {
      await table.put('a', { 'f:q': '0' });
      cluster.move(1, 1, true);
      const outcomes = await table.batch(
        ['a', 'b', 'x', 'y'].map((row) => ({ kind: 'put', row, values: { 'f:q': row } }) as const),
      );
      expect(outcomes.every(({ kind }) => kind === 'done')).toBe(true);
    });
    expect(cluster.count('Multi')).toBe(2);
    expect([...cluster.rows.keys()].sort()).toEqual(['a', 'b', 'x', 'y']);
  });
});

describe('admin', () => {
  it('creates a table once, though the answer is slow and the first request was refused', async () => {
    const nonces: bigint[] = [];
    let polls = 0;
    const cluster = await FakeCluster.start([], {
      master: {
        createTable: ({ nonce, tableSchema, splitKeys }) => {
          nonces.push(nonce);
          expect(tableSchema?.columnFamilies).toHaveLength(2);
          expect(splitKeys).toHaveLength(1);
          if (nonces.length === 1) throw new CadastreError('please-hold', 'starting');
          return { procId: 7n };
        },
        getProcedureResult: ({ procId }) => {
          expect(procId).toBe(7n);
          polls += 1;
          return { state: polls < 4 ? ProcedureState.RUNNING : ProcedureState.FINISHED };
        },
      },
    });
    const input = { name: 'n', families: ['f', { name: 'g', versionsMax: 3 }], splits: ['m'] };
    await cluster.simulation.run(cluster.client().admin.createTable(input));
    expect(polls).toBe(4);
    expect(new Set(nonces).size).toBe(1);
  });

  it('fails with what the procedure failed with', async () => {
    const className = 'org.apache.hadoop.hbase.TableNotDisabledException';
    const cluster = await FakeCluster.start([], {
      master: {
        deleteTable: () => ({ procId: 8n }),
        getProcedureResult: () => ({
          state: ProcedureState.FINISHED,
          exception: { genericException: { className, message: 't is enabled' } },
        }),
      },
    });
    const error = await cluster.simulation.run(refusal(cluster.client().admin.dropTable('t')));
    expect(error.code).toBe('table-not-disabled');
    expect(error.message).toContain('t is enabled');
  });
});
