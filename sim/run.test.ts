import { describe, expect, it } from 'vitest';
import { runSeed } from './run.js';

describe('a simulated run', () => {
  for (const seed of [11, 12]) {
    it(`is the same whenever it is run under seed ${seed}, and nothing goes wrong in it`, async () => {
      const options = { seed, faultyMs: 2_000 };
      const first = await runSeed(options);
      expect(first.failure).toBeUndefined();
      const second = await runSeed(options);
      expect(second.digest).toBe(first.digest);
      expect(second.virtualMs).toBe(first.virtualMs);
    });
  }

  it('is another one under another seed', async () => {
    const [one, other] = [
      await runSeed({ seed: 21, faultyMs: 500 }),
      await runSeed({ seed: 22, faultyMs: 500 }),
    ];
    expect(one.digest).not.toBe(other.digest);
  });
});
