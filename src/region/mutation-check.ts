// What a mutation must be before anything is done with it. Every refusal names the value and the limit.

import { CellType, type Cell } from '../base/cell.js';
import { CadastreError } from '../base/errors.js';
import type { Condition, Mutation } from '../base/operations.js';
import {
  formatTableName,
  regionContains,
  type RegionInfo,
  type TableDescriptor,
} from '../base/table.js';
import { regionLimits } from './limits.js';

export class MutationCheck {
  readonly #info: RegionInfo;
  readonly #families: readonly Buffer[];
  readonly #cellBytesMax: number;

  constructor(info: RegionInfo, descriptor: TableDescriptor, cellBytesMax: number) {
    this.#info = info;
    this.#families = descriptor.families.map(({ name }) => Buffer.from(name));
    this.#cellBytesMax = cellBytesMax;
  }

  /** Throws `wrong-region` unless the row is the region's. */
  rowOfRead(row: Buffer): void {
    if (regionContains(this.#info, row)) return;
    throw new CadastreError('wrong-region', this.#outside(row), {
      nextStep: 'Look up the row again.',
    });
  }

  /** Throws `family-not-found`. */
  family(family: Buffer): void {
    for (const known of this.#families) if (known.equals(family)) return;
    const table = formatTableName(this.#info.table);
    throw new CadastreError(
      'family-not-found',
      `the table ${table} has no column family ${JSON.stringify(family.toString('latin1'))}`,
      {
        nextStep: `It has ${this.#families.map((known) => known.toString('latin1')).join(', ')}.`,
      },
    );
  }

  /** Throws what is wrong with the mutation. */
  mutation(mutation: Mutation): void {
    this.#row(mutation.row);
    const { cells, kind } = mutation;
    if (cells.length === 0 && kind !== 'delete') {
      throw new CadastreError('bad-request', `the ${kind} has no cells`, {
        nextStep: 'Name at least one column.',
      });
    }
    for (const cell of cells) {
      this.#cell(cell, mutation.row);
      if ((kind === 'delete') !== cell.isDelete) {
        throw new CadastreError('bad-request', `a ${kind} has a cell of the type ${cell.type}`);
      }
      if (kind === 'increment' && cell.valueLength !== 8) {
        throw new CadastreError(
          'bad-request',
          `an increment has an amount of ${cell.valueLength} bytes`,
          { nextStep: 'Give 64 bits, big-endian.' },
        );
      }
    }
  }

  /** A cell made by an increment or append, which may have grown. */
  size(cell: Cell): void {
    const bytes = cell.length;
    if (bytes <= this.#cellBytesMax) return;
    throw new CadastreError(
      'cell-too-large',
      `Cell[${describe(cell)}] with size ${bytes} exceeds limit of ${this.#cellBytesMax} bytes`,
      { nextStep: 'Store less in it, or raise hbase.client.keyvalue.maxsize.' },
    );
  }

  condition(condition: Condition, row: Buffer): void {
    if (!condition.row.equals(row)) {
      throw new CadastreError('bad-request', 'the condition is on another row than the mutation');
    }
    if (condition.kind === 'value') this.family(condition.family);
  }

  #row(row: Buffer): void {
    if (row.length === 0 || row.length > regionLimits.rowBytesMax) {
      throw new CadastreError('bad-request', `a row has ${row.length} bytes`, {
        nextStep: `Rows have 1 to ${regionLimits.rowBytesMax} bytes.`,
      });
    }
    if (regionContains(this.#info, row)) return;
    throw new CadastreError('row-outside-region', this.#outside(row), {
      nextStep: 'Look up the row again.',
    });
  }

  #cell(cell: Cell, row: Buffer): void {
    this.size(cell);
    const { buffer, rowOffset, rowLength } = cell;
    const isOfRow =
      rowLength === row.length &&
      buffer.compare(row, 0, rowLength, rowOffset, rowOffset + rowLength) === 0;
    if (!isOfRow) {
      throw new CadastreError('bad-request', `a cell is of another row than its mutation`);
    }
    const { familyOffset, familyLength } = cell;
    const isKnown = this.#families.some(
      (known) =>
        known.length === familyLength &&
        known.compare(buffer, familyOffset, familyOffset + familyLength) === 0,
    );
    if (!isKnown) this.family(cell.family);
    if (cell.timestampHigh > 0x7fffffff) {
      throw new CadastreError('bad-request', 'a cell has a negative timestamp');
    }
    const { type } = cell;
    if (
      type !== CellType.put &&
      type !== CellType.delete &&
      type !== CellType.deleteColumn &&
      type !== CellType.deleteFamily &&
      type !== CellType.deleteFamilyVersion
    ) {
      throw new CadastreError('bad-request', `a cell has the unknown type ${type}`);
    }
  }

  #outside(row: Buffer): string {
    const { startKey, endKey, table } = this.#info;
    const text = (bytes: Buffer): string => JSON.stringify(bytes.toString('latin1'));
    return `the row ${text(row)} is outside the region of ${formatTableName(table)} from ${text(startKey)} to ${text(endKey)}`;
  }
}

function describe(cell: Cell): string {
  const part = (bytes: Buffer): string => bytes.subarray(0, 64).toString('latin1');
  return `${part(cell.row)}/${part(cell.family)}:${part(cell.qualifier)}`;
}
