import { describe, expect, it } from 'vitest';
import { Story } from './story.js';

describe('race A19: a server looks clean, writes, and crashes', () => {
  it('before its first heartbeat: the sealed log decides, and nothing is lost', async () => {
    // A long period, so that the master has heard of nothing when the server dies.
    const settings = { 'cadastre.server.heartbeat.ms': '2500' };
    const story = await Story.begin({ settings });
    const table = await story.table('t');
    await story.run(table.put('r', { 'f:v': 'acknowledged' }));
    story.cluster.kill(story.ownerOf(story.region));
    await story.settle();
    expect(await story.rows(table)).toEqual({ r: 'acknowledged' });
  });

  it('right after a heartbeat that said that everything is flushed', async () => {
    const story = await Story.begin();
    const table = await story.table('t');
    await story.run(table.put('r', { 'f:v': 'flushed' }));
    await story.run(story.client.admin.flushTable('t'));
    await story.simulation.runFor(3_000);
    await story.run(table.put('s', { 'f:v': 'only in the log' }));
    story.cluster.kill(story.ownerOf(story.region));
    await story.settle();
    expect(await story.rows(table)).toEqual({ r: 'flushed', s: 'only in the log' });
  });
});
