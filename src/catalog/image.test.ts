import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ScanOptions } from './api.js';
import { Image, Quarantined } from './image.js';
import { defineKind } from './kind.js';

type PairKey = readonly [group: string, number: number];
const pairKind = defineKind<PairKey, string>({
  name: 'pair',
  type: 900,
  version: 1,
  shape: ['string', 'number'],
  onRestore: 'keep',
  temperature: 'hot',
  encode: (value) => Buffer.from(value),
  decode: (_version, bytes) => Buffer.from(bytes).toString(),
});

function imageOf(...keys: PairKey[]): Image {
  const image = new Image();
  for (const key of keys) image.set(pairKind.encodeKey(key), key.join());
  return image;
}

function keys(image: Image, options?: ScanOptions<PairKey>): string[] {
  return [...image.scan(pairKind, options)].map(({ key }) => key.join(''));
}

const sample = () => imageOf(['a', 1], ['a', 2], ['b', 1], ['b', 2], ['b', 10], ['c', 1]);

describe('an image', () => {
  it('scans a kind forward and in reverse, by prefix, from, after and limit', () => {
    const image = sample();
    image.set('zz', 'of no kind');
    expect(keys(image)).toEqual(['a1', 'a2', 'b1', 'b2', 'b10', 'c1']);
    expect(keys(image, { reverse: true })).toEqual(['c1', 'b10', 'b2', 'b1', 'a2', 'a1']);
    expect(keys(image, { prefix: ['b'] })).toEqual(['b1', 'b2', 'b10']);
    expect(keys(image, { prefix: ['b'], reverse: true, limit: 2 })).toEqual(['b10', 'b2']);
    expect(keys(image, { from: ['b', 2] })).toEqual(['b2', 'b10', 'c1']);
    expect(keys(image, { from: ['b'], reverse: true, limit: 1 })).toEqual(['b10']);
    expect(keys(image, { from: ['b', 5], reverse: true })).toEqual(['b2', 'b1', 'a2', 'a1']);
    expect(keys(image, { after: ['a', 2], limit: 2 })).toEqual(['b1', 'b2']);
    expect(keys(image, { after: ['b', 2], reverse: true })).toEqual(['b1', 'a2', 'a1']);
    expect(keys(image, { prefix: ['b'], after: ['a', 1] })).toEqual(['b1', 'b2', 'b10']);
    expect(keys(image, { limit: 0 })).toEqual([]);
  });

  it('goes on with a scan in order while it is changed', () => {
    const image = sample();
    const seen: string[] = [];
    for (const { key } of image.scan(pairKind)) {
      seen.push(key.join(''));
      image.set(pairKind.encodeKey(key), undefined);
      if (key.join('') === 'a1') image.set(pairKind.encodeKey(['a', 3]), 'new');
    }
    expect(seen).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'b10', 'c1']);
    expect(image.size).toBe(0);
  });

  it('goes on with a reverse scan in order while it is changed', () => {
    const image = sample();
    const seen: string[] = [];
    for (const { key } of image.scan(pairKind, { reverse: true })) {
      seen.push(key.join(''));
      image.set(pairKind.encodeKey(key), undefined);
    }
    expect(seen).toEqual(['c1', 'b10', 'b2', 'b1', 'a2', 'a1']);
  });

  it('leaves quarantined records out of scans and refuses to get them (L10)', () => {
    const image = sample();
    image.set(pairKind.encodeKey(['b', 1]), new Quarantined(900, 7, Buffer.of(1), 'too new'));
    expect(keys(image, { prefix: ['b'] })).toEqual(['b2', 'b10']);
    expect(() => image.get(pairKind, ['b', 1])).toThrow(/pair\/b\/1 is quarantined: too new/);
  });

  it('and its clones never see each other’s changes, whatever the order', () => {
    const step = fc.record({
      image: fc.nat(5),
      key: fc.nat(400),
      what: fc.constantFrom('set', 'set', 'set', 'delete', 'clone'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
        const pairs = [{ image: new Image(), model: new Map<string, number>() }];
        for (const [i, { image: which, key, what }] of steps.entries()) {
          const pair = pairs[which % pairs.length];
          if (pair === undefined) continue;
          const { image, model } = pair;
          if (what === 'clone') {
            if (pairs.length < 6) pairs.push({ image: image.clone(), model: new Map(model) });
          } else if (what === 'set') {
            image.set(String(key), i);
            model.set(String(key), i);
          } else {
            image.set(String(key), undefined);
            model.delete(String(key));
          }
        }
        for (const { image, model } of pairs) {
          expect([...image.entries()]).toEqual([...model].sort(([a], [b]) => (a < b ? -1 : 1)));
          expect(image.size).toBe(model.size);
        }
      }),
      { numRuns: 150 },
    );
  });
});
