import { assert as assertProperty, asyncProperty, integer } from 'fast-check';
import { describe, it } from 'vitest';
import { damageLog, tortureLog } from './testing/log-torture.js';

const seeds = integer({ min: 0, max: 2 ** 31 });

describe('a fenced log on a directory', () => {
  it('races W1 W2 W13 W20 A21: every acknowledged record is there, and one end for all', () =>
    assertProperty(
      asyncProperty(seeds, (seed) => tortureLog('local', seed)),
      { numRuns: 200 },
    ));

  it('race W10: a flipped bit is reported or harmless, wrong data never returned', () =>
    assertProperty(
      asyncProperty(seeds, (seed) => damageLog('local', seed)),
      { numRuns: 100 },
    ));
});

describe('a fenced log in an object store', () => {
  it('races W2 W8 A21: every acknowledged record is there, and one end for all', () =>
    assertProperty(
      asyncProperty(seeds, (seed) => tortureLog('objects', seed)),
      { numRuns: 60 },
    ));

  it('race W10: a flipped bit is reported or harmless, wrong data never returned', () =>
    assertProperty(
      asyncProperty(seeds, (seed) => damageLog('objects', seed)),
      { numRuns: 100 },
    ));
});
