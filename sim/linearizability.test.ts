import { describe, expect, it } from 'vitest';
import { explainCounter } from './counters.js';
import type { RowEffect, RowOperation, RowValue } from './history.js';
import { explainRow } from './linearizability.js';

function operation(began: number, ended: number, effect: RowEffect): RowOperation {
  return { began, ended, effect, by: 'a' };
}
const write = (began: number, ended: number, value: RowValue) =>
  operation(began, ended, { kind: 'write', value });
const read = (began: number, ended: number, value: RowValue) =>
  operation(began, ended, { kind: 'read', value });
const check = (
  began: number,
  ended: number,
  expected: RowValue,
  value: RowValue,
  processed: boolean | undefined,
) => operation(began, ended, { kind: 'check-and-write', expected, value, processed });

describe('explainRow', () => {
  it('takes a history in which every read saw the write before it', () => {
    const history = [
      write(1, 2, 'x'),
      read(3, 4, 'x'),
      write(5, 6, undefined),
      read(7, 8, undefined),
    ];
    expect(explainRow(history)).toBeUndefined();
  });

  it('finds a lost write, a stale read, and a value that comes back', () => {
    expect(explainRow([write(1, 2, 'x'), read(3, 4, undefined)])).toContain('impossible');
    expect(explainRow([write(1, 2, 'x'), write(3, 4, 'y'), read(5, 6, 'x')])).toContain(
      'impossible',
    );
    const back = [
      write(1, 4, 'x'),
      read(2, 3, 'x'),
      write(5, 6, 'y'),
      read(7, 8, 'y'),
      read(9, 10, 'x'),
    ];
    expect(explainRow(back)).toContain('impossible');
  });

  it('lets an unclear write happen late, and lets it never happen', () => {
    expect(
      explainRow([write(1, Infinity, 'x'), read(2, 3, undefined), read(4, 5, 'x')]),
    ).toBeUndefined();
    expect(explainRow([write(1, Infinity, 'x'), read(2, 3, undefined)])).toBeUndefined();
    expect(explainRow([write(1, Infinity, 'x'), read(2, 3, 'x'), read(4, 5, undefined)])).toContain(
      'impossible',
    );
  });

  it('orders concurrent operations as their reads demand', () => {
    const history = [write(1, 10, 'x'), write(2, 9, 'y'), read(11, 12, 'x'), read(3, 4, 'y')];
    expect(explainRow(history)).toBeUndefined();
  });

  it('holds a conditional write to what the client was told', () => {
    expect(explainRow([check(1, 2, undefined, 'x', true), read(3, 4, 'x')])).toBeUndefined();
    expect(explainRow([check(1, 2, 'w', 'x', true)])).toContain('impossible');
    expect(explainRow([write(1, 2, 'w'), check(3, 4, 'w', 'x', false)])).toContain('impossible');
    const unclear = [write(1, 2, 'w'), check(3, Infinity, 'w', 'x', undefined), read(4, 5, 'x')];
    expect(explainRow(unclear)).toBeUndefined();
  });
});

describe('explainCounter', () => {
  const count = (began: number, ended: number, result: number | undefined) => ({
    began,
    ended,
    result,
    isExact: true,
    by: 'a',
  });

  it('takes increments that were each applied once', () => {
    const operations = [count(1, 2, 1), count(3, Infinity, undefined), count(4, 5, 3)];
    expect(explainCounter(operations, 3)).toBeUndefined();
  });

  it('finds one that was applied twice, lost, or told out of order', () => {
    expect(explainCounter([count(1, 2, 1)], 2)).toContain('1 increments were made, 2 are there');
    expect(explainCounter([count(1, 2, 1), count(3, 4, 1)], 2)).toContain('twice');
    expect(explainCounter([count(1, 2, 2), count(3, 4, 1)], 2)).toContain('before a lower one');
    expect(explainCounter([count(1, 2, 1), count(3, 4, 2)], 1)).toContain('the last value is 1');
  });
});
