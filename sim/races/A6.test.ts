import { describe, expect, it } from 'vitest';
import { Story } from './story.js';

describe('race A6: the server with the most regions and the master die together', () => {
  it('all regions come back, and no acknowledged write is lost', async () => {
    for (let seed = 1; seed <= 3; seed++) {
      const story = await Story.begin({ seed, servers: 3 });
      const splits = ['b', 'c', 'd', 'e', 'f', 'g', 'h'];
      const table = await story.table('t', splits);
      const rows = Object.fromEntries(['a', ...splits].map((row) => [row, `of ${row}`]));
      for (const [row, value] of Object.entries(rows)) {
        await story.run(table.put(row, { 'f:v': value }));
      }
      const counts = new Map<string, number>();
      for (const region of story.regions) {
        const owner = story.ownerOf(region);
        counts.set(owner, (counts.get(owner) ?? 0) + 1);
      }
      const [busiest = ''] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [];
      story.cluster.kill(busiest);
      story.cluster.kill('master');
      await story.settle();
      expect(story.regions.map(({ state }) => state)).toEqual(story.regions.map(() => 'open'));
      expect(await story.rows(table), `seed ${seed}`).toEqual(rows);
    }
  });
});
