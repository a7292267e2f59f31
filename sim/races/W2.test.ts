import { describe, expect, it } from 'vitest';
import { mutationOf } from '../../src/client/operations.js';
import { Story } from './story.js';

describe('race W2: the master seals a log while commits are in flight', () => {
  it('each write is acknowledged and recovered, or not acknowledged', async () => {
    for (let seed = 1; seed <= 4; seed++) {
      const story = await Story.begin({ seed });
      const table = await story.table('t');
      const { world } = story.simulation.node(story.ownerOf(story.region));
      const names = Array.from({ length: 60 }, (_, index) => `r${index + 10}`);
      const acknowledged = new Set<string>();
      const writes = names.map(async (row, index) => {
        await story.simulation.node('client').clock.sleep(index / 3);
        const put = { kind: 'put', row, values: { 'f:v': row } } as const;
        const outcome = await story.attempts.mutate(
          't',
          mutationOf(put, () => never()),
        );
        if (outcome.kind === 'done') acknowledged.add(row);
      });
      await story.simulation.runFor(8 + seed);
      // It lives, and is taken for dead.
      story.cluster.master?.processExited(world.process.identity().pid);
      await story.run(Promise.all(writes));
      await story.settle();
      const rows = await story.rows(table);
      for (const row of acknowledged) expect(rows[row], `seed ${seed}`).toBe(row);
      expect(story.cluster.exits.length, `seed ${seed}`).toBeGreaterThan(0);
    }
  });
});

function never(): never {
  throw new Error('a put has no nonce');
}
