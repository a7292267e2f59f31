import { create, toBinary } from '@bufbuild/protobuf';
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CellType, makeCell } from '../base/cell.js';
import type { Cell } from '../base/cell.js';
import type { CompareOperator } from '../base/operations.js';
import { conditionHolds, operatorHolds, parseComparator } from './comparators.js';
import * as messages from './generated/hbase/comparator_pb.js';

const prefix = 'org.apache.hadoop.hbase.filter.';

function comparator<D extends DescMessage>(schema: D, message: MessageInitShape<D>) {
  const body = Buffer.from(toBinary(schema, create(schema, message)));
  return parseComparator({ name: prefix + schema.name, body });
}

/** Compares with a value that stands inside a larger buffer. */
function against(value: Buffer | string, parsed: ReturnType<typeof parseComparator>): number {
  const bytes = Buffer.concat([Buffer.from('<<'), Buffer.from(value as string), Buffer.from('>>')]);
  return Math.sign(parsed.compare(bytes, 2, bytes.length - 4));
}

function comparable(value: Buffer | string) {
  return { comparable: { value: Buffer.from(value as string) } };
}

describe('comparators', () => {
  it('of bytes compare the given with the stored value', () => {
    const binary = comparator(messages.BinaryComparatorSchema, comparable('m'));
    expect(['a', 'm', 'mm', 'z'].map((value) => against(value, binary))).toEqual([1, 0, -1, -1]);
    const start = comparator(messages.BinaryPrefixComparatorSchema, comparable('ab'));
    expect(['a', 'ab', 'abc', 'ac'].map((value) => against(value, start))).toEqual([1, 0, 0, -1]);
    const component = comparator(messages.BinaryComponentComparatorSchema, {
      value: Buffer.from('bc'),
      offset: 1,
    });
    expect(['abcd', 'xbc', 'abd', 'a', ''].map((value) => against(value, component))).toEqual([
      0, 0, -1, 1, 1,
    ]);
  });

  it('of bits match when any bit is set in the combination of equal lengths', () => {
    const { BitComparator_BitwiseOp: op, BitComparatorSchema: schema } = messages;
    const of = (bitwiseOp: messages.BitComparator_BitwiseOp, hex: string) =>
      comparator(schema, { ...comparable(Buffer.from(hex, 'hex')), bitwiseOp });
    const stored = Buffer.from('00f0', 'hex');
    expect(against(stored, of(op.AND, '0010'))).toBe(0);
    expect(against(stored, of(op.AND, 'ff0f'))).toBe(1);
    expect(against(stored, of(op.OR, '0000'))).toBe(0);
    expect(against(stored, of(op.XOR, '00f0'))).toBe(1);
    expect(against(stored, of(op.AND, 'f0'))).toBe(1);
  });

  it('of numbers compare them signed, and refuse values that are none', () => {
    fc.assert(
      fc.property(
        fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
        fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
        (a, b) => {
          const bytes = (value: bigint): Buffer => {
            const buffer = Buffer.alloc(8);
            buffer.writeBigInt64BE(value);
            return buffer;
          };
          const long = comparator(messages.LongComparatorSchema, comparable(bytes(a)));
          expect(against(bytes(b), long)).toBe(a < b ? -1 : a > b ? 1 : 0);
        },
      ),
    );
    const decimal = comparator(
      messages.BigDecimalComparatorSchema,
      comparable(Buffer.from('0000000200ff', 'hex')),
    );
    // 2.55 against 2.550, 2.6 and -1.
    const stored = ['0000000309f6', '000000011a', '00000000ff'];
    expect(stored.map((hex) => against(Buffer.from(hex, 'hex'), decimal))).toEqual([0, -1, 1]);
    expect(() => against('', decimal)).toThrow(/decimal/);
    expect(() => against(Buffer.from('7fffffff01', 'hex'), decimal)).toThrow(/bounds/);
  });

  it('of text find a part regardless of case, or a pattern', () => {
    const substring = comparator(messages.SubstringComparatorSchema, { substr: 'ÄB' });
    expect(['xäbx', 'ab'].map((value) => against(value, substring))).toEqual([0, 1]);
    const regex = (pattern: string, patternFlags = 32, charset = 'UTF-8') =>
      comparator(messages.RegexStringComparatorSchema, { pattern, patternFlags, charset });
    const matching: [string, string, number?][] = [
      ['a.c', 'xa\ncx'],
      ['^\\d+$', '12\n'],
      ['(?i)ROW-\\w+', 'row-1'],
      ['\\Qa.b\\E', 'a.b'],
      ['\\Aab\\z', 'ab'],
      ['[\\p{Alpha}_-]+\\-x', 'a-x'],
      ['\\p{Lu}', 'É'],
      ['a.c', 'a.c', 16],
      ['a/b\\:c\\_', 'a/b:c_'],
    ];
    for (const [pattern, value, flags] of matching) {
      expect(against(value, regex(pattern, flags)), pattern).toBe(0);
    }
    const missing: [string, string, number?][] = [
      ['\\Qa.b\\E', 'axb'],
      ['a.c', 'abc', 16],
      ['^b', 'a\nb'],
      ['\\s', '\u00a0'],
      ['ab\\z', 'ab\n'],
    ];
    for (const [pattern, value, flags] of missing) {
      expect(against(value, regex(pattern, flags)), pattern).toBe(1);
    }
    for (const pattern of ['a++', '(?>a)', '[a[b]]', '[a&&b]', '\\G', '\\R']) {
      expect(() => regex(pattern), pattern).toThrow(/not supported/);
    }
    expect(() => regex('(')).toThrow(/not a pattern/);
    expect(() => regex('a', 128)).toThrow(/flags/);
    expect(() => regex('a', 0, 'KOI8-R')).toThrow(/charset/);
  });

  it('of other classes, and malformed ones, are refused by name', () => {
    const empty = Buffer.alloc(0);
    const other = { name: 'com.example.MyComparator', body: empty };
    expect(() => parseComparator(other)).toThrow(/com.example.MyComparator/);
    expect(() => parseComparator({ name: `${prefix}Other`, body: empty })).toThrow(/Other/);
    expect(() => parseComparator({ name: `${prefix}BinaryComparator`, body: empty })).toThrow(
      /without a value/,
    );
    const garbage = { name: `${prefix}LongComparator`, body: Buffer.from('ffff', 'hex') };
    expect(() => parseComparator(garbage)).toThrow(/malformed/);
  });
});

