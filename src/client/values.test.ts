import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import { int64, json, readBigInt64, readInt64, rowBehindPrefix } from './bytes.js';
import { mutationOf } from './operations.js';
import { selectionOf } from './selection.js';
import { descriptorOf } from './table-input.js';

const noNonce = () => ({ group: '1', nonce: '2' });

describe('values', () => {
  it('of 64 bits are read as they were written', () => {
    fc.assert(
      fc.property(
        fc.maxSafeInteger(),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        (small, large) => {
          expect(readInt64(int64(small))).toBe(small);
          expect(int64(small).equals(int64(BigInt(small)))).toBe(true);
          expect(readBigInt64(int64(large))).toBe(large);
        },
      ),
    );
  });

  it('that cannot be exact are refused', () => {
    expect(() => int64(2 ** 53)).toThrow(CadastreError);
    expect(() => int64(0.5)).toThrow(CadastreError);
    expect(() => readInt64(int64(2n ** 60n))).toThrow(CadastreError);
    expect(() => readInt64(Buffer.from('abc'))).toThrow(CadastreError);
    expect(() => json(undefined)).toThrow(CadastreError);
  });
});

describe('a prefix', () => {
  it('ends before the first row that does not start so', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 4 }),
        fc.uint8Array({ maxLength: 5 }),
        (prefix, row) => {
          const end = rowBehindPrefix(prefix);
          const starts = Buffer.from(row).subarray(0, prefix.length).equals(Buffer.from(prefix));
          const isBelow = end.length === 0 || Buffer.compare(Buffer.from(row), end) < 0;
          expect(starts).toBe(
            Buffer.compare(Buffer.from(row), Buffer.from(prefix)) >= 0 && isBelow,
          );
        },
      ),
    );
  });
});

describe('an operation', () => {
  it('of a column without a family is refused', () => {
    expect(() => mutationOf({ kind: 'put', row: 'r', values: { ':q': 'v' } }, noNonce)).toThrow(
      'family',
    );
  });

  it('that says nothing is refused, except the deletion of a row', () => {
    expect(() => mutationOf({ kind: 'put', row: 'r', values: [] }, noNonce)).toThrow('nothing');
    expect(mutationOf({ kind: 'delete', row: 'r' }, noNonce).cells).toEqual([]);
  });

  it('keeps timestamps above 2^53 exact', () => {
    const values = [{ family: 'f', qualifier: 'q', value: 'v', timestamp: '1700000000000000001' }];
    const [cell] = mutationOf({ kind: 'put', row: 'r', values }, noNonce).cells;
    expect(cell?.buffer.readBigUInt64BE(cell.timestampOffset)).toBe(1_700_000_000_000_000_001n);
  });

  it('selects a whole family when it is named beside columns of it', () => {
    const { families } = selectionOf({ columns: ['f:a', 'g:x', 'f', 'g:y:z'] });
    const shown = families.map(
      ({ family, qualifiers }) => `${family.toString()}[${qualifiers.join()}]`,
    );
    expect(shown).toEqual(['f[]', 'g[x,y:z]']);
  });
});

describe('a table', () => {
  it("is described by our settings or by HBase's", () => {
    const { families } = descriptorOf({
      name: 'ns:t',
      families: ['a', { name: 'b', versionsMax: 3 }, { name: 'c', attributes: { VERSIONS: '5' } }],
    });
    expect(families.map(({ versionsMax }) => versionsMax)).toEqual([1, 3, 5]);
    expect(() => descriptorOf({ name: 't', families: [] })).toThrow('no column family');
  });
});
