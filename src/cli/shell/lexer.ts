// Words of the shell's language, which is the part of Ruby that HBase's shell is used with: quoted
// strings, numbers, names, `=>`, brackets, comments. Pure.
//
// 'single' quotes know \' and \\ only; "double" ones also \n, \t, \r, \0 and \xNN, any byte.

import { UsageError } from '../errors.js';

export type Token =
  | { readonly kind: 'text'; readonly bytes: Buffer; readonly at: number }
  | { readonly kind: 'number'; readonly digits: string; readonly at: number }
  | { readonly kind: 'name'; readonly name: string; readonly at: number }
  | { readonly kind: 'mark'; readonly mark: Mark; readonly at: number }
  /** A line's end or a semicolon. */
  | { readonly kind: 'end'; readonly at: number };

export type Mark = '=>' | ',' | '{' | '}' | '[' | ']' | '(' | ')';

/** What is wrong, and whether more input could make it right. */
export class ShellSyntaxError extends UsageError {
  readonly isIncomplete: boolean;

  constructor(message: string, isIncomplete = false) {
    super(message, 'Type "help" for the verbs and how they are written.');
    this.isIncomplete = isIncomplete;
  }
}

/** Anchored at the start of what is left; without state, so that modules hold none. */
const spacePattern = /^[ \t\r]*(?:#[^\n]*)?/;
const numberPattern = /^-?\d+(?![\w.])/;
const namePattern = /^[\p{L}_][\p{L}\p{N}_?!]*/u;
const marks: readonly Mark[] = ['=>', ',', '{', '}', '[', ']', '(', ')'];

/** Throws {@link ShellSyntaxError} naming the place. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at += match(spacePattern, text, at)?.length ?? 0;
    if (at >= text.length) return tokens;
    const { token, length } = tokenAt(text, at);
    tokens.push(token);
    at += length;
  }
}

function tokenAt(text: string, at: number): { token: Token; length: number } {
  const character = text[at];
  if (character === '\n' || character === ';') return { token: { kind: 'end', at }, length: 1 };
  if (character === "'" || character === '"') return quotedAt(text, at, character);
  const mark = marks.find((candidate) => text.startsWith(candidate, at));
  if (mark !== undefined) return { token: { kind: 'mark', mark, at }, length: mark.length };
  const digits = match(numberPattern, text, at);
  if (digits !== undefined) return { token: { kind: 'number', digits, at }, length: digits.length };
  const name = match(namePattern, text, at);
  if (name !== undefined) return { token: { kind: 'name', name, at }, length: name.length };
  throw new ShellSyntaxError(
    `"${text.slice(at, at + 10)}" is not understood (character ${at + 1})`,
  );
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0' };

function quotedAt(text: string, start: number, quote: string): { token: Token; length: number } {
  const parts: Buffer[] = [];
  let at = start + 1;
  while (at < text.length) {
    const character = text[at] as string;
    if (character === quote) {
      const token = { kind: 'text', bytes: Buffer.concat(parts), at: start } as const;
      return { token, length: at + 1 - start };
    }
    if (character !== '\\') {
      const end = nextSpecial(text, at, quote);
      parts.push(Buffer.from(text.slice(at, end)));
      at = end;
      continue;
    }
    const { bytes, length } = escapeAt(text, at, quote);
    parts.push(bytes);
    at += length;
  }
  throw new ShellSyntaxError(`the text that starts at character ${start + 1} has no end`, true);
}

function nextSpecial(text: string, from: number, quote: string): number {
  let at = from;
  while (at < text.length && text[at] !== quote && text[at] !== '\\') at += 1;
  return at;
}

function escapeAt(text: string, at: number, quote: string): { bytes: Buffer; length: number } {
  const next = text[at + 1];
  if (next === quote || next === '\\') return { bytes: Buffer.from(next), length: 2 };
  if (quote === '"' && next !== undefined) {
    const digits = /^x[0-9a-fA-F]{2}/.exec(text.slice(at + 1, at + 4))?.[0];
    if (digits !== undefined) return { bytes: Buffer.from(digits.slice(1), 'hex'), length: 4 };
    const escaped = escapes[next];
    if (escaped !== undefined) return { bytes: Buffer.from(escaped), length: 2 };
  }
  return { bytes: Buffer.from('\\'), length: 1 };
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  return pattern.exec(text.slice(at))?.[0];
}
