import { describe, expect, it } from 'vitest';
import { mutationOf } from '../../src/client/operations.js';
import { Story } from './story.js';

describe('race A4: a server stands still for a minute, then goes on', () => {
  it('neither acknowledges a write nor answers a read that reached it meanwhile', async () => {
    const story = await Story.begin();
    const table = await story.table('t');
    await story.run(table.put('r', { 'f:v': 'old' }));
    // This client knows the location, and sends straight to the server that stands still.
    expect((await story.run(story.attempts.get('t', 'r'))).kind).toBe('done');
    const before = story.region;
    const node = story.simulation.node(story.ownerOf(before));
    node.suspend();
    const staleRead = story.attempts.get('t', 'r');
    const put = { kind: 'put', row: 'r', values: { 'f:v': 'lost' } } as const;
    const staleWrite = story.attempts.mutate(
      't',
      mutationOf(put, () => never()),
    );
    await story.until('the region is open elsewhere', () => {
      const { state, generation } = story.region;
      return state === 'open' && generation > before.generation;
    });
    await story.run(table.put('r', { 'f:v': 'new' }));
    await story.simulation.runFor(60_000);
    node.resume();
    const [read, write] = await story.run(Promise.all([staleRead, staleWrite]));
    expect(read.kind).toBe('unknown');
    expect(write.kind).toBe('unknown');
    await story.settle();
    expect(story.cluster.exits.join()).toContain('sealed');
    expect(await story.rows(table)).toEqual({ r: 'new' });
  });
});

function never(): never {
  throw new Error('a put has no nonce');
}
