import { describe, expect, it } from 'vitest';
import { Story } from './story.js';
import { moveSomeRegion } from '../workload/moves.js';

describe('race A1: a server dies while its region is moved', () => {
  it('at any moment, the old or the new one: the region ends open once, with its rows', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const story = await Story.begin({ seed, servers: 2 });
      const table = await story.table('t');
      await story.run(table.put('r', { 'f:v': 'kept' }));
      const victim = seed % 2 === 0 ? story.ownerOf(story.region) : 'server-1';
      const { world } = story.simulation.node('client');
      const moving = moveSomeRegion(story.client, world, 't').catch(() => undefined);
      await story.simulation.runFor(seed * 20);
      story.cluster.kill(victim);
      await story.run(moving);
      await story.settle();
      expect(story.region.state, `seed ${seed}`).toBe('open');
      expect(await story.rows(table), `seed ${seed}`).toEqual({ r: 'kept' });
    }
  });
});
