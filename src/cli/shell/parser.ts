// Statements of the shell's language: a verb and its arguments. Pure.
//
//   statement = verb [ argument { "," argument } ]        also verb "(" … ")"
//   argument  = value | key "=>" value                    the latter all go into one last map
//   value     = text | number | name | "{" pairs "}" | "[" values "]"

import { unreachable } from '../../base/assert.js';
import { ShellSyntaxError, tokensOf } from './lexer.js';
import type { Mark, Token } from './lexer.js';

export type ShellValue =
  | { readonly kind: 'text'; readonly bytes: Buffer }
  | { readonly kind: 'number'; readonly digits: string }
  /** A bare word, such as `true` or `ROW`. */
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'list'; readonly values: readonly ShellValue[] }
  | { readonly kind: 'map'; readonly entries: ReadonlyMap<string, ShellValue> };

export interface Statement {
  readonly verb: string;
  readonly args: readonly ShellValue[];
}

/** Nested deeper is a mistake, and must not exhaust the stack. */
const depthMax = 32;

/** Throws {@link ShellSyntaxError}; its `isIncomplete` says that a further line could complete it. */
export function parseStatements(text: string): Statement[] {
  const parser = new Parser(tokensOf(text));
  const statements: Statement[] = [];
  for (;;) {
    const statement = parser.statement();
    if (statement === undefined) return statements;
    statements.push(statement);
  }
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  statement(): Statement | undefined {
    this.#skipEnds();
    const first = this.#tokens[this.#at];
    if (first === undefined) return undefined;
    if (first.kind !== 'name') {
      throw new ShellSyntaxError(`a verb is missing before ${described(first)}`);
    }
    this.#at += 1;
    if (this.#isEnd()) return { verb: first.name, args: [] };
    const isCall = this.#take('(');
    const args = isCall && this.#takeAcross(')') ? [] : this.#arguments(isCall);
    if (isCall && args.length > 0) this.#expect(')');
    if (!this.#isEnd()) {
      throw new ShellSyntaxError(`${described(this.#tokens[this.#at])} is not expected here`);
    }
    return { verb: first.name, args };
  }

  #arguments(isCall: boolean): ShellValue[] {
    const args: ShellValue[] = [];
    const pairs = new Map<string, ShellValue>();
    do {
      const value = this.#value();
      if (this.#take('=>')) pairs.set(keyOf(value), this.#value());
      else args.push(value);
      if (isCall) this.#skipEnds();
    } while (this.#take(','));
    if (pairs.size > 0) args.push({ kind: 'map', entries: pairs });
    return args;
  }

  #value(): ShellValue {
    this.#skipEnds();
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new ShellSyntaxError('the statement is not complete', true);
    this.#at += 1;
    switch (token.kind) {
      case 'text':
        return { kind: 'text', bytes: token.bytes };
      case 'number':
        return { kind: 'number', digits: token.digits };
      case 'name':
        return { kind: 'name', name: token.name };
      case 'mark':
        if (token.mark === '{') return this.#nested(() => this.#map());
        if (token.mark === '[') return this.#nested(() => this.#list());
        throw new ShellSyntaxError(`${described(token)} is not expected here`);
      case 'end':
        throw new ShellSyntaxError('a value is missing');
      default:
        return unreachable(token);
    }
  }

  #nested(parse: () => ShellValue): ShellValue {
    this.#depth += 1;
    if (this.#depth > depthMax) throw new ShellSyntaxError('brackets are nested too deep');
    const value = parse();
    this.#depth -= 1;
    return value;
  }

  #map(): ShellValue {
    const entries = new Map<string, ShellValue>();
    while (!this.#takeAcross('}')) {
      if (entries.size > 0) this.#expect(',');
      const key = keyOf(this.#value());
      this.#expect('=>');
      entries.set(key, this.#value());
    }
    return { kind: 'map', entries };
  }

  #list(): ShellValue {
    const values: ShellValue[] = [];
    while (!this.#takeAcross(']')) {
      if (values.length > 0) this.#expect(',');
      values.push(this.#value());
    }
    return { kind: 'list', values };
  }

  #isEnd(): boolean {
    const token = this.#tokens[this.#at];
    return token === undefined || token.kind === 'end';
  }

  #skipEnds(): void {
    while (this.#tokens[this.#at]?.kind === 'end') this.#at += 1;
  }

  #take(mark: Mark): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'mark' || token.mark !== mark) return false;
    this.#at += 1;
    return true;
  }

  /** Inside brackets a statement goes on over lines. */
  #takeAcross(mark: Mark): boolean {
    this.#skipEnds();
    return this.#take(mark);
  }

  #expect(mark: Mark): void {
    if (this.#takeAcross(mark)) return;
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new ShellSyntaxError(`"${mark}" is missing at the end`, true);
    throw new ShellSyntaxError(`"${mark}" is missing before ${described(token)}`);
  }
}

function keyOf(value: ShellValue): string {
  if (value.kind === 'name') return value.name.toUpperCase();
  if (value.kind === 'text') return value.bytes.toString();
  throw new ShellSyntaxError('what stands before "=>" is not a name');
}

function described(token: Token | undefined): string {
  switch (token?.kind) {
    case 'text':
      return `'${token.bytes.toString()}'`;
    case 'number':
      return token.digits;
    case 'name':
      return `"${token.name}" (texts are quoted)`;
    case 'mark':
      return `"${token.mark}"`;
    case 'end':
    case undefined:
      return 'the end';
    default:
      return unreachable(token);
  }
}
