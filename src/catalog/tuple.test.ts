import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import type { KeyPart } from './api.js';
import { checkShape, decodeTuple, encodeTuple, formatKey, prefixEnd } from './tuple.js';

const text = fc.string({ unit: 'grapheme', maxLength: 8 });
const bytes = fc.uint8Array({ maxLength: 8 }).map((array) => Buffer.from(array));
const number = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -300, max: 300 }),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0, 255, 256, -255, -256),
);
/** Two tuples of one shape, so that they can be compared part by part. */
const pair = fc
  .array(fc.oneof(fc.tuple(text, text), fc.tuple(bytes, bytes), fc.tuple(number, number)), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => [parts.map(([left]) => left), parts.map(([, right]) => right)] as const);

function compareParts(left: KeyPart, right: KeyPart): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  return Buffer.compare(Buffer.from(left as string), Buffer.from(right as string));
}

function compareTuples(left: readonly KeyPart[], right: readonly KeyPart[]): number {
  for (const [i, part] of left.entries()) {
    const difference = compareParts(part, right[i] as KeyPart);
    if (difference !== 0) return Math.sign(difference);
  }
  return 0;
}

function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

describe('tuples', () => {
  it('decode to what was encoded', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(text, bytes, number), { maxLength: 5 }), (parts) => {
        expect(decodeTuple(encodeTuple(parts))).toEqual(
          parts.map((part) => (part === 0 ? 0 : part)),
        );
      }),
    );
  });

  it('sort encoded as their parts do', () => {
    fc.assert(
      fc.property(pair, ([left, right]) => {
        expect(compareTexts(encodeTuple(left), encodeTuple(right))).toBe(
          compareTuples(left, right),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('lie between their leading parts and the end of these', () => {
    fc.assert(
      fc.property(pair, fc.nat(3), ([tuple], cut) => {
        const prefix = encodeTuple(tuple.slice(0, cut));
        const encoded = encodeTuple(tuple);
        expect(encoded >= prefix).toBe(true);
        expect(encoded < prefix + prefixEnd).toBe(true);
      }),
    );
  });

  it('have one byte a character', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(text, bytes, number)), (parts) => {
        const encoded = encodeTuple(parts);
        expect(Buffer.from(encoded, 'latin1').toString('latin1')).toBe(encoded);
      }),
    );
  });

  it('are refused as keys when the number is not safe or the text has a lone surrogate', () => {
    expect(() => encodeTuple([1.5])).toThrow(/safe integer/);
    expect(() => encodeTuple([2 ** 53])).toThrow(/safe integer/);
    expect(() => encodeTuple(['\ud800'])).toThrow(/surrogate/);
  });

  it('decoding anything at all gives parts or a corruption error, never something else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (random) => {
        try {
          decodeTuple(Buffer.from(random).toString('latin1'));
        } catch (error) {
          expect(error).toBeInstanceOf(CadastreError);
        }
        expect(typeof formatKey(Buffer.from(random).toString('latin1'))).toBe('string');
      }),
      { numRuns: 1000 },
    );
  });

  it('are checked against the shape of their kind', () => {
    expect(() => {
      checkShape([1, 'a'], ['number', 'bytes'], 'region');
    }).toThrow(/a region key has the parts \(number, string\), not \(number, bytes\)/);
  });

  it('are shown to people with bytes escaped', () => {
    expect(formatKey(encodeTuple(['region', 7, Buffer.from('a\u0000b'), 12]))).toBe(
      'region/7/"a\\x00b"/12',
    );
  });
});
