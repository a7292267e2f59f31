import { describe, expect, it } from 'vitest';
import { Story } from './story.js';

describe('race W4: the sorting of a dead server’s log is cut off', () => {
  it('by the death of the server that sorts: another one does it, and every edit is there once', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const story = await Story.begin({ seed, servers: 2 });
      const table = await story.table('t', ['m']);
      const counter = 'a';
      for (let round = 0; round < 5; round++) {
        await story.run(table.increment(counter, { 'f:n': 1 }));
      }
      await story.run(table.put('z', { 'f:v': 'kept' }));
      const [first = '', second = ''] = story.cluster.serverNames;
      story.cluster.kill(first);
      // Detection takes up to 200 ms, the sorting a few: the second dies around it.
      await story.simulation.runFor(seed * 40);
      story.cluster.kill(second);
      await story.settle();
      const row = await story.run(table.get(counter));
      expect(row?.int64('f', 'n'), `seed ${seed}`).toBe(5);
      expect((await story.run(table.get('z')))?.text('f', 'v')).toBe('kept');
    }
  });
});
