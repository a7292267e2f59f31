import { describe, expect, it } from 'vitest';
import { AdminCluster } from './testing/admin-cluster.js';

describe('access to the operator API', () => {
  it('is refused without the token of the root, with a wrong one, and in another scheme', async () => {
    const admin = await AdminCluster.start(1, 0);
    const target = '/api/status';
    for (const authorization of ['', 'Bearer x', `Bearer ${'b'.repeat(64)}`, 'Basic YTph']) {
      const { status, json } = await admin.ask('GET', target, { headers: { authorization } });
      expect(status).toBe(403);
      expect(json).toMatchObject({ code: 'access-denied' });
    }
    expect((await admin.get(target)).status).toBe(200);
  });

  it('is refused under any name but the loopback’s, before the token is looked at', async () => {
    const admin = await AdminCluster.start(2, 0);
    const ask = async (host: string) =>
      (await admin.ask('GET', '/api/status', { headers: { host } })).status;
    for (const host of [
      'evil.example',
      'localhost.evil.example:80',
      '10.0.0.1',
      '127.0.0.1.x',
      '',
    ]) {
      expect(await ask(host)).toBe(403);
    }
    for (const host of ['localhost', 'LOCALHOST:16010', '127.0.0.1:1', '[::1]:16010']) {
      expect(await ask(host)).toBe(200);
    }
  });

  it('answers errors with code, message and next step', async () => {
    const admin = await AdminCluster.start(3, 0);
    const cases = [
      ['GET', '/api/nothing', 404, 'unknown-method'],
      ['POST', '/api/status', 404, 'unknown-method'],
      ['GET', '/api/procedures/77', 404, 'procedure-not-found'],
      ['GET', '/api/procedures?color=red', 400, 'bad-request'],
      ['GET', '/api/procedures?limit=5000', 400, 'bad-request'],
      ['GET', '/api/procedures/1/wait?timeoutMs=99999999', 400, 'bad-request'],
      ['GET', '/api/locks?after=nonsense', 400, 'bad-request'],
    ] as const;
    for (const [method, target, status, code] of cases) {
      const answer = await admin.ask(method, target);
      expect([target, answer.status]).toEqual([target, status]);
      expect(answer.json).toMatchObject({ code, nextStep: expect.any(String) as string });
    }
    const noJson = await admin.handler({
      method: 'POST',
      target: '/api/procedures/pause-type',
      headers: { host: 'localhost', authorization: `Bearer ${'a'.repeat(64)}` },
      body: Buffer.from('{'),
      signal: new AbortController().signal,
    });
    expect(noJson.status).toBe(400);
  });
});
