import { describe, expect, it } from 'vitest';
import { AdminCluster } from './testing/admin-cluster.js';

describe('procedures over HTTP (R-P7)', () => {
  it('lists with filters and pages', async () => {
    const admin = await AdminCluster.start(1, 0);
    const ids = [await admin.stuckTable('a'), await admin.stuckTable('b')];
    const list = async (query: string) => {
      const { json } = await admin.get(`/api/procedures?${query}`);
      const { procedures, next } = json as {
        procedures: { id: number; type: string }[];
        next?: number;
      };
      return { ids: procedures.map(({ id }) => id), next, procedures };
    };
    expect((await list('rootsOnly=true')).ids).toEqual(ids);
    expect((await list('type=CreateTable,DropTable&owner=tester')).ids).toEqual(ids);
    expect((await list('type=CreateTable&type=DropTable')).ids).toEqual(ids);
    expect((await list('reason=children')).ids).toEqual(ids);
    expect((await list('stuckForMs=3600000')).ids).toEqual([]);
    const first = await list('rootsOnly=true&limit=1');
    expect(first.ids).toEqual(ids.slice(0, 1));
    expect((await list(`rootsOnly=true&limit=1&after=${first.next}`)).ids).toEqual(ids.slice(1));
    expect(first.procedures[0]).not.toHaveProperty('history');
  });

  it('shows, explains, draws the tree, and exports all of it', async () => {
    const admin = await AdminCluster.start(2, 0);
    const id = await admin.stuckTable('a');
    const { json: shown } = await admin.get(`/api/procedures/${id}`);
    expect(shown).toMatchObject({ id, type: 'CreateTable', about: 'table a', reason: 'children' });
    expect((shown as { history: unknown[] }).history.length).toBeGreaterThan(0);
    const { json: explained } = await admin.get(`/api/procedures/${id}/explain`);
    expect(explained).toMatchObject({
      chain: [{ id }, { text: expect.stringContaining('event server-joined') as string }],
      advice: [expect.stringContaining('retry') as string, expect.any(String), expect.any(String)],
    });
    const { json: tree } = await admin.get(`/api/procedures/${id}/tree`);
    expect(tree).toMatchObject({
      procedure: { id },
      children: [{ procedure: { type: 'AssignRegion', parent: id }, children: [] }],
      omitted: 0,
    });
    const { json: exported } = await admin.get(`/api/procedures/${id}/export`);
    expect(exported).toMatchObject({
      softwareVersion: 'test',
      tree: { procedure: { id } },
      procedures: [{ id }, { parent: id }],
      rows: [{ id }, {}],
      rowsOmitted: 0,
    });
  });

  it('a long poll ends with the procedure, with its time, or with its client', async () => {
    const admin = await AdminCluster.start(3, 0);
    const id = await admin.stuckTable('a');
    const wait = `/api/procedures/${id}/wait?timeoutMs=2000`;
    const before = admin.cluster.simulation.nowMs;
    expect((await admin.get(wait)).json).toEqual({ id, outcome: 'unfinished' });
    expect(admin.cluster.simulation.nowMs - before).toBeGreaterThanOrEqual(2_000);
    const client = new AbortController();
    const left = admin.ask('GET', wait, { signal: client.signal });
    client.abort();
    expect((await left).json).toMatchObject({ outcome: 'unfinished' });
    await admin.cluster.startServer('s1');
    const ended = await admin.get(`/api/procedures/${id}/wait?timeoutMs=60000`);
    expect(ended.json).toEqual({ id, outcome: 'succeeded' });
    expect((await admin.get(wait)).json).toEqual({ id, outcome: 'succeeded' });
  });

  it('pauses one, a type and all, and resumes them', async () => {
    const admin = await AdminCluster.start(4, 0);
    const id = await admin.stuckTable('a');
    expect((await admin.post(`/api/procedures/${id}/pause`)).status).toBe(200);
    expect((await admin.get(`/api/procedures/${id}`)).json).toMatchObject({ isPaused: true });
    expect((await admin.post(`/api/procedures/${id}/resume`)).status).toBe(200);
    for (const [verb, body] of [
      ['pause-all', undefined],
      ['resume-all', undefined],
      ['pause-type', { type: 'CreateTable' }],
    ] as const) {
      expect((await admin.post(`/api/procedures/${verb}`, body)).status).toBe(200);
    }
    const paused = await admin.stuckTable('b');
    expect((await admin.get(`/api/procedures/${paused}`)).json).toMatchObject({ reason: 'paused' });
    await admin.post('/api/procedures/resume-type', { type: 'CreateTable' });
    await admin.cluster.simulation.runFor(1_000);
    expect((await admin.get(`/api/procedures/${paused}`)).json).toMatchObject({
      reason: 'children',
    });
  });

  it('race P17: a bypass says first what it skips, is refused without its options, then done', async () => {
    const admin = await AdminCluster.start(5, 0);
    const id = await admin.stuckTable('a');
    const path = `/api/procedures/${id}/bypass`;
    expect((await admin.get(path)).json).toMatchObject({
      text: [
        expect.stringContaining('AssignRegion') as string,
        expect.stringContaining('CreateTable table a') as string,
      ],
      needsRecursive: true,
      isPossible: true,
    });
    const refused = await admin.post(path);
    expect(refused.status).toBe(409);
    expect(refused.json).toMatchObject({ code: 'refused' });
    expect((await admin.post(path, { recursive: true })).status).toBe(200);
    const end = await admin.get(`/api/procedures/${id}/wait?timeoutMs=0`);
    expect(end.json).toMatchObject({ outcome: 'bypassed' });
    expect((await admin.post(path, { recursive: true })).status).toBe(409);
  });

  it('cancels, retries and changes priorities, or says why not', async () => {
    const admin = await AdminCluster.start(6, 0);
    const id = await admin.stuckTable('a');
    const { json } = await admin.post(`/api/procedures/${id}/priority`, { priority: 'background' });
    expect(json).toMatchObject({ text: expect.stringContaining("'background'") as string });
    expect((await admin.get(`/api/procedures/${id}`)).json).toMatchObject({
      priority: 'background',
    });
    expect((await admin.post(`/api/procedures/${id}/priority`, { priority: 'x' })).status).toBe(
      400,
    );
    expect((await admin.post(`/api/procedures/${id}/retry`)).status).toBe(409);
    // It is past its point of no return.
    expect((await admin.post(`/api/procedures/${id}/cancel`)).status).toBe(409);
  });
});
