// One edit in the making: the cells of one or more mutations, as they will stand in one log record
// under one sequence number.
//
// Invariant: of two cells of one edit with the same key the later added one wins (the memstore
// replaces equal keys of equal sequence), here and in every replay.

import { CellType, makeCell, type Cell } from '../base/cell.js';
import { CadastreError } from '../base/errors.js';
import type { Append, Delete, Increment, Mutation, Nonce } from '../base/operations.js';
import { addInt64 } from './int64.js';
import { isRealNonce } from './nonces.js';
import type { RowStamps } from './row-stamps.js';

const two32 = 2 ** 32;
const noBytes = Buffer.alloc(0);
const noCells: readonly Cell[] = [];
const noNonces: readonly Nonce[] = [];

/** The newest cells of a row that its mutations need to know, by column, newest first. */
export type KnownCells = ReadonlyMap<string, readonly Cell[]>;
export const nothingKnown: KnownCells = new Map();

export class Edit {
  readonly cells: Cell[] = [];
  /** For each cell, the stamp that replaces "latest". */
  readonly stamps: number[] = [];
  /** What increments and appends made, as far as their clients want it. */
  results: readonly Cell[] = noCells;
  nonces: readonly Nonce[] = noNonces;
  skipsLog = false;
  bytes = 0;
  readonly #stamps: RowStamps;
  readonly #families: readonly Buffer[];
  /** Cells of this edit that later mutations of it see. */
  #made: Map<string, Cell> | undefined;

  constructor(stamps: RowStamps, families: readonly Buffer[]) {
    this.#stamps = stamps;
    this.#families = families;
  }

  /** Adds a mutation. `known` holds what it needs; puts are stamped at least `atLeastMs`. */
  add(mutation: Mutation, known: KnownCells, atLeastMs: number): void {
    this.skipsLog = mutation.durability === 'skip';
    switch (mutation.kind) {
      case 'put': {
        const needsStamp = mutation.cells.some((cell) => cell.isLatestTimestamp);
        const stamp = needsStamp ? this.#stamps.put(mutation.row, atLeastMs) : 0;
        for (const cell of mutation.cells) this.#push(cell, stamp);
        return;
      }
      case 'delete':
        this.#addDelete(mutation, known);
        return;
      case 'increment':
      case 'append':
        this.#addChange(mutation, known, atLeastMs);
    }
  }

  /** Notes what earlier mutations of this edit put, for those that read: only if there are any. */
  noteMade(mutation: Mutation): void {
    if (mutation.kind !== 'put') return;
    this.#made ??= new Map();
    for (const cell of mutation.cells) this.#made.set(columnKey(cell), cell);
  }

  #addDelete(mutation: Delete, known: KnownCells): void {
    const { row, cells, timestampHigh: high, timestampLow: low } = mutation;
    if (cells.length === 0) {
      for (const family of this.#families) {
        const type = CellType.deleteFamily;
        const timestamp = { high, low };
        const marker = makeCell({
          row,
          family,
          qualifier: noBytes,
          timestamp,
          type,
          value: noBytes,
        });
        this.#push(marker, marker.isLatestTimestamp ? this.#stamps.delete(row) : 0);
      }
      return;
    }
    const versionsSeen = new Map<string, number>();
    for (const cell of cells) {
      if (!cell.isLatestTimestamp) {
        this.#push(cell, 0);
        continue;
      }
      const stamp = this.#stamps.delete(row);
      if (cell.type !== CellType.delete) {
        this.#push(cell, stamp);
        continue;
      }
      // "The newest version": the n-th such marker of a column means its n-th newest.
      const key = columnKey(cell);
      const nth = versionsSeen.get(key) ?? 0;
      versionsSeen.set(key, nth + 1);
      const version = known.get(key)?.[nth];
      if (version === undefined) this.#push(cell, stamp);
      else this.#push(cellWith(cell, noBytes, timestampOf(version), cell.tags), 0);
    }
  }

  #addChange(mutation: Increment | Append, known: KnownCells, atLeastMs: number): void {
    for (const cell of mutation.cells) {
      const key = columnKey(cell);
      const current = this.#made?.get(key) ?? known.get(key)?.[0];
      const value =
        mutation.kind === 'increment' ? incremented(cell, current) : appended(cell, current);
      // Never older than what it replaces, or the change would not be seen.
      const stamp = this.#stamps.put(mutation.row, atLeastMs);
      const asked = cell.isLatestTimestamp ? split(stamp) : timestampOf(cell);
      const timestamp =
        current === undefined || current.isLatestTimestamp
          ? asked
          : later(asked, timestampOf(current));
      const tags = cell.tagsLength > 0 || current === undefined ? cell.tags : current.tags;
      const made = cellWith(cell, value, timestamp, tags);
      this.#made ??= new Map();
      this.#made.set(key, made);
      this.#push(made, 0);
      if (mutation.returnResult) this.results = [...this.results, made];
    }
    if (isRealNonce(mutation.nonce)) this.nonces = [...this.nonces, mutation.nonce];
  }

  #push(cell: Cell, stamp: number): void {
    this.cells.push(cell);
    this.stamps.push(stamp);
    this.bytes += cell.length;
  }
}

/** Whether what a mutation does depends on what is stored. */
export function needsRead(mutation: Mutation): boolean {
  if (mutation.kind === 'put') return false;
  if (mutation.kind !== 'delete') return true;
  return mutation.cells.some((cell) => cell.type === CellType.delete && cell.isLatestTimestamp);
}

/** Names a cell's column within its row. */
export function columnKey(cell: Cell): string {
  const start = cell.familyOffset - 1;
  const end = cell.qualifierOffset + cell.qualifierLength;
  return cell.buffer.toString('latin1', start, end);
}

function incremented(cell: Cell, current: Cell | undefined): Buffer {
  if (current === undefined) return Buffer.from(cell.value);
  if (current.valueLength !== 8) {
    throw new CadastreError(
      'bad-request',
      `Field is not a long, it's ${current.valueLength} bytes wide`,
      { nextStep: 'Increment only columns that hold 64-bit numbers.' },
    );
  }
  return addInt64(current.value, cell.value);
}

function appended(cell: Cell, current: Cell | undefined): Buffer {
  return Buffer.concat(current === undefined ? [cell.value] : [current.value, cell.value]);
}

/** A put (or marker) of the same column. */
function cellWith(
  cell: Cell,
  value: Uint8Array,
  timestamp: { readonly high: number; readonly low: number },
  tags: Buffer,
): Cell {
  return makeCell({
    row: cell.row,
    family: cell.family,
    qualifier: cell.qualifier,
    type: cell.type as CellType,
    timestamp,
    value,
    tags,
  });
}

interface Timestamp {
  readonly high: number;
  readonly low: number;
}

function timestampOf(cell: Cell): Timestamp {
  return { high: cell.timestampHigh, low: cell.timestampLow };
}

function split(ms: number): Timestamp {
  return { high: Math.floor(ms / two32), low: ms % two32 };
}

function later(a: Timestamp, b: Timestamp): Timestamp {
  if (a.high !== b.high) return a.high > b.high ? a : b;
  return a.low >= b.low ? a : b;
}
