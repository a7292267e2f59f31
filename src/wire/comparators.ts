// HBase's standard comparators, evaluated on bytes; and conditions on a stored value.
//
// A comparator's result is the given value against the stored one (negative: given < stored), except
// for those that only match: 0 yes, 1 no. Source: classes of org.apache.hadoop.hbase.filter, and 3.7 of
// research/wire-trace.md. Comparators of other classes are refused by name.

import { isFieldSet } from '@bufbuild/protobuf';
import type { DescMessage } from '@bufbuild/protobuf';
import { unreachable } from '../base/assert.js';
import { compareRanges } from '../base/cell.js';
import type { Cell } from '../base/cell.js';
import { CadastreError } from '../base/errors.js';
import type { CompareOperator, ComparatorSpec } from '../base/operations.js';
import {
  BigDecimalComparatorSchema,
  BinaryComparatorSchema,
  BinaryComponentComparatorSchema,
  BinaryPrefixComparatorSchema,
  BitComparatorSchema,
  BitComparator_BitwiseOp,
  LongComparatorSchema,
  RegexStringComparatorSchema,
  SubstringComparatorSchema,
} from './generated/hbase/comparator_pb.js';
import type { ByteArrayComparable } from './generated/hbase/comparator_pb.js';
import { compileJavaRegex } from './java-regex.js';
import { decodeMessage } from './proto-service.js';
import { viewOf } from './views.js';

/** Compares with `length` bytes at `start`. */
export type CompareBytes = (bytes: Buffer, start: number, length: number) => number;

export interface Comparator {
  readonly compare: CompareBytes;
  /** Nothing was given: then a condition asks whether a value is there at all. */
  readonly isEmpty: boolean;
}

const prefix = 'org.apache.hadoop.hbase.filter.';

/** Throws `not-supported` for a class that is not HBase's, `bad-request` for a malformed body. */
export function parseComparator(spec: ComparatorSpec): Comparator {
  const parser = spec.name.startsWith(prefix) ? parsers[spec.name.slice(prefix.length)] : undefined;
  if (parser !== undefined) return parser(spec.body);
  throw new CadastreError('not-supported', `comparator ${spec.name} is not supported`, {
    nextStep: `Use one of ${Object.keys(parsers).join(', ')}.`,
  });
}

const parsers: Readonly<Record<string, (body: Buffer) => Comparator>> = {
  BinaryComparator: (body) => {
    const value = valueOf(BinaryComparatorSchema, body);
    return onBytes(value, (bytes, start, length) =>
      compareRanges(value, 0, value.length, bytes, start, length),
    );
  },
  BinaryPrefixComparator: (body) => {
    const value = valueOf(BinaryPrefixComparatorSchema, body);
    return onBytes(value, (bytes, start, length) =>
      compareRanges(value, 0, value.length, bytes, start, Math.min(length, value.length)),
    );
  },
  BinaryComponentComparator: (body) => {
    const { value: given, offset } = decodeMessage(BinaryComponentComparatorSchema, body);
    const value = viewOf(given);
    return onBytes(value, (bytes, start, length) => {
      const available = Math.max(0, Math.min(value.length, length - offset));
      return compareRanges(value, 0, value.length, bytes, start + offset, available);
    });
  },
  NullComparator: () => ({ isEmpty: true, compare: () => 1 }),
  BitComparator: (body) => bitComparator(body),
  LongComparator: (body) => longComparator(body),
  BigDecimalComparator: (body) => bigDecimalComparator(body),
  RegexStringComparator: (body) => regexComparator(body),
  SubstringComparator: (body) => {
    const { substr } = decodeMessage(SubstringComparatorSchema, body);
    const wanted = substr.toLowerCase();
    return onBytes(Buffer.from(wanted), (bytes, start, length) =>
      bytes
        .toString('utf8', start, start + length)
        .toLowerCase()
        .includes(wanted)
        ? 0
        : 1,
    );
  },
};

function onBytes(value: Buffer, compare: CompareBytes): Comparator {
  return { isEmpty: value.length === 0, compare };
}

/** Matches if the bits of given and stored value, of equal length, have any bit set together. */
function bitComparator(body: Buffer): Comparator {
  const value = valueOf(BitComparatorSchema, body);
  const message = decodeMessage(BitComparatorSchema, body);
  if (!isFieldSet(message, BitComparatorSchema.field.bitwiseOp)) {
    throw new CadastreError('bad-request', 'BitComparator without a known operation');
  }
  const { bitwiseOp } = message;
  const combine = (a: number, b: number): number => {
    switch (bitwiseOp) {
      case BitComparator_BitwiseOp.AND:
        return a & b;
      case BitComparator_BitwiseOp.OR:
        return a | b;
      case BitComparator_BitwiseOp.XOR:
        return a ^ b;
      default:
        return unreachable(bitwiseOp);
    }
  };
  return onBytes(value, (bytes, start, length) => {
    if (length !== value.length) return 1;
    for (let i = 0; i < length; i++) {
      if (combine(value[i] as number, bytes[start + i] as number) !== 0) return 0;
    }
    return 1;
  });
}

