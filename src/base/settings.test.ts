import { describe, expect, it } from 'vitest';
import { Settings, declarationOf, settingNamed } from './settings.js';
import { settingsTable, type SettingName } from './settings-table.js';

describe('settings', () => {
  it('has a default inside its range, a meaning and a reason to change it for each (R-C2)', () => {
    for (const name of Object.keys(settingsTable) as SettingName[]) {
      const declared = declarationOf(name);
      expect(declared.default).toBeGreaterThanOrEqual(declared.min);
      expect(declared.default).toBeLessThanOrEqual(declared.max);
      expect(declared.meaning.length).toBeGreaterThan(20);
      expect(declared.whenToChange.length).toBeGreaterThan(20);
    }
  });

  it('keeps the four settings of AMv2 with their names and defaults (R-C1)', () => {
    const settings = Settings.defaults();
    expect(settings.get('hbase.procedure.remote.dispatcher.threadpool.size')).toBe(128);
    expect(settings.get('hbase.procedure.remote.dispatcher.delay.msec')).toBe(150);
    expect(settings.get('hbase.procedure.remote.dispatcher.max.queue.size')).toBe(32);
    expect(settings.get('hbase.regionserver.rpc.startup.waittime')).toBe(60_000);
  });

  it('refuses an unknown name with the nearest one', () => {
    expect(() => Settings.parse({ 'cadastre.log.byte': '1' })).toThrow('cadastre.log.byte');
    try {
      settingNamed('cadastre.log.byte');
    } catch (error) {
      expect(error).toMatchObject({ code: 'unknown-setting' });
      expect((error as { nextStep: string }).nextStep).toContain('cadastre.log.bytes');
    }
  });

  it('finds a setting by its alias', () => {
    expect(settingNamed('hbase.hstore.compactionThreshold')).toBe('hbase.hstore.compaction.min');
  });

  it('reads sizes with suffixes, and refuses what is out of range or no number', () => {
    expect(Settings.parse({ 'cadastre.log.bytes': '64m' }).get('cadastre.log.bytes')).toBe(
      64 * 2 ** 20,
    );
    expect(() => Settings.parse({ 'cadastre.log.bytes': '1' })).toThrow('is no value');
    expect(() => Settings.parse({ 'cadastre.log.bytes': 'lots' })).toThrow('is no value');
    expect(() => Settings.parse({ 'hbase.hstore.compaction.min': '2.5' })).toThrow('is no value');
    expect(() => Settings.parse({ 'cadastre.server.silence.ms': '5k' })).toThrow('is no value');
  });

  it('gives back what was given, to hand it to another process', () => {
    const settings = Settings.parse({ 'cadastre.log.bytes': '64m' });
    expect(Settings.parse(settings.given()).get('cadastre.log.bytes')).toBe(64 * 2 ** 20);
  });
});
