import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Epoch, ProcedureId, Revision } from '../../base/ids.js';
import type { AnyKind } from '../../catalog/kind.js';
import { RecordBuffer } from '../../catalog/record-codec.js';
import { procedureKind } from '../../catalog/records/procedures.js';
import { catalogLogName } from '../../storage/names.js';
import { openStorage } from '../../storage/root.js';
import { realWorld } from '../../world/real/world.js';
import { cadastre, LocalMaster, temporaryRoot } from './testing/local-master.js';

/** Every file of a root with its size and times: what a write would change. */
function traces(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const { ctimeMs, mtimeMs, size } = statSync(join(root, name));
      return `${name} ${size} ${mtimeMs} ${ctimeMs}`;
    });
}

/** Changes the first segment of a reign's catalog log. */
function changeSegment(root: string, epoch: number, change: (bytes: Buffer) => void): void {
  const path = join(root, 'log', `catalog__${epoch}`, '0000000000');
  const bytes = readFileSync(path);
  change(bytes);
  writeFileSync(path, bytes);
}

const magic = Buffer.of(0xca, 0xda, 0x57, 0xe1);

/** Where its frames begin. */
function frames(bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1)) found.push(at);
  return found;
}

describe('procedure log (R-P8)', () => {
  let root = '';
  let remove = (): void => undefined;
  let id = 0;
  beforeEach(async () => {
    ({ root, remove } = temporaryRoot());
    const local = await LocalMaster.start(root);
    id = await local.stuckTable('t');
    await local.stuckTable('other');
    await local.stop();
  });
  afterEach(() => remove());

  const log = (...more: string[]) => cadastre('procedure', 'log', '--root', root, ...more);

  it('prints what was stored without a cluster, one procedure or all, and writes nothing', async () => {
    const before = traces(root);
    const all = await log();
    expect(all).toMatchObject({ code: 0, err: '' });
    expect(all.out).toMatch(/from=catalog\/1 record=\d+ revision=\d+ pid=\d+ .*type=AssignRegion/);
    expect(all.out).toContain('status="waits for event server-joined');
    const one = await log('--pid', String(id), '--json');
    const lines = one.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { from: string; pid: number; step: string });
    expect(new Set(lines.map(({ pid }) => pid))).toEqual(new Set([id]));
    expect(lines.map(({ from, step }) => `${from} ${step}`)).toEqual([
      'catalog/1 prepare',
      'catalog/1 regions',
      'catalog/1 publish',
      'catalog/1 assign',
      'catalog/1 finish',
      'checkpoint finish',
    ]);
    expect(traces(root)).toEqual(before);
  });

  it('prints the same while the cluster runs', async () => {
    const local = await LocalMaster.start(root);
    try {
      const { code, out } = await log('--pid', String(id));
      expect(code).toBe(0);
      expect(out).toContain('from=catalog/1');
    } finally {
      await local.stop();
    }
  });

  it('cuts a torn tail, says so, and ends well', async () => {
    changeSegment(root, 1, (bytes) => {
      // Half of a frame, behind the last whole one.
      const last = frames(bytes).at(-1) ?? 0;
      const end = last + 40 + bytes.readUInt32BE(last + 8);
      bytes.copy(bytes, Math.ceil(end / 8) * 8, last, last + 60);
    });
    const { code, out } = await log();
    expect(code).toBe(0);
    expect(out).toMatch(/note="catalog\/1: a torn tail is cut \(offset \d+ of/);
  });

  it('tells a flipped byte, prints everything before and behind it, and ends with 1', async () => {
    const whole = (await log()).out.trim().split('\n');
    changeSegment(root, 1, (bytes) => {
      const at = (frames(bytes)[2] ?? 0) + 60;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
    });
    const { code, out } = await log();
    expect(code).toBe(1);
    const lines = out.trim().split('\n');
    const damage = lines.findIndex((line) => line.startsWith('damage='));
    expect(lines[damage]).toMatch(/records? \d+ to \d+ cannot be read, and were synced/);
    const left = lines.filter((line) => !/^(?:damage|note)=/.test(line));
    expect(left.length).toBeGreaterThan(whole.length / 2);
    for (const line of left) expect(whole).toContain(line);
  });

  it('tells a flipped byte in the last record of a sealed log, which the seal vouches for', async () => {
    const next = await LocalMaster.start(root);
    await next.stop();
    changeSegment(root, 1, (bytes) => {
      const at = (frames(bytes).at(-1) ?? 0) + 60;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
    });
    const { code, out } = await log();
    expect(code).toBe(1);
    expect(out).toMatch(/damage="catalog\/1: records \d+ to \d+ cannot be read/);
  });

  it('tells a damaged checkpoint, and prints the logs all the same', async () => {
    const directory = join(root, 'catalog-checkpoint');
    const [name = ''] = readdirSync(directory);
    const bytes = readFileSync(join(directory, name));
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    writeFileSync(join(directory, name), bytes);
    const { code, out } = await log();
    expect(code).toBe(1);
    expect(out).toContain('is not the one that was written');
    expect(out).toContain('from=catalog/1');
  });

  it('refuses what is no root, and what is no number of a procedure', async () => {
    expect((await cadastre('procedure', 'log', '--root', join(root, 'none'))).code).toBe(2);
    expect((await log('--pid', 'x')).code).toBe(2);
  });
});

describe('procedure log, on a log as no master writes it', () => {
  it('prints transactions that are out of order, and says that they are', async () => {
    const { root, remove } = temporaryRoot();
    try {
      const world = realWorld({ directory: root, log: { level: 'silent' } });
      const { logs } = await openStorage(world);
      const writer = await logs.create(catalogLogName(1 as Epoch));
      for (const revision of [1, 3, 2]) writer.append(deletion(revision as Revision));
      await writer.close();
      const { code, out } = await cadastre('procedure', 'log', '--root', root);
      expect(code).toBe(0);
      expect(out.trim().split('\n')).toEqual([
        'from=catalog/1 record=1 revision=1 pid=1 status=deleted',
        'from=catalog/1 record=2 revision=3 pid=3 status=deleted',
        'note="catalog/1: revision 2 comes after 3"',
        'from=catalog/1 record=3 revision=2 pid=2 status=deleted',
      ]);
    } finally {
      remove();
    }
  });
});

/** A transaction that deletes the procedure of its own number. */
function deletion(revision: Revision): Buffer {
  const buffer = new RecordBuffer();
  buffer.startTransaction(1 as Epoch, revision, 1);
  const key = procedureKind.encodeKey([revision as number as ProcedureId]);
  const kind = procedureKind as unknown as AnyKind;
  buffer.addWrite({ key, kind, before: undefined, after: undefined });
  return Buffer.from(buffer.bytes);
}
