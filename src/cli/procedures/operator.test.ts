import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cadastre, LocalMaster, temporaryRoot } from './testing/local-master.js';

describe('operator commands (R-P7)', () => {
  const { root, remove } = temporaryRoot();
  let local: LocalMaster;
  let id: number;
  beforeAll(async () => {
    local = await LocalMaster.start(root);
    id = await local.stuckTable('t');
  });
  afterAll(async () => {
    await local.stop();
    remove();
  });

  async function json(...args: readonly string[]): Promise<unknown> {
    const { code, out, err } = await local.cadastre(...args, '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    return JSON.parse(out) as unknown;
  }

  it('list, show, tree and explain, for people and for programs', async () => {
    const list = await local.cadastre('procedure', 'list', '--roots', '--owner', 'ada');
    expect(list.code).toBe(0);
    expect(list.out).toMatch(
      new RegExp(`^pid +ppid +type.*\n${id} +- +CreateTable +table t +children`),
    );
    expect(await json('procedure', 'list', '--type', 'CreateTable')).toMatchObject({
      procedures: [{ id }],
    });
    const page = await local.cadastre('procedure', 'list', '--limit', '1');
    expect(page.out).toContain(`there are more: --after ${id}`);
    const show = await local.cadastre('procedure', 'show', String(id));
    expect(show.out).toMatch(/locks +shared namespace default, exclusive table default:t/);
    expect(show.out).toMatch(/can be undone +no longer/);
    const tree = await local.cadastre('procedure', 'tree', String(id));
    expect(tree.out).toMatch(
      /^CreateTable table t .*\n {2}AssignRegion region \d+ of t .*event for/,
    );
    const why = await local.cadastre('procedure', 'explain', String(id));
    expect(why.out).toContain('event server-joined');
    expect(why.out).toContain('What can be done:\n- it will go on by itself');
    expect(await json('procedure', 'explain', String(id))).toMatchObject({ chain: [{ id }, {}] });
  });

  it('lock list, lock graph and rit', async () => {
    const locks = await local.cadastre('lock', 'list', '--kind', 'table');
    expect(locks.out).toMatch(new RegExp(`table +default:t +exclusive +pid=${id} +-`));
    const graph = await local.cadastre('lock', 'graph');
    expect(graph.out).toBe('nobody waits for a lock\n');
    expect(await json('lock', 'graph')).toEqual({ edges: [], procedures: [] });
    const rit = await local.cadastre('rit');
    expect(rit.out).toMatch(/t +[0-9a-f]{32} +offline .*pid=\d+ +AssignRegion.*\n1 in transition/);
    expect(await json('rit')).toMatchObject({ total: 1, regions: [{ table: 't' }] });
  });

  it('wait ends with 3 when its time is over, and with 1 for what did not succeed', async () => {
    const over = await local.cadastre('procedure', 'wait', String(id), '--timeout', '0.05');
    expect(over.code).toBe(3);
    expect(over.err).toContain(`procedure explain ${id}`);
    const doomed = await local.stuckTable('doomed');
    const waiting = local.master.engine.ended(doomed as never);
    await local.cadastre('procedure', 'bypass', String(doomed), '--recursive', '--yes');
    await waiting;
    const failed = await local.cadastre('procedure', 'wait', String(doomed));
    expect(failed).toMatchObject({ code: 1, err: `cadastre: procedure ${doomed} bypassed\n` });
  });

  it('race P17: bypass prints what it skips, and does nothing that was not agreed to', async () => {
    const one = await local.stuckTable('one');
    const bypass = (...more: string[]) =>
      local.cadastre('procedure', 'bypass', String(one), ...more);
    const alone = await bypass('--yes');
    expect(alone.code).toBe(2);
    expect(alone.err).toMatch(/CreateTable table one .*: skips the rest from step/);
    const unsure = await bypass('--recursive');
    expect(unsure).toMatchObject({ code: 2, out: '' });
    expect(unsure.err).toContain('Give --yes');
    expect(local.master.engine.show(one as never).reason).toBe('children');
    const sure = await bypass('--recursive', '--yes');
    expect(sure).toMatchObject({ code: 0, out: expect.stringContaining('bypassed:') as string });
    const again = await bypass('--recursive', '--yes');
    expect(again.code).toBe(1);
  });

  it('cancel, retry, pause, resume and priority say what was done, or why not', async () => {
    const verb = (...args: string[]) => local.cadastre('procedure', ...args);
    const pid = String(id);
    expect(await verb('cancel', pid)).toMatchObject({
      code: 1,
      err: expect.stringContaining('point of no return') as string,
    });
    expect((await verb('retry', pid)).code).toBe(1);
    expect((await verb('pause', pid)).out).toContain('is paused');
    expect((await verb('resume', pid)).out).toContain('is resumed');
    expect((await verb('pause', '--type', 'AssignRegion')).code).toBe(0);
    expect((await verb('resume', '--type', 'AssignRegion')).code).toBe(0);
    expect((await verb('pause', '--all')).code).toBe(0);
    expect((await verb('resume', '--all')).code).toBe(0);
    expect((await verb('pause')).code).toBe(2);
    expect((await verb('pause', pid, '--all')).code).toBe(2);
    expect((await verb('priority', pid, 'background')).out).toContain("now 'background'");
    expect((await verb('priority', pid, 'highest')).code).toBe(2);
    expect((await verb('show', 'x')).code).toBe(2);
    expect((await verb('show', '1')).code).toBe(1);
  });

  it('export writes one tree to a file that others cannot read', async () => {
    const file = join(root, 'tmp', 'bug.json');
    const { out } = await local.cadastre('procedure', 'export', String(id), file);
    expect(out).toContain('2 procedures');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ tree: { procedure: { id } } });
  });

  it('the token file has mode 0600, and without it nobody gets in', async () => {
    const token = join(root, 'admin-token');
    expect(statSync(token).mode & 0o777).toBe(0o600);
    const wrong = join(root, 'tmp', 'wrong-token');
    writeFileSync(wrong, 'f'.repeat(64));
    const refused = await local.cadastre('rit', '--token-file', wrong);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('the token is not that of this root');
    const missing = await local.cadastre('rit', '--token-file', join(root, 'none'));
    expect(missing.err).toContain('cannot be read');
    const { port } = local.admin.address;
    const place = ['--admin', `localhost:${port}`, '--token-file', token, '--root', '/nowhere'];
    const direct = await cadastre('rit', ...place);
    expect(direct.code).toBe(0);
  });
});

