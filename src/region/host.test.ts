import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import { familyDescriptor } from '../base/table.js';
import { RegionRig } from './testing/region-rig.js';
import { get, put, scan } from './testing/requests.js';

const families = [familyDescriptor('f', { versionsMax: 9 })];

async function opened(settings: Readonly<Record<string, string>>): Promise<RegionRig> {
  const rig = new RegionRig({ families, settings });
  await rig.open();
  return rig;
}

async function fill(rig: RegionRig, bytes: number): Promise<void> {
  const value = 'v'.repeat(10_000);
  for (let written = 0; written < bytes; written += value.length) {
    await rig.mutate(put(`r${written}`, 'f:q', value));
  }
}

describe('the host of regions', () => {
  it('flushes a region that has reached its flush size', async () => {
    const rig = await opened({ 'hbase.hregion.memstore.flush.size': '256k' });
    await fill(rig, 600_000);
    await rig.idle();
    expect(rig.catalog.commits.length).toBeGreaterThanOrEqual(1);
    expect(rig.host.status.memstoreBytes).toBeLessThan(400_000);
  });

  it('flushes the largest region when memory grows short', async () => {
    const rig = await opened({ 'cadastre.memstore.bytes': '4m' });
    await rig.openOther();
    await fill(rig, 3_800_000);
    await rig.idle();
    expect(rig.catalog.commits.length).toBeGreaterThanOrEqual(1);
  });

  it('merges files by itself when there are enough of them', async () => {
    const rig = await opened({ 'hbase.hstore.compaction.min': '3' });
    for (let i = 0; i < 3; i++) {
      await rig.mutate(put('r', 'f:q', `${i}`, i));
      await rig.region.flush();
    }
    await rig.idle();
    expect(rig.catalog.files).toHaveLength(1);
    expect(await rig.get(get('r', { versionsMax: 9 }))).toHaveLength(3);
  });

  it('merges all files of a region when they are old, and flushes what has waited for long', async () => {
    const rig = await opened({ 'hbase.hregion.majorcompaction': '3600000' });
    await rig.mutate(put('r', 'f:q', '1'));
    await rig.region.flush();
    rig.clock.advance(61 * 60_000);
    await rig.mutate(put('r', 'f:q', '2'));
    rig.clock.advance(10 * 60_000);
    await rig.idle();
    expect(rig.catalog.files.some(({ majorCompacted }) => majorCompacted)).toBe(true);
    expect(rig.host.status.memstoreBytes).toBe(0);
  });

  it('drops the slices of an idle region by a flush in time', async () => {
    const rig = await opened({});
    await rig.mutate(put('r', 'f:q', '1'));
    await rig.crash();
    expect(rig.catalog.slices).toHaveLength(1);
    for (let i = 0; i < 8; i++) rig.clock.advance(10 * 60_000);
    await rig.idle();
    expect(rig.catalog.slices).toEqual([]);
    expect(await rig.scan(scan())).toHaveLength(1);
  });

  it('fences every region when the log has failed, and they can still be closed', async () => {
    const rig = await opened({});
    const other = await rig.openOther();
    await rig.mutate(put('r', 'f:q', '1'));
    const error = new CadastreError('sealed', 'the log is sealed');
    rig.log.fail(error);
    rig.host.failLog(error);
    expect([rig.region.state, other.state]).toEqual(['fenced', 'fenced']);
    expect(rig.fenced).toEqual([error]);
    await expect(rig.get(get('r'))).rejects.toMatchObject({ code: 'region-not-serving' });
    await rig.region.close({ flush: true });
    expect(rig.host.status.memstoreBytes).toBeLessThan(20_000);
  });

  it('does not acknowledge a write that the log refuses (race A4)', async () => {
    const rig = await opened({});
    rig.log.fail(new CadastreError('sealed', 'the log is sealed'));
    await expect(rig.mutate(put('r', 'f:q', '1'))).rejects.toMatchObject({ code: 'sealed' });
    expect(rig.region.state).toBe('fenced');
  });

  it('knows a row at which a region could be split', async () => {
    const rig = new RegionRig({ families: [familyDescriptor('f', { blockBytes: 100 })] });
    await rig.open();
    expect(await rig.region.splitPoint()).toBeUndefined();
    for (let i = 0; i < 100; i++) await rig.mutate(put(`r${i + 100}`, 'f:q', 'value'));
    await rig.region.flush();
    const row = (await rig.region.splitPoint())?.toString() ?? '';
    expect(row > 'r130' && row < 'r170').toBe(true);
  });
});
