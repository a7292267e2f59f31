import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CadastreError } from '../../base/errors.js';
import { familyDescriptor } from '../../base/table.js';
import type { FamilyDescriptor, TableDescriptor } from '../../base/table.js';
import { checkDescriptor, checkSplitKeys, checkUserTable, rangesOf } from './validate.js';

function table(qualifier: string, ...families: FamilyDescriptor[]): TableDescriptor {
  return { name: { namespace: 'default', qualifier }, families, attributes: {} };
}
function codeOf(body: () => void): string {
  try {
    body();
  } catch (error) {
    if (error instanceof CadastreError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}
const f = familyDescriptor('f');

describe('checks of a table', () => {
  it('accepts an ordinary table', () => {
    expect(codeOf(() => checkDescriptor(table('t-1.x_Y', f, familyDescriptor('g'))))).toBe(
      'accepted',
    );
  });

  it.each([
    ['', 'bad-request: a table needs a name'],
    ['a b', 'bad-request: table name "a b" has an illegal character " " at 1'],
    ['.x', 'bad-request: table name ".x" begins with "."'],
    ['-x', 'bad-request: table name "-x" begins with "-"'],
    ['x'.repeat(300), `bad-request: table name "${'x'.repeat(300)}" has 300 characters`],
  ])('refuses the name %j', (name, expected) => {
    expect(codeOf(() => checkDescriptor(table(name, f)))).toBe(expected);
  });

  it('refuses a namespace that is not there, and the system’s', () => {
    const inNamespace = (namespace: string) => ({
      ...table('t', f),
      name: { namespace, qualifier: 't' },
    });
    expect(codeOf(() => checkDescriptor(inNamespace('nope')))).toBe('namespace-not-found: nope');
    expect(codeOf(() => checkDescriptor(inNamespace('hbase')))).toBe(
      'constraint-violated: Cannot create hbase:t',
    );
    expect(codeOf(() => checkUserTable({ namespace: 'hbase', qualifier: 'meta' }, 'disable'))).toBe(
      'constraint-violated: Cannot disable hbase:meta',
    );
  });

  it.each<[string, FamilyDescriptor[], string]>([
    ['none', [], 'bad-request: table t has no column family'],
    ['twice', [f, f], 'invalid-family: family "f" of t is given twice'],
    ['no name', [familyDescriptor('')], 'invalid-family: a family of t has no name'],
    ['a colon', [familyDescriptor('a:b')], 'invalid-family: family "a:b" of t has an illegal name'],
    [
      'versions',
      [familyDescriptor('f', { versionsMax: 0 })],
      'bad-request: family "f" of t has VERSIONS 0',
    ],
    [
      'min versions',
      [familyDescriptor('f', { versionsMin: 3, versionsMax: 2 })],
      'bad-request: family "f" of t has MIN_VERSIONS 3 and VERSIONS 2',
    ],
    ['ttl', [familyDescriptor('f', { ttlSeconds: 0 })], 'bad-request: family "f" of t has TTL 0'],
    [
      'blocks',
      [familyDescriptor('f', { blockBytes: 1 })],
      'bad-request: family "f" of t has BLOCKSIZE 1',
    ],
    [
      'compression',
      [familyDescriptor('f', { compression: 'lzo' })],
      'not-supported: family "f" of t has COMPRESSION LZO, which is not written here',
    ],
  ])('refuses families: %s', (_what, families, expected) => {
    expect(codeOf(() => checkDescriptor(table('t', ...families)))).toBe(expected);
  });

  it('refuses split keys that are empty, the same, or out of order, by place and value', () => {
    const keys = (...texts: string[]) => texts.map((text) => Buffer.from(text, 'latin1'));
    expect(codeOf(() => checkSplitKeys(keys('a', '')))).toBe(
      'bad-request: split key 2 of 2 is empty',
    );
    expect(codeOf(() => checkSplitKeys(keys('a', 'a')))).toBe(
      'bad-request: split key 2 of 2 is the same as the one before it: "a"',
    );
    expect(codeOf(() => checkSplitKeys(keys('b', 'a\u0000')))).toBe(
      'bad-request: split key 2 of 2, "a\\x00", sorts before its predecessor "b"',
    );
    expect(codeOf(() => checkSplitKeys([Buffer.alloc(40_000)]))).toBe(
      'bad-request: split key 1 of 1 has 40000 bytes',
    );
  });

  it('ranges chain without gap or overlap', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 20 }), (texts) => {
        const keys = texts.map((text) => Buffer.from(text)).sort((a, b) => Buffer.compare(a, b));
        checkSplitKeys(keys);
        const ranges = rangesOf(keys);
        expect(ranges).toHaveLength(keys.length + 1);
        expect(ranges[0]?.startKey).toHaveLength(0);
        expect(ranges.at(-1)?.endKey).toHaveLength(0);
        ranges.slice(1).forEach(({ startKey }, i) => expect(startKey).toEqual(ranges[i]?.endKey));
      }),
    );
  });
});
