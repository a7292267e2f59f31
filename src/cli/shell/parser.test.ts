import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { completionsOf } from './completion.js';
import { ShellSyntaxError } from './lexer.js';
import { parseStatements } from './parser.js';
import type { ShellValue } from './parser.js';

/** Plain JSON of a value, for comparing. */
function plain(value: ShellValue): unknown {
  switch (value.kind) {
    case 'text':
      return value.bytes.toString('latin1');
    case 'number':
      return Number(value.digits);
    case 'name':
      return { name: value.name };
    case 'list':
      return value.values.map(plain);
    case 'map':
      return Object.fromEntries([...value.entries].map(([key, one]) => [key, plain(one)]));
  }
}

function parsed(text: string): unknown[] {
  return parseStatements(text).map(({ verb, args }) => [verb, ...args.map(plain)]);
}

describe("the shell's language", () => {
  it('understands what is typed into HBase', () => {
    expect(
      parsed(
        `create 't1', {NAME => 'f', VERSIONS => 3, BLOOMFILTER => ROW}, SPLITS => ['a', "b\\x00"]`,
      ),
    ).toEqual([
      [
        'create',
        't1',
        { NAME: 'f', VERSIONS: 3, BLOOMFILTER: { name: 'ROW' } },
        { SPLITS: ['a', 'b\0'] },
      ],
    ]);
    expect(parsed(`put 't', 'r', 'f:q', 'it\\'s', 12 # why\nlist; scan('t', {LIMIT=>1})`)).toEqual([
      ['put', 't', 'r', 'f:q', "it's", 12],
      ['list'],
      ['scan', 't', { LIMIT: 1 }],
    ]);
  });

  it('lets a statement go on over lines where it cannot be over', () => {
    expect(parsed("scan 't', {LIMIT => 1,\n  COLUMNS => [\n 'f' ]\n}\nlist")).toEqual([
      ['scan', 't', { LIMIT: 1, COLUMNS: ['f'] }],
      ['list'],
    ]);
  });

  it.each(["put 't", "scan 't', {LIMIT => 1", "get 't',", "scan 't', {COLUMNS => ["])(
    'asks for more after %s',
    (text) => {
      expect(() => parseStatements(text)).toThrow(expect.objectContaining({ isIncomplete: true }));
    },
  );

  it.each(["'t'", "get 't' 'r'", 'scan t}', "scan 't', {1 => 2}", 'get ~', `f ${'['.repeat(99)}`])(
    'refuses %s',
    (text) => {
      expect(() => parseStatements(text)).toThrow(ShellSyntaxError);
    },
  );

  it('reads any bytes that are written as it wants them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
        const text = [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
        const [statement] = parseStatements(`put "${text}"`);
        const [value] = statement?.args ?? [];
        expect(value?.kind === 'text' && value.bytes.equals(Buffer.from(bytes))).toBe(true);
      }),
    );
  });

  it('answers anything with statements or a syntax error, and always ends', () => {
    const piece = fc.oneof(
      fc.constantFrom("'", '"', '\\', '{', '}', '[', ']', '(', ')', '=>', ',', '\n', ';', '#', ' '),
      fc.constantFrom('put', 'scan', 'LIMIT', '12', '-', '\\x4', 'é'),
      fc.string({ maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        try {
          parseStatements(pieces.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(ShellSyntaxError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('completion', () => {
  const tables = () => Promise.resolve(['fruit', 'fish', 'tree']);

  it('offers verbs, tables within quotes, and keys of the verb', async () => {
    expect(await completionsOf('sc', tables)).toEqual([['scan'], 'sc']);
    expect(await completionsOf("scan 'f", tables)).toEqual([["'fruit'", "'fish'"], "'f"]);
    expect(await completionsOf("scan 'fruit', {LIM", tables)).toEqual([['LIMIT => '], 'LIM']);
  });
});
