import { describe, expect, it } from 'vitest';
import { median, spread } from './figures.js';
import { choices, wholeNumbers } from './options.js';
import { rowKey, splitKeys } from './rows.js';

describe('the keys of benches', () => {
  it('are different for different numbers, and spread evenly over the regions', () => {
    const count = 40_000;
    const keys = Array.from({ length: count }, (_, i) => rowKey(i).toString());
    expect(new Set(keys).size).toBe(count);
    const splits = splitKeys(4).map(String);
    expect(splits).toEqual(['40000000', '80000000', 'c0000000']);
    const inFirst = keys.filter((key) => key < (splits[0] ?? '')).length;
    expect(inFirst / count).toBeCloseTo(0.25, 1);
  });
});

describe('the figures of benches', () => {
  it('are medians with their range', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(spread([3, 1, 2])).toBe('2 (1 to 3)');
  });
});

describe('the options of benches', () => {
  it('are refused by name and value', () => {
    expect(wholeNumbers('in-flight', '1,16')).toEqual([1, 16]);
    expect(() => wholeNumbers('in-flight', '1,x')).toThrow('--in-flight takes');
    expect(() => choices('op', 'get,gat', ['get', 'put'])).toThrow('"gat"');
  });
});