describe('a condition', () => {
  const stored = (value: string): Cell =>
    makeCell({
      row: Buffer.from('r'),
      family: Buffer.from('f'),
      qualifier: Buffer.from('q'),
      timestamp: 1,
      type: CellType.put,
      value: Buffer.from(value),
    });
  const binary = (value: string) => comparator(messages.BinaryComparatorSchema, comparable(value));
  const operators: CompareOperator[] = [
    'less',
    'less-or-equal',
    'equal',
    'not-equal',
    'greater-or-equal',
    'greater',
  ];
  const holding = (given: string, cell: Cell | undefined): CompareOperator[] =>
    operators.filter((operator) => conditionHolds(operator, binary(given), cell));

  it('compares the given value with the stored one, in that order', () => {
    expect(holding('a', stored('b'))).toEqual(['less', 'less-or-equal', 'not-equal']);
    expect(holding('b', stored('b'))).toEqual(['less-or-equal', 'equal', 'greater-or-equal']);
    expect(holding('c', stored('b'))).toEqual(['not-equal', 'greater-or-equal', 'greater']);
  });

  it('on nothing stored holds for an empty given value, except NOT_EQUAL', () => {
    expect(holding('a', undefined)).toEqual([]);
    expect(holding('', undefined)).toEqual(operators.filter((one) => one !== 'not-equal'));
    expect(holding('', stored(''))).toEqual(operators.filter((one) => one !== 'not-equal'));
    expect(holding('', stored('x'))).toEqual(['not-equal']);
    const none = comparator(messages.NullComparatorSchema, {});
    expect(conditionHolds('equal', none, undefined)).toBe(true);
    expect(conditionHolds('equal', none, stored('x'))).toBe(false);
    expect(conditionHolds('not-equal', none, stored('x'))).toBe(true);
  });

  it('with the operator NO_OP is refused', () => {
    expect(() => operatorHolds('no-op', 0)).toThrow(/NO_OP/);
  });
});
