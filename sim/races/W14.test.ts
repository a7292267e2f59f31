import { describe, expect, it } from 'vitest';
import { Story } from './story.js';

describe('race W14: a flush is committed, and the answer is lost', () => {
  it('the server asks again, the file is listed once, and the next flush goes on from there', async () => {
    const story = await Story.begin({ servers: 1 });
    const table = await story.table('t');
    await story.run(table.put('r', { 'f:v': 'one' }));
    const { regionId } = story.region;
    const owner = story.ownerOf(story.region);
    const flushing = story.client.admin.flushTable('t');
    await story.until('the file is listed', () => story.filesOf(regionId).length > 0);
    story.simulation.net.cutConnections(owner, 'master');
    await story.run(flushing);
    expect(story.filesOf(regionId)).toHaveLength(1);
    await story.run(table.put('s', { 'f:v': 'two' }));
    await story.run(story.client.admin.flushTable('t'));
    expect(story.filesOf(regionId)).toHaveLength(2);
    expect(story.region.lastCommitNumber).toBe(2);
    expect(await story.rows(table)).toEqual({ r: 'one', s: 'two' });
  });
});
