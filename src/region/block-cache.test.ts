import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';

import { BlockCache } from './block-cache.js';
import type { CachedBlock } from './block-cache.js';

function block(memoryBytes = 10, kind = 'data'): CachedBlock {
  return { kind, memoryBytes };
}

describe('the block cache', () => {
  it('never holds more than its budget, and what it says it holds it gives', () => {
    const use = fc.record({
      object: fc.constantFrom('a', 'b', 'c'),
      offset: fc.nat(8),
      bytes: fc.integer({ min: 1, max: 60 }),
      kind: fc.constantFrom('data', 'index'),
      act: fc.constantFrom('put', 'get', 'evict'),
    });
    fc.assert(
      fc.property(fc.array(use, { maxLength: 200 }), (uses) => {
        const cache = new BlockCache({ bytesMax: 100 });
        for (const { object, offset, bytes, kind, act } of uses) {
          if (act === 'put') cache.put(object, offset, block(bytes, kind));
          else if (act === 'evict') cache.evictObject(object);
          else expect(cache.get(object, offset) !== undefined).toBe(cache.has(object, offset));
          expect(cache.stats.bytes).toBeLessThanOrEqual(100);
        }
        let held = 0;
        let blocks = 0;
        for (const object of ['a', 'b', 'c']) {
          for (let offset = 0; offset <= 8; offset++) {
            if (!cache.has(object, offset)) continue;
            held += cache.get(object, offset)?.memoryBytes ?? 0;
            blocks++;
          }
        }
        expect(cache.stats).toMatchObject({ bytes: held, blocks });
        for (const object of ['a', 'b', 'c']) cache.evictObject(object);
        expect(cache.stats).toMatchObject({ bytes: 0, blocks: 0 });
      }),
    );
  });

  it('keeps what is used again while a scan passes through', () => {
    const cache = new BlockCache({ bytesMax: 1_000 });
    for (let i = 0; i < 50; i++) cache.put('hot', i, block());
    for (let i = 0; i < 50; i++) cache.get('hot', i);
    for (let i = 0; i < 5_000; i++) cache.put('scan', i, block());
    for (let i = 0; i < 50; i++) expect(cache.has('hot', i)).toBe(true);
    cache.put('f', 0, block(10, 'index'));
    for (let i = 0; i < 5_000; i++) cache.put('scan2', i, block());
    expect(cache.has('f', 0)).toBe(true);
    expect(cache.stats.evictions).toBeGreaterThan(9_000);
  });

  it('drops the blocks of one object and no others', () => {
    const cache = new BlockCache({ bytesMax: 1_000 });
    for (let i = 0; i < 10; i++) {
      cache.put('a', i, block());
      cache.put('b', i, block());
    }
    cache.evictObject('a');
    expect(cache.has('a', 3)).toBe(false);
    expect(cache.has('b', 3)).toBe(true);
    expect(cache.stats.bytes).toBe(100);
  });

  it('does not let a block larger than the budget drive everything out', () => {
    const cache = new BlockCache({ bytesMax: 100 });
    cache.put('a', 0, block());
    cache.put('a', 1, block(101));
    expect(cache.has('a', 0)).toBe(true);
    expect(cache.has('a', 1)).toBe(false);
  });

  it('reads a block once for all who ask at the same time, and again after a failure', async () => {
    const cache = new BlockCache({ bytesMax: 100 });
    let reads = 0;
    const read = async () => {
      reads++;
      await Promise.resolve();
      if (reads === 1) throw new Error('the store is away');
      return block();
    };
    const ask = () => cache.load('a', 0, true, read);
    const failed = await Promise.allSettled([ask(), ask(), ask()]);
    expect(failed.map((one) => one.status)).toEqual(['rejected', 'rejected', 'rejected']);
    const [first, second] = await Promise.all([ask(), ask()]);
    expect(first).toBe(second);
    expect(reads).toBe(2);
    expect(cache.get('a', 0)).toBe(first);
  });

  it('runs no more than its limit of reads at once, and all in the end, whether they fail or not', async () => {
    const cache = new BlockCache({ bytesMax: 100, readsMax: 3 });
    let running = 0;
    let most = 0;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        cache.limited(async () => {
          most = Math.max(most, ++running);
          for (let turn = 0; turn < i % 4; turn++) await Promise.resolve();
          running--;
          if (i % 5 === 0) throw new Error('failed');
        }),
      ),
    );
    expect(outcomes).toHaveLength(20);
    expect(most).toBe(3);
    expect(running).toBe(0);
  });
});
