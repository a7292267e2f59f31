import { describe, expect, it } from 'vitest';
import { Story } from './story.js';

describe('race W5: a flush is committed, and the server crashes before its log knows', () => {
  it('no edit is lost and none is seen twice', async () => {
    const story = await Story.begin();
    const table = await story.table('t');
    for (let round = 0; round < 3; round++) await story.run(table.increment('n', { 'f:n': 1 }));
    const { regionId } = story.region;
    const flushing = story.client.admin.flushTable('t').catch(() => undefined);
    await story.until('the file is listed', () => story.filesOf(regionId).length > 0);
    story.cluster.kill(story.ownerOf(story.region));
    await story.run(flushing);
    await story.settle();
    expect((await story.run(table.get('n')))?.int64('f', 'n')).toBe(3);
    await story.run(table.increment('n', { 'f:n': 1 }));
    expect((await story.run(table.get('n', { versions: 10 })))?.int64('f', 'n')).toBe(4);
  });
});
