import { describe, expect, it } from 'vitest';
import { mutationOf } from '../../src/client/operations.js';
import { Story } from './story.js';

describe('an increment is applied and its answer is lost', () => {
  for (const [race, flushes] of [
    ['W11: the server crashes', false],
    ['W19: its region is flushed, then the server crashes', true],
  ] as const) {
    it(`race ${race}; the client’s retry elsewhere is applied once`, async () => {
      const story = await Story.begin();
      const table = await story.table('t');
      await story.run(table.increment('n', { 'f:n': 1 }));
      const nonce = { group: '7', nonce: '11' };
      const increment = { kind: 'increment', row: 'n', amounts: { 'f:n': 1 } } as const;
      const mutation = mutationOf(increment, () => nonce);
      await story.run(story.attempts.get('t', 'n'));
      const owner = story.ownerOf(story.region);
      story.simulation.net.delayMs = [1, 1];
      const first = story.attempts.mutate('t', mutation);
      // It arrives after one millisecond; the connection is cut before the answer has come.
      await story.simulation.runFor(1.5);
      story.simulation.net.cutConnections('client', owner);
      await story.simulation.runFor(20);
      if (flushes) await story.run(story.client.admin.flushTable('t'));
      story.cluster.kill(owner);
      expect((await story.run(first)).kind).toBe('unknown');
      await story.settle();
      expect((await story.run(table.get('n')))?.int64('f', 'n')).toBe(2);
      const second = await story.run(story.attempts.mutate('t', mutation));
      expect(second.kind).toBe('done');
      expect((await story.run(table.get('n')))?.int64('f', 'n')).toBe(2);
    });
  }
});
