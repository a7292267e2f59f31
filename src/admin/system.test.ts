import { describe, expect, it } from 'vitest';
import { DropTable } from '../master/tables/drop-table.js';
import { AdminCluster } from './testing/admin-cluster.js';

describe('locks over HTTP (R-P7)', () => {
  it('draws who waits for whom: the first for the holder, everyone else for the one in front', async () => {
    const admin = await AdminCluster.start(1, 0);
    const holder = await admin.stuckTable('a');
    const input = { table: { namespace: 'default', qualifier: 'a' } };
    const { engine } = admin.cluster.master;
    const [second, third] = [0, 1].map(() => engine.submit(DropTable, input).value);
    await admin.cluster.simulation.runFor(1_000);
    const lock = { kind: 'table', name: 'default:a', mode: 'exclusive' };
    const { json } = await admin.get('/api/locks/graph');
    expect(json).toMatchObject({
      edges: [
        { ...lock, waiter: second, waitsFor: holder, isHolder: true },
        { ...lock, waiter: third, waitsFor: second, isHolder: false },
      ],
    });
    const { procedures } = json as { procedures: { id: number }[] };
    expect(new Set(procedures.map(({ id }) => id))).toEqual(new Set([holder, second, third]));
    const { json: contended } = await admin.get('/api/locks?contendedOnly=true');
    expect(contended).toMatchObject({
      locks: [{ ...lock, holders: [holder], waiters: [{ id: second }, { id: third }] }],
    });
  });

  it('pages through locks by kind and name', async () => {
    const admin = await AdminCluster.start(2, 0);
    for (const table of ['a', 'b', 'c']) await admin.stuckTable(table);
    const names: string[] = [];
    let next: string | undefined = '';
    while (next !== undefined) {
      const after: string = next === '' ? '' : `&after=${encodeURIComponent(next)}`;
      const { json } = await admin.get(`/api/locks?kind=table,namespace&limit=2${after}`);
      const page = json as { locks: { kind: string; name: string }[]; next?: string };
      names.push(...page.locks.map(({ kind, name }) => `${kind} ${name}`));
      next = page.next;
    }
    expect(names).toEqual([
      'namespace default',
      'table default:a',
      'table default:b',
      'table default:c',
    ]);
  });
});

describe('regions in transition over HTTP', () => {
  it('says of each since when, who may change it and what has to happen, longest first', async () => {
    const admin = await AdminCluster.start(3, 0);
    const first = await admin.stuckTable('a');
    await admin.stuckTable('b');
    const { json } = await admin.get('/api/rit?limit=1');
    const page = json as { regions: { ageMs: number; owner: number }[]; next: string };
    expect(page).toMatchObject({
      total: 2,
      regions: [
        {
          table: 'a',
          state: 'offline',
          name: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
          reason: expect.stringContaining('event server-joined') as string,
        },
      ],
    });
    expect(page.regions[0]?.ageMs).toBeGreaterThan(1_500);
    const owner = (await admin.get(`/api/procedures/${page.regions[0]?.owner}`)).json;
    expect(owner).toMatchObject({ type: 'AssignRegion', parent: first });
    const { json: rest } = await admin.get(`/api/rit?limit=1&after=${page.next}`);
    expect(rest).toMatchObject({ regions: [{ table: 'b' }] });
    expect(rest).not.toHaveProperty('next');
  });
});

describe('the system over HTTP', () => {
  it('tells status, faults and quarantine', async () => {
    const admin = await AdminCluster.start(4, 1);
    await admin.cluster.createTable('a');
    expect((await admin.get('/api/status')).json).toMatchObject({
      epoch: 1,
      liveServers: 1,
      faults: 0,
      softwareVersion: 'test',
      master: `master:${admin.cluster.master.address.port}`,
    });
    expect((await admin.get('/api/faults')).json).toEqual({ faults: [] });
    expect((await admin.get('/api/quarantine')).json).toEqual({
      records: [],
      recordCount: 0,
      procedures: [],
    });
  });

  it('runs, pauses and resumes the collector, and explains an object', async () => {
    const admin = await AdminCluster.start(5, 0);
    expect((await admin.get('/api/collector')).json).toEqual({ isPaused: false });
    expect((await admin.post('/api/collector/run')).json).toMatchObject({ cycle: 1 });
    await admin.post('/api/collector/pause', { leaseMs: 5_000 });
    expect((await admin.get('/api/collector')).json).toMatchObject({
      isPaused: true,
      lastCycle: { cycle: 1, objectsDeleted: 0 },
    });
    await admin.post('/api/collector/resume');
    expect((await admin.get('/api/collector')).json).toMatchObject({ isPaused: false });
    const object = 'data/00/1-1-hfile';
    expect((await admin.get(`/api/collector/explain?object=${object}`)).json).toMatchObject({
      object,
      text: `the catalog knows nothing of ${object}`,
    });
  });

  it('serves its own description', async () => {
    const admin = await AdminCluster.start(6, 0);
    expect((await admin.get('/api/openapi.json')).json).toMatchObject({ openapi: '3.1.0' });
  });
});
