import { describe, expect, it } from 'vitest';
import { browserData, featureRows, neverMs, statementsMax } from './browser-data.js';

describe('the demo data', () => {
  const data = browserData();
  const rows = [...featureRows(data)];
  const row = (path: string) => rows.find((candidate) => candidate.row === path);

  it('has a row for each feature, each once', () => {
    expect(rows.length).toBeGreaterThan(15_000);
    expect(new Set(rows.map((each) => each.row)).size).toBe(rows.length);
  });

  it('puts a statement at the release date of the version it speaks of', () => {
    const cell = row('api.AbortController')?.cells.find((each) => each.qualifier === 'firefox');
    const released = data.browsers.firefox.releases['57']?.release_date ?? '';
    expect(new Date(cell?.timestamp ?? 0).toISOString().slice(0, 10)).toBe(released);
    expect(JSON.parse(cell?.value ?? '')).toMatchObject({ version_added: '57' });
  });

  it('keeps several statements of one browser as versions, each with a timestamp of its own', () => {
    const safari = row('api.AbortController')?.cells.filter((each) => each.qualifier === 'safari');
    expect(safari?.length).toBe(2);
    for (const { cells } of rows) {
      const stamps = cells.map((cell) => `${cell.qualifier} ${cell.timestamp}`);
      expect(new Set(stamps).size).toBe(stamps.length);
    }
  });

  it('puts "not supported" before every release', () => {
    const ie = row('api.AbortController')?.cells.find((each) => each.qualifier === 'ie');
    expect(ie?.timestamp).toBe(neverMs);
  });

  it('never has more statements than the table keeps versions', () => {
    for (const { cells } of rows) {
      const counts = new Map<string, number>();
      for (const { qualifier } of cells) counts.set(qualifier, (counts.get(qualifier) ?? 0) + 1);
      expect(Math.max(0, ...counts.values())).toBeLessThanOrEqual(statementsMax);
    }
  });
});
