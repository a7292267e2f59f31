import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Smallest } from './smallest.js';

describe('Smallest', () => {
  it('keeps what sorting everything and cutting would keep', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50)), fc.integer({ min: 1, max: 10 }), (values, limit) => {
        const smallest = new Smallest<number>(limit, (a, b) => a - b);
        for (const value of values) smallest.add(value);
        const sorted = [...values].sort((a, b) => a - b);
        expect(smallest.values).toEqual(sorted.slice(0, limit));
      }),
    );
  });
});
