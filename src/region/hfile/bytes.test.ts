import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';

import {
  ByteReader,
  pushVarint,
  readVlong,
  vlongBytes,
  vlongBytesFrom,
  writeVlong,
} from './bytes.js';
import { crc32c } from './crc32c.js';
import { compareKeyBytes, firstKeyOf, separatingKey } from './key.js';
import { TagDictionary } from './tag-dictionary.js';

const smallBytes = fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes));

describe('the integers of store files', () => {
  it('come back as written', () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(300), fc.nat(70_000), fc.maxSafeNat()), (value) => {
        const buffer = Buffer.alloc(10);
        const end = writeVlong(buffer, value, 0);
        expect(end).toBe(vlongBytes(value));
        expect(vlongBytesFrom(buffer[0] as number)).toBe(end);
        expect(readVlong(buffer, 0)).toBe(value);
        const varint: number[] = [];
        pushVarint(varint, value);
        expect(new ByteReader(Buffer.from(varint)).varint()).toBe(value);
      }),
    );
  });

  it("are Hadoop's: known values", () => {
    const known: readonly (readonly [string, number])[] = [
      ['7f', 127],
      ['90', -112],
      ['8f80', 128],
      ['8e0100', 256],
      ['8d010000', 65_536],
      ['87ff', -256],
    ];
    for (const [hex, value] of known) expect(readVlong(Buffer.from(hex, 'hex'), 0)).toBe(value);
  });
});

describe('CRC-32C', () => {
  it('has the values of RFC 3720', () => {
    expect(crc32c(Buffer.alloc(32), 0, 32)).toBe(0x8a9136aa);
    expect(crc32c(Buffer.alloc(32, 255), 0, 32)).toBe(0x62a8ab43);
    expect(crc32c(Buffer.from('x123456789y'), 1, 10)).toBe(0xe3069283);
  });
});

describe('a key of the block index', () => {
  it('sorts after the block before and at or before its own', () => {
    const keys = fc
      .tuple(smallBytes, smallBytes)
      .map(([row, qualifier]) => firstKeyOf(row, Buffer.from('f'), qualifier));
    fc.assert(
      fc.property(keys, keys, (a, b) => {
        const order = compareKeyBytes(a, 0, a.length, b, 0, b.length);
        if (order === 0) return;
        const [left, right] = order < 0 ? [a, b] : [b, a];
        const key = separatingKey(left, right);
        expect(key.length).toBeLessThanOrEqual(right.length + 1);
        expect(compareKeyBytes(left, 0, left.length, key, 0, key.length)).toBeLessThan(0);
        expect(compareKeyBytes(key, 0, key.length, right, 0, right.length)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('the dictionary of tags', () => {
  it('forgets the tag used longest ago when its 127 places are taken', () => {
    const dictionary = new TagDictionary();
    const decode = (bytes: readonly number[]) => {
      const out = Buffer.alloc(3);
      dictionary.decode(new ByteReader(Buffer.from(bytes)), out, 0, 3);
      return out[2];
    };
    for (let tag = 0; tag < 127; tag++) expect(decode([255, 1, tag])).toBe(tag);
    expect(decode([0, 0])).toBe(0);
    expect(decode([255, 1, 200])).toBe(200);
    expect(decode([0, 0])).toBe(0);
    expect(decode([0, 1])).toBe(200);
    expect(decode([0, 126])).toBe(126);
  });
});
