// Java's regular expressions as JavaScript's, as far as they can be told exactly; the rest is refused
// rather than misread. The result runs in Unicode mode, which rejects what it does not know. One
// difference stays: ignoring case reaches beyond ASCII here even without Java's UNICODE_CASE.

import { CadastreError } from '../base/errors.js';

/** Flags of java.util.regex.Pattern. */
const javaFlags = { caseInsensitive: 2, multiline: 8, literal: 16, dotAll: 32, unicodeCase: 64 };
const knownFlags = Object.values(javaFlags).reduce((all, flag) => all | flag);

/** Classes of Java that JavaScript names otherwise. Java's are ASCII unless a flag says more. */
const namedClasses: Readonly<Record<string, string>> = {
  Lower: 'a-z',
  Upper: 'A-Z',
  ASCII: '\\x00-\\x7f',
  Alpha: 'a-zA-Z',
  Digit: '0-9',
  Alnum: 'a-zA-Z0-9',
  Punct: '!-\\/:-@\\[-`\\{-~',
  Graph: '!-~',
  Print: ' -~',
  Blank: ' \\t',
  Cntrl: '\\x00-\\x1f\\x7f',
  XDigit: '0-9a-fA-F',
  Space: ' \\t\\n\\v\\f\\r',
};

/** Throws `not-supported` for what has no exact counterpart, `bad-request` for what is no pattern. */
export function compileJavaRegex(pattern: string, flags: number): RegExp {
  if ((flags & ~knownFlags) !== 0) throw unsupported(pattern, `flags ${flags}`);
  let source = pattern;
  let bits = flags;
  const inline = /^\(\?(?<letters>[a-zA-Z]+)\)/.exec(pattern)?.groups?.['letters'];
  if (inline !== undefined && (flags & javaFlags.literal) === 0) {
    for (const letter of inline) bits |= inlineFlag(letter, pattern);
    source = pattern.slice(inline.length + 3);
  }
  const translated =
    (bits & javaFlags.literal) === 0 ? translate(source, bits) : escapeLiteral(source);
  const letters = [
    (bits & javaFlags.caseInsensitive) === 0 ? '' : 'i',
    (bits & javaFlags.multiline) === 0 ? '' : 'm',
    (bits & javaFlags.dotAll) === 0 ? '' : 's',
  ];
  try {
    return new RegExp(translated, `u${letters.join('')}`);
  } catch (cause) {
    throw new CadastreError('bad-request', `'${pattern}' is not a pattern we can run`, { cause });
  }
}

function inlineFlag(letter: string, pattern: string): number {
  if (letter === 'i') return javaFlags.caseInsensitive;
  if (letter === 'm') return javaFlags.multiline;
  if (letter === 's') return javaFlags.dotAll;
  if (letter === 'u') return javaFlags.unicodeCase;
  throw unsupported(pattern, `(?${letter})`);
}

function translate(pattern: string, flags: number): string {
  let result = '';
  let inClass = false;
  let at = 0;
  while (at < pattern.length) {
    const char = pattern.charAt(at);
    if (char === '\\') {
      const [text, length] = translateEscape(pattern, at, inClass);
      result += text;
      at += length;
      continue;
    }
    if (inClass && (char === '[' || pattern.startsWith('&&', at))) {
      throw unsupported(pattern, 'nested character classes');
    }
    if (!inClass && char === '(' && pattern.startsWith('(?>', at)) {
      throw unsupported(pattern, 'atomic groups');
    }
    if (!inClass && '*+?}'.includes(char) && pattern.charAt(at + 1) === '+') {
      throw unsupported(pattern, 'possessive quantifiers');
    }
    if (char === '[' || char === ']') {
      // Java takes a `]` that closes nothing for itself.
      result += char === ']' && !inClass ? '\\]' : char;
      inClass = char === '[';
    } else if (char === '$' && !inClass && (flags & javaFlags.multiline) === 0) {
      // Java's `$` also stands before a last line break.
      result += '(?=(?:\\r\\n|[\\n\\r\\u0085\\u2028\\u2029])?$)';
    } else result += char;
    at++;
  }
  return result;
}

/** The escape at `at` in JavaScript, and how many characters it took. */
function translateEscape(pattern: string, at: number, inClass: boolean): readonly [string, number] {
  const next = pattern.charAt(at + 1);
  if (next === 'Q') {
    const end = pattern.indexOf('\\E', at + 2);
    const literal = end < 0 ? pattern.slice(at + 2) : pattern.slice(at + 2, end);
    return [escapeLiteral(literal), literal.length + (end < 0 ? 2 : 4)];
  }
  if (next === 'A' && !inClass) return ['(?<![\\s\\S])', 2];
  if (next === 'z' && !inClass) return ['(?![\\s\\S])', 2];
  if (next === 'Z' && !inClass) return ['(?=\\n?(?![\\s\\S]))', 2];
  // JavaScript's are Unicode's, Java's are ASCII's.
  if (next === 's') return [inClass ? (namedClasses['Space'] as string) : '[ \\t\\n\\v\\f\\r]', 2];
  if (next === 'S' && !inClass) return ['[^ \\t\\n\\v\\f\\r]', 2];
  if (next === 'h') return [inClass ? ' \\t' : '[ \\t]', 2];
  if (next === 'e') return ['\\x1b', 2];
  if (next === 'a') return ['\\x07', 2];
  if (next === 'p' || next === 'P') return translateProperty(pattern, at, next === 'P', inClass);
  if (/[dDwWbBtnrfvxuk1-9]/.test(next) && next !== 'v') return [`\\${next}`, 2];
  if (/[a-zA-Z0-9]/.test(next) || next === '') throw unsupported(pattern, `\\${next}`);
  return [escapeLiteral(next), 2];
}

function translateProperty(
  pattern: string,
  at: number,
  isNegated: boolean,
  inClass: boolean,
): readonly [string, number] {
  const match = /^\{(?:Is)?(?<name>\w+)\}/.exec(pattern.slice(at + 2));
  const name = match?.groups?.['name'] ?? pattern.charAt(at + 2);
  const length = 2 + (match?.[0].length ?? 1);
  const ascii = namedClasses[name];
  if (ascii === undefined) return [`\\${isNegated ? 'P' : 'p'}{${name}}`, length];
  if (!inClass) return [`[${isNegated ? '^' : ''}${ascii}]`, length];
  if (isNegated) throw unsupported(pattern, `\\P{${name}} in a class`);
  return [ascii, length];
}

function escapeLiteral(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, (char) =>
    char === '-' ? '\\x2d' : char === '/' ? '\\/' : `\\${char}`,
  );
}

function unsupported(pattern: string, what: string): CadastreError {
  return new CadastreError('not-supported', `pattern '${pattern}': ${what} is not supported`, {
    nextStep: 'Use what Java and JavaScript have in common, or compare bytes.',
  });
}
