// What callers ask of a row, as plain objects, and how that becomes what is sent.

import { unreachable } from '../base/assert.js';
import { cellLength, CellType, writeCell } from '../base/cell.js';
import type { Cell, CellParts } from '../base/cell.js';
import { CadastreError } from '../base/errors.js';
import type { Durability, Get, Mutation, Nonce } from '../base/operations.js';
import { checkedRow } from '../wire/row.js';
import { int64, toBuffer } from './bytes.js';
import type { Bytes } from './bytes.js';
import { selectionOf, splitColumn, timestampHalves } from './selection.js';
import type { Column, ReadOptions, Timestamp } from './selection.js';

/** A cell to put. Without a timestamp the server's clock decides. */
export interface PutCell {
  readonly family: Bytes;
  readonly qualifier: Bytes;
  readonly value: Bytes;
  readonly timestamp?: Timestamp;
}

/** Cells, or values by `family:qualifier`. */
export type PutValues = readonly PutCell[] | Readonly<Record<string, Bytes>>;

/**
 * What to delete of a row. `version`: one version of a column, the newest without a timestamp;
 * `column`: its versions up to the timestamp; `family`: all of its columns up to the timestamp;
 * `family-version`: cells of exactly that timestamp.
 */
export type DeleteTarget =
  | {
      readonly kind: 'version' | 'column';
      readonly family: Bytes;
      readonly qualifier: Bytes;
      readonly timestamp?: Timestamp;
    }
  | { readonly kind: 'family'; readonly family: Bytes; readonly timestamp?: Timestamp }
  | { readonly kind: 'family-version'; readonly family: Bytes; readonly timestamp: Timestamp };

export interface WriteOptions {
  /** Default: the table's, which is synced. */
  readonly durability?: Durability;
}

export interface PutOperation extends WriteOptions {
  readonly kind: 'put';
  readonly row: Bytes;
  readonly values: PutValues;
}
/** Without targets the whole row, up to the timestamp. */
export interface DeleteOperation extends WriteOptions {
  readonly kind: 'delete';
  readonly row: Bytes;
  readonly targets?: readonly DeleteTarget[];
  readonly timestamp?: Timestamp;
}
/** Adds to 64-bit numbers, by `family:qualifier`. */
export interface IncrementOperation extends WriteOptions {
  readonly kind: 'increment';
  readonly row: Bytes;
  readonly amounts: Readonly<Record<string, number | bigint>>;
}
/** Appends to values, by `family:qualifier`. */
export interface AppendOperation extends WriteOptions {
  readonly kind: 'append';
  readonly row: Bytes;
  readonly values: Readonly<Record<string, Bytes>>;
}
export type MutationOperation =
  PutOperation | DeleteOperation | IncrementOperation | AppendOperation;
export interface GetOperation extends ReadOptions {
  readonly kind: 'get';
  readonly row: Bytes;
}
export type Operation = GetOperation | MutationOperation;

/** Throws `bad-request` naming what is wrong. */
export function getOf(row: Bytes, options: ReadOptions, existenceOnly = false): Get {
  return { ...selectionOf(options), row: checkedRow(toBuffer(row)), existenceOnly };
}

/** Throws `bad-request` naming what is wrong. `nonce` is asked for what must not be done twice. */
export function mutationOf(operation: MutationOperation, nonce: () => Nonce): Mutation {
  const row = checkedRow(toBuffer(operation.row));
  const { kind, durability = 'default' } = operation;
  switch (kind) {
    case 'put':
      return { kind, row, durability, cells: cellsOf(putParts(row, operation.values), row) };
    case 'delete': {
      const targets = operation.targets ?? [];
      const upTo = halvesOrLatest(operation.timestamp);
      return {
        kind,
        row,
        durability,
        cells: writeCells(targets.map((target) => deleteParts(row, target, operation.timestamp))),
        timestampHigh: upTo.high,
        timestampLow: upTo.low,
      };
    }
    case 'increment': {
      const parts = Object.entries(operation.amounts).map(([column, amount]) =>
        columnParts(row, column, int64(amount)),
      );
      return { kind, row, durability, cells: cellsOf(parts, row), ...answered(nonce) };
    }
    case 'append': {
      const parts = Object.entries(operation.values).map(([column, value]) =>
        columnParts(row, column, toBuffer(value)),
      );
      return { kind, row, durability, cells: cellsOf(parts, row), ...answered(nonce) };
    }
    default:
      return unreachable(operation);
  }
}

function answered(nonce: () => Nonce) {
  return { timeRange: undefined, returnResult: true, nonce: nonce() } as const;
}

const latestHalves = { high: 0x7fffffff, low: 0xffffffff } as const;
const nothing = Buffer.alloc(0);

function halvesOrLatest(timestamp: Timestamp | undefined) {
  return timestamp === undefined ? latestHalves : timestampHalves(timestamp);
}

function putParts(row: Buffer, values: PutValues): CellParts[] {
  if (!isCells(values)) {
    return Object.entries(values).map(([column, value]) =>
      columnParts(row, column, toBuffer(value)),
    );
  }
  return values.map(({ family, qualifier, value, timestamp }) => ({
    row,
    family: checkedFamily(toBuffer(family)),
    qualifier: toBuffer(qualifier),
    value: toBuffer(value),
    timestamp: timestamp === undefined ? 'latest' : timestampHalves(timestamp),
    type: CellType.put,
  }));
}

function isCells(values: PutValues): values is readonly PutCell[] {
  return Array.isArray(values);
}

function columnParts(row: Buffer, column: Column, value: Buffer): CellParts {
  const { family, qualifier = nothing } = splitColumn(column);
  checkedFamily(family);
  return { row, family, qualifier, value, timestamp: 'latest', type: CellType.put };
}

function deleteParts(row: Buffer, target: DeleteTarget, upTo: Timestamp | undefined): CellParts {
  const types = {
    version: CellType.delete,
    column: CellType.deleteColumn,
    family: CellType.deleteFamily,
    'family-version': CellType.deleteFamilyVersion,
  } as const;
  return {
    row,
    family: checkedFamily(toBuffer(target.family)),
    qualifier: 'qualifier' in target ? toBuffer(target.qualifier) : nothing,
    value: nothing,
    timestamp: halvesOrLatest(target.timestamp ?? upTo),
    type: types[target.kind],
  };
}

function checkedFamily(family: Buffer): Buffer {
  if (family.length > 0 && family.length <= 127) return family;
  throw new CadastreError('bad-request', `a family of ${family.length} bytes is not possible`, {
    nextStep: 'Name columns as family:qualifier; a family has 1 to 127 bytes.',
  });
}

function cellsOf(parts: readonly CellParts[], row: Buffer): Cell[] {
  if (parts.length > 0) return writeCells(parts);
  throw new CadastreError('bad-request', `nothing is given for row ${row.toString()}`, {
    nextStep: 'Give at least one column.',
  });
}

/** All in one buffer: an allocation for each cell would be most of the work of a batch. */
function writeCells(parts: readonly CellParts[]): Cell[] {
  let length = 0;
  for (const part of parts) length += cellLength(part);
  const buffer = Buffer.allocUnsafe(length);
  let at = 0;
  return parts.map((part) => {
    const cell = writeCell(part, buffer, at);
    at += cell.length;
    return cell;
  });
}
