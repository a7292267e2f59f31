// What to read of a row: columns, versions, times.

import { CadastreError } from '../base/errors.js';
import type { FamilySelection, FilterSpec, Selection, TimeRange } from '../base/operations.js';
import { fromSafeNumber, parseUint64 } from '../wire/uint64.js';
import type { Uint64 } from '../wire/uint64.js';
import { toBuffer } from './bytes.js';
import type { Bytes } from './bytes.js';

/** Milliseconds, or decimal digits for those above 2^53. */
export type Timestamp = number | string;

/** `family`, `family:qualifier`, or the two as bytes; without a qualifier all of the family. */
export type Column = string | { readonly family: Bytes; readonly qualifier?: Bytes };

export interface ReadOptions {
  /** Default: all. */
  readonly columns?: readonly Column[];
  /** Versions of each column, newest first; default 1. */
  readonly versions?: number;
  /** From inclusive, until exclusive. */
  readonly timeRange?: { readonly from?: Timestamp; readonly until?: Timestamp };
  /** At most so many cells of each family of a row. */
  readonly cellsPerFamily?: number;
  /** HBase's class name of a filter, with its protobuf. */
  readonly filter?: FilterSpec;
  /** Whether the server keeps what it reads in its cache; default true. */
  readonly cacheBlocks?: boolean;
}

const versionsMost = 0x7fffffff;

/** Throws `bad-request` naming what is wrong. */
export function selectionOf(options: ReadOptions): Selection {
  const { versions = 1, timeRange, cellsPerFamily, filter, cacheBlocks = true } = options;
  if (!Number.isInteger(versions) || versions < 1 || versions > versionsMost) {
    throw new CadastreError('bad-request', `versions ${versions} is not a whole number from 1 on`);
  }
  return {
    families: familiesOf(options.columns ?? []),
    timeRange: timeRangeOf(timeRange),
    familyTimeRanges: [],
    versionsMax: versions,
    storeLimit: cellsPerFamily,
    storeOffset: 0,
    filter,
    cacheBlocks,
  };
}

/** Family and qualifier of a column; a text is split at its first colon. */
export function splitColumn(column: Column): {
  readonly family: Buffer;
  readonly qualifier: Buffer | undefined;
} {
  if (typeof column !== 'string') {
    const { family, qualifier } = column;
    const whole = qualifier === undefined ? undefined : toBuffer(qualifier);
    return { family: toBuffer(family), qualifier: whole };
  }
  const colon = column.indexOf(':');
  if (colon < 0) return { family: Buffer.from(column), qualifier: undefined };
  const qualifier = Buffer.from(column.slice(colon + 1));
  return { family: Buffer.from(column.slice(0, colon)), qualifier };
}

function familiesOf(columns: readonly Column[]): FamilySelection[] {
  const families = new Map<string, { family: Buffer; qualifiers: Buffer[]; isWhole: boolean }>();
  for (const column of columns) {
    const { family, qualifier } = splitColumn(column);
    const key = family.toString('latin1');
    const selected = families.get(key) ?? { family, qualifiers: [], isWhole: false };
    if (qualifier === undefined) selected.isWhole = true;
    else selected.qualifiers.push(qualifier);
    families.set(key, selected);
  }
  return [...families.values()].map(({ family, qualifiers, isWhole }) => ({
    family,
    qualifiers: isWhole ? [] : qualifiers,
  }));
}

const latest: Uint64 = { high: 0x7fffffff, low: 0xffffffff };

/** Halves of a timestamp. Throws `bad-request` for what is none. */
export function timestampHalves(timestamp: Timestamp): Uint64 {
  if (typeof timestamp === 'string') return parseUint64(timestamp);
  if (Number.isSafeInteger(timestamp) && timestamp >= 0) return fromSafeNumber(timestamp);
  throw new CadastreError('bad-request', `${timestamp} is not a timestamp`, {
    nextStep: 'Give whole milliseconds since 1970.',
  });
}

export function timeRangeOf(range: ReadOptions['timeRange']): TimeRange | undefined {
  if (range === undefined) return undefined;
  const from = timestampHalves(range.from ?? 0);
  const until = range.until === undefined ? latest : timestampHalves(range.until);
  return { fromHigh: from.high, fromLow: from.low, untilHigh: until.high, untilLow: until.low };
}