/** Signed 64-bit numbers: the first byte is compared as signed, the rest as they are. */
function longComparator(body: Buffer): Comparator {
  const value = valueOf(LongComparatorSchema, body);
  if (value.length !== 8) {
    throw new CadastreError('bad-request', `LongComparator of ${value.length} bytes, not 8`);
  }
  return onBytes(value, (bytes, start, length) => {
    if (length !== 8) {
      throw new CadastreError('bad-request', `LongComparator on a value of ${length} bytes, not 8`);
    }
    const sign = value.readInt8(0) - bytes.readInt8(start);
    return sign === 0 ? compareRanges(value, 1, 7, bytes, start + 1, 7) : sign;
  });
}

/** Beyond this, scaling two decimals to each other costs more than any request may. */
const decimalScaleMax = 10_000;

function bigDecimalComparator(body: Buffer): Comparator {
  const value = valueOf(BigDecimalComparatorSchema, body);
  const given = decimalOf(value, 0, value.length);
  return onBytes(value, (bytes, start, length) => {
    const stored = decimalOf(bytes, start, length);
    const scale = Math.max(given.scale, stored.scale);
    const a = given.unscaled * 10n ** BigInt(scale - given.scale);
    const b = stored.unscaled * 10n ** BigInt(scale - stored.scale);
    return a < b ? -1 : a > b ? 1 : 0;
  });
}

/** As HBase writes a BigDecimal: a 32-bit scale, then the unscaled number in two's complement. */
function decimalOf(bytes: Buffer, start: number, length: number) {
  const scale = length > 4 ? bytes.readInt32BE(start) : undefined;
  if (scale === undefined || Math.abs(scale) > decimalScaleMax || length > decimalScaleMax) {
    throw new CadastreError('bad-request', `${length} bytes are not a decimal number in bounds`);
  }
  const digits = bytes.toString('hex', start + 4, start + length);
  return { scale, unscaled: BigInt.asIntN((length - 4) * 8, BigInt(`0x${digits}`)) };
}

const charsets: Readonly<Record<string, BufferEncoding>> = {
  'UTF-8': 'utf8',
  'ISO-8859-1': 'latin1',
  'US-ASCII': 'latin1',
  'UTF-16LE': 'utf16le',
};

function regexComparator(body: Buffer): Comparator {
  const { pattern, patternFlags, charset } = decodeMessage(RegexStringComparatorSchema, body);
  const encoding = charsets[charset.toUpperCase()];
  if (encoding === undefined) {
    throw new CadastreError('not-supported', `charset ${charset} is not supported`, {
      nextStep: `Use one of ${Object.keys(charsets).join(', ')}.`,
    });
  }
  const regex = compileJavaRegex(pattern, patternFlags);
  return onBytes(Buffer.from(pattern), (bytes, start, length) =>
    regex.test(bytes.toString(encoding, start, start + length)) ? 0 : 1,
  );
}

/** The value of a message whose field `comparable` holds it. */
function valueOf(schema: DescMessage, body: Buffer): Buffer {
  const message: object = decodeMessage(schema, body);
  const { comparable } = message as { readonly comparable?: ByteArrayComparable };
  if (comparable !== undefined) return viewOf(comparable.value);
  throw new CadastreError('bad-request', `${schema.name} without a value`);
}

/** What a comparator's result means under an operator. */
export function operatorHolds(operator: CompareOperator, result: number): boolean {
  switch (operator) {
    case 'less':
      return result < 0;
    case 'less-or-equal':
      return result <= 0;
    case 'equal':
      return result === 0;
    case 'not-equal':
      return result !== 0;
    case 'greater-or-equal':
      return result >= 0;
    case 'greater':
      return result > 0;
    case 'no-op':
      throw new CadastreError('bad-request', 'a condition with operator NO_OP');
    default:
      return unreachable(operator);
  }
}

/** Whether a condition on a value holds for the stored cell, or for none. */
export function conditionHolds(
  operator: CompareOperator,
  comparator: Comparator,
  stored: Cell | undefined,
): boolean {
  if (comparator.isEmpty) {
    const isNothing = stored === undefined || stored.valueLength === 0;
    return operator === 'not-equal' ? !isNothing : isNothing;
  }
  if (stored === undefined) return false;
  const { buffer, valueOffset, valueLength } = stored;
  return operatorHolds(operator, comparator.compare(buffer, valueOffset, valueLength));
}
