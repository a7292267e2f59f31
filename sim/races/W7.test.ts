import { describe, expect, it } from 'vitest';
import { Story } from './story.js';

describe('race W7: a flush is committed after the region has moved', () => {
  it('is refused, its file is never listed, and nothing is lost', async () => {
    const story = await Story.begin();
    const table = await story.table('t');
    await story.run(table.put('r', { 'f:v': 'kept' }));
    const before = story.region;
    const node = story.simulation.node(story.ownerOf(before));
    const flushing = story.client.admin.flushTable('t');
    await story.until('the file is written', () => story.storedFiles().length > 0);
    const [file = ''] = story.storedFiles();
    // Its commit is not sent yet: the server stands still now, and comes too late.
    node.suspend();
    await story.until('the region is open elsewhere', () => {
      const { state, generation } = story.region;
      return state === 'open' && generation > before.generation;
    });
    expect(story.filesOf(before.regionId)).toEqual([]);
    node.resume();
    await story.run(flushing.catch(() => undefined));
    await story.settle();
    expect(story.filesOf(before.regionId)).not.toContain(file);
    expect(await story.rows(table)).toEqual({ r: 'kept' });
  });
});
