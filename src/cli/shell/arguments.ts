// The arguments of one statement, taken one after the other, each checked when it is taken.

import type { ShellValue, Statement } from './parser.js';
import { UsageError } from '../errors.js';

type Entries = ReadonlyMap<string, ShellValue>;

export class Arguments {
  readonly #verb: string;
  readonly #left: ShellValue[];
  readonly #usage: string;

  constructor(statement: Statement, usage: string) {
    this.#verb = statement.verb;
    this.#left = [...statement.args];
    this.#usage = usage;
  }

  /** The next argument as bytes. Throws `bad-request` if there is none. */
  bytes(what: string): Buffer {
    const bytes = this.optionalBytes(what);
    if (bytes !== undefined) return bytes;
    throw this.wrong(`${what} is missing`);
  }

  text(what: string): string {
    return this.bytes(what).toString();
  }

  /** Undefined if there is no further argument, or it is a map. */
  optionalBytes(what: string): Buffer | undefined {
    if (this.#left[0]?.kind === 'map') return undefined;
    const value = this.#left.shift();
    return value === undefined ? undefined : this.bytesOf(value, what);
  }

  optionalText(what: string): string | undefined {
    return this.optionalBytes(what)?.toString();
  }

  /** Digits of the next argument, if it is there. */
  optionalDigits(what: string): string | undefined {
    if (this.#left[0]?.kind === 'map') return undefined;
    const value = this.#left.shift();
    return value === undefined ? undefined : this.digitsOf(value, what);
  }

  /** The map that is next; an empty one if none is. */
  map(): Entries {
    const [next] = this.#left;
    if (next?.kind !== 'map') return new Map();
    this.#left.shift();
    return next.entries;
  }

  /** All that is left. */
  rest(): ShellValue[] {
    return this.#left.splice(0);
  }

  /** Throws `bad-request` if an argument is left, or a map has a key that is not known. */
  end(entries: Entries = new Map(), known: readonly string[] = []): void {
    if (this.#left.length > 0) throw this.wrong(`${this.#left.length} arguments are too many`);
    const unknown = [...entries.keys()].find((key) => !known.includes(key));
    if (unknown === undefined) return;
    throw this.wrong(`${unknown} is not known here; known are ${known.join(', ')}`);
  }

  /** Bytes of a text, a name or a number. */
  bytesOf(value: ShellValue, what: string): Buffer {
    if (value.kind === 'text') return value.bytes;
    if (value.kind === 'name') return Buffer.from(value.name);
    if (value.kind === 'number') return Buffer.from(value.digits);
    throw this.wrong(`${what} is not a text`);
  }

  /** One, or a list of them. */
  listOf(value: ShellValue | undefined, what: string): Buffer[] {
    if (value === undefined) return [];
    if (value.kind === 'list') return value.values.map((one) => this.bytesOf(one, what));
    return [this.bytesOf(value, what)];
  }

  digitsOf(value: ShellValue, what: string): string {
    const text =
      value.kind === 'map' || value.kind === 'list' ? '' : this.bytesOf(value, what).toString();
    if (/^-?\d{1,20}$/.test(text)) return text;
    throw this.wrong(`${what} is not a number`);
  }

  numberOf(value: ShellValue | undefined, what: string): number | undefined {
    if (value === undefined) return undefined;
    const number = Number(this.digitsOf(value, what));
    if (Number.isSafeInteger(number) && number >= 0) return number;
    throw this.wrong(`${what} ${number} is out of range`);
  }

  wrong(message: string): UsageError {
    return new UsageError(`${this.#verb}: ${message}`, `Write it as: ${this.#usage}`);
  }
}
