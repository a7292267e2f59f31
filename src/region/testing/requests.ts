// Short ways to write requests in tests.

import { CellType, makeCell, type Cell } from '../../base/cell.js';
import type {
  Append,
  Delete,
  Get,
  Increment,
  Nonce,
  Put,
  Scan,
  TimeRange,
} from '../../base/operations.js';
import { ttlTag } from '../cell-ttl.js';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const latest = { timestampHigh: 0x7fffffff, timestampLow: 0xffffffff };

/** A column as `family:qualifier`. */
export function cellAt(
  row: string,
  column: string,
  value: string | Buffer,
  options: { timestamp?: number; type?: CellType; ttlMs?: number } = {},
): Cell {
  const colon = column.indexOf(':');
  return makeCell({
    row: bytes(row),
    family: bytes(column.slice(0, colon)),
    qualifier: bytes(column.slice(colon + 1)),
    timestamp: options.timestamp ?? 'latest',
    type: options.type ?? CellType.put,
    value: typeof value === 'string' ? bytes(value) : value,
    ...(options.ttlMs === undefined ? {} : { tags: ttlTag(options.ttlMs) }),
  });
}

export function putOf(row: string, ...cells: readonly Cell[]): Put {
  return { kind: 'put', row: bytes(row), durability: 'default', cells };
}

export function put(row: string, column: string, value: string, timestamp?: number): Put {
  return putOf(row, cellAt(row, column, value, timestamp === undefined ? {} : { timestamp }));
}

/** Markers, or with none of them the whole row. */
export function deleteOf(row: string, cells: readonly Cell[] = [], timestamp?: number): Delete {
  const stamp =
    timestamp === undefined
      ? latest
      : { timestampHigh: Math.floor(timestamp / 2 ** 32), timestampLow: timestamp % 2 ** 32 };
  return { kind: 'delete', row: bytes(row), durability: 'default', cells, ...stamp };
}

export function amount(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(BigInt(value));
  return buffer;
}

export function increment(row: string, column: string, by: number, nonce?: Nonce): Increment {
  return {
    kind: 'increment',
    row: bytes(row),
    durability: 'default',
    cells: [cellAt(row, column, amount(by))],
    timeRange: undefined,
    returnResult: true,
    nonce,
  };
}

export function append(row: string, column: string, value: string, nonce?: Nonce): Append {
  return {
    kind: 'append',
    row: bytes(row),
    durability: 'default',
    cells: [cellAt(row, column, value)],
    timeRange: undefined,
    returnResult: true,
    nonce,
  };
}

const selectAll = {
  families: [],
  timeRange: undefined,
  familyTimeRanges: [],
  versionsMax: 1,
  storeLimit: undefined,
  storeOffset: 0,
  filter: undefined,
  cacheBlocks: true,
} as const;

export function get(row: string, changes: Partial<Get> = {}): Get {
  return { ...selectAll, row: bytes(row), existenceOnly: false, ...changes };
}

export function scan(changes: Partial<Scan> = {}): Scan {
  return {
    ...selectAll,
    startRow: bytes(''),
    includeStart: true,
    stopRow: bytes(''),
    includeStop: false,
    reversed: false,
    batch: 0,
    raw: false,
    readUncommitted: false,
    readPoint: 0,
    ...changes,
  };
}

/** [from, until) in milliseconds. */
export function timeRange(from: number, until: number): TimeRange {
  const high = (ms: number): number => Math.floor(ms / 2 ** 32);
  const low = (ms: number): number => ms % 2 ** 32;
  return {
    fromHigh: high(from),
    fromLow: low(from),
    untilHigh: high(until),
    untilLow: low(until),
  };
}