describe('a root without a running master', () => {
  it('is told from none at all, and a token that others could read is refused', async () => {
    const { root, remove } = temporaryRoot();
    try {
      expect(await cadastre('rit', '--root', join(root, 'none'))).toMatchObject({ code: 2 });
      const local = await LocalMaster.start(root);
      await local.stop();
      const gone = await cadastre('rit', '--root', root);
      expect(gone.code).toBe(1);
      expect(gone.err).toContain('no master answers');
      const before = readFileSync(join(root, 'admin-token'), 'utf8');
      const next = await LocalMaster.start(root);
      await next.stop();
      expect(readFileSync(join(root, 'admin-token'), 'utf8')).toBe(before);
      chmodSync(join(root, 'admin-token'), 0o644);
      await expect(LocalMaster.start(root)).rejects.toMatchObject({ code: 'root-unusable' });
    } finally {
      remove();
    }
  });

  it('--start-paused: nothing runs until everything is resumed', async () => {
    const { root, remove } = temporaryRoot();
    const first = await LocalMaster.start(root);
    const id = await first.stuckTable('t');
    await first.stop();
    const second = await LocalMaster.start(root, { startPaused: true });
    try {
      const [child] = second.master.engine.tree(id as never).children;
      expect(child?.procedure.reason).toBe('paused');
      expect((await second.cadastre('procedure', 'resume', '--all')).code).toBe(0);
      const [resumed] = second.master.engine.tree(id as never).children;
      expect(resumed?.procedure.reason).not.toBe('paused');
    } finally {
      await second.stop();
      remove();
    }
  });
});
