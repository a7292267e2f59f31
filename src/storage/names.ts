// Names of data objects, of servers' logs, and of catalog logs; how an incarnation is allotted.
//
// Invariant (L5): no name is ever used twice. An incarnation is the number of a log that nobody had
// made before, a log's name stays taken for ever, and a namer counts up within its incarnation.

import { assert } from '../base/assert.js';
import { crc32 } from '../base/hash.js';
import type { Epoch, Incarnation } from '../base/ids.js';
import { hasErrorCode } from './error-code.js';
import type { LogStore, LogWriter } from './log.js';

const kindPattern = /^[a-z]+$/;
const dataNamePattern = /^data\/([0-9a-f]{2})\/(\d+)-(\d+)-([a-z]+)$/;
const serverLogPattern = /^\d+$/;

/** What a data object's name says. */
export interface ObjectName {
  readonly incarnation: Incarnation;
  readonly counter: number;
  readonly kind: string;
}

/** `data/<2 hex>/<incarnation>-<counter>-<kind>`; the hash spreads keys over an S3's partitions. */
export function objectName({ incarnation, counter, kind }: ObjectName): string {
  assert(kindPattern.test(kind), 'kinds of objects are lower-case words');
  return `data/${spread(incarnation, counter)}/${incarnation}-${counter}-${kind}`;
}

/** The reverse of {@link objectName}; undefined for what is no such name. */
export function parseObjectName(name: string): ObjectName | undefined {
  const [, hash, incarnationText, counterText, kind] = dataNamePattern.exec(name) ?? [];
  const incarnation = Number(incarnationText) as Incarnation;
  const counter = Number(counterText);
  if (kind === undefined || spread(incarnation, counter) !== hash) return undefined;
  return { incarnation, counter, kind };
}

function spread(incarnation: number, counter: number): string {
  const hash = crc32(Buffer.from(`${incarnation}-${counter}`)) & 0xff;
  return hash.toString(16).padStart(2, '0');
}

/** Gives the objects of one incarnation their names. */
export class ObjectNamer {
  readonly #incarnation: Incarnation;
  #counter = 0;

  constructor(incarnation: Incarnation) {
    this.#incarnation = incarnation;
  }

  /** A name never given before. `kind` is a lower-case word that helps people, such as `hfile`. */
  next(kind: string): string {
    this.#counter += 1;
    return objectName({ incarnation: this.#incarnation, counter: this.#counter, kind });
  }
}

/** The name of a server's log. */
export function serverLogName(incarnation: Incarnation): string {
  return String(incarnation);
}

/** Incarnations of all servers that ever ran, lowest first: also of those whose log was released. */
export async function listIncarnations(logs: LogStore): Promise<readonly Incarnation[]> {
  const names = await logs.list('');
  return names
    .filter((name) => serverLogPattern.test(name))
    .map((name) => Number(name) as Incarnation)
    .sort((a, b) => a - b);
}

/** Makes this process a server's next incarnation: its number is that of the log it could make. */
export async function allotIncarnation(
  logs: LogStore,
): Promise<{ readonly incarnation: Incarnation; readonly log: LogWriter }> {
  let number = (await listIncarnations(logs)).at(-1) ?? 0;
  for (;;) {
    number += 1;
    const incarnation = number as Incarnation;
    try {
      return { incarnation, log: await logs.create(serverLogName(incarnation)) };
    } catch (error) {
      // Another server was faster, or was begun, or was sealed before it had begun.
      if (!hasErrorCode(error, 'object-exists') && !hasErrorCode(error, 'sealed')) throw error;
    }
  }
}

/** The name of the catalog log of a master's reign. */
export function catalogLogName(epoch: Epoch): string {
  return `catalog/${epoch}`;
}
