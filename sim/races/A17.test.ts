import { describe, expect, it } from 'vitest';
import { Story } from './story.js';

describe('race A17: OPENED is committed, and the answer is lost with the master', () => {
  it('the next master acknowledges it again, under the same generation', async () => {
    const story = await Story.begin({ servers: 1 });
    const creating = story.client.admin.createTable({ name: 't', families: ['f'] });
    await story.until('the opening is durable', () => {
      const { master } = story.cluster;
      return master !== undefined && story.regions[0]?.state === 'open';
    });
    const [server] = story.cluster.servers.values();
    expect(server?.serving()).toEqual([]);
    const { generation } = story.region;
    story.cluster.kill('master');
    await story.run(creating);
    await story.settle();
    expect(story.region.generation).toBe(generation);
    expect(server?.serving()).toEqual([{ regionId: story.region.regionId, generation }]);
    const table = story.client.table('t');
    await story.run(table.put('r', { 'f:v': 'served' }));
    expect(await story.rows(table)).toEqual({ r: 'served' });
  });
});
