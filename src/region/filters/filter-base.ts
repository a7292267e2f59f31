// What most filters do not care about, and what many of them share.

import { unreachable } from '../../base/assert.js';
import type { Cell } from '../../base/cell.js';
import { CadastreError } from '../../base/errors.js';
import type { CompareOperator } from '../../base/operations.js';
import { operatorHolds, parseComparator, type Comparator } from '../../wire/comparators.js';
import { CompareType } from '../../wire/generated/hbase/hbase_pb.js';
import { viewOf } from '../../wire/views.js';
import { equalBytes, type CellView } from '../cell-view.js';
import type { Verdict } from '../column-tracker.js';
import type { RowFilter } from '../filter.js';
import type { CellSource } from '../merge-cursor.js';

/** A filter that lets everything pass. */
export class FilterBase implements RowFilter {
  readonly transform: ((cell: Cell) => Cell) | undefined = undefined;

  get wantsNothingMore(): boolean {
    return false;
  }
  get judgesRows(): boolean {
    return false;
  }
  reset(): void {}
  dropsRowKey(_row: Buffer): boolean {
    return false;
  }
  judge(_cell: CellView, _source: CellSource): Verdict {
    return 'include';
  }
  hint(_cell: CellView, _source: CellSource): Cell | undefined {
    return undefined;
  }
  filterCells(cells: readonly Cell[]): readonly Cell[] {
    return cells;
  }
  dropsRow(): boolean {
    return false;
  }
}

/** A comparator with its operator: whether stored bytes pass. */
export class Comparison {
  readonly #operator: CompareOperator;
  readonly #comparator: Comparator;

  constructor(operator: CompareOperator, comparator: Comparator) {
    this.#operator = operator;
    this.#comparator = comparator;
  }

  /** Here it is (stored) OP (given), the other way round than in conditions. */
  passes(bytes: Buffer, start: number, length: number): boolean {
    return operatorHolds(this.#operator, -this.#comparator.compare(bytes, start, length));
  }
}

/** HBase's message of a comparator, as generated. */
interface ComparatorMessage {
  readonly name: string;
  readonly serializedComparator: Uint8Array;
}

export function comparisonOf(
  operator: CompareType,
  comparator: ComparatorMessage | undefined,
): Comparison {
  if (comparator === undefined) {
    throw new CadastreError('bad-request', 'a comparing filter comes without its comparator');
  }
  const { name, serializedComparator } = comparator;
  return new Comparison(
    operatorOf(operator),
    parseComparator({ name, body: viewOf(serializedComparator) }),
  );
}

function operatorOf(type: CompareType): CompareOperator {
  switch (type) {
    case CompareType.LESS:
      return 'less';
    case CompareType.LESS_OR_EQUAL:
      return 'less-or-equal';
    case CompareType.EQUAL:
      return 'equal';
    case CompareType.NOT_EQUAL:
      return 'not-equal';
    case CompareType.GREATER_OR_EQUAL:
      return 'greater-or-equal';
    case CompareType.GREATER:
      return 'greater';
    case CompareType.NO_OP:
      return 'no-op';
    default:
      return unreachable(type);
  }
}

export function familyPasses(comparison: Comparison, { buffer, offset }: CellSource): boolean {
  const at = familyLengthAt(buffer, offset);
  return comparison.passes(buffer, at + 1, buffer[at] as number);
}

export function qualifierPasses(comparison: Comparison, cell: CellView): boolean {
  return comparison.passes(cell.buffer, cell.qualifierOffset, cell.qualifierLength);
}

export function valuePasses(comparison: Comparison, source: CellSource): boolean {
  const { buffer, offset, keyLength, valueLength } = source;
  return comparison.passes(buffer, offset + 8 + keyLength, valueLength);
}

export function isColumn(
  cell: CellView,
  source: CellSource,
  family: Buffer,
  qualifier: Buffer,
): boolean {
  const at = familyLengthAt(source.buffer, source.offset);
  const length = source.buffer[at] as number;
  return (
    equalBytes(source.buffer, at + 1, length, family, family.length) &&
    equalBytes(cell.buffer, cell.qualifierOffset, cell.qualifierLength, qualifier, qualifier.length)
  );
}

export function familyOf({ buffer, offset }: CellSource): Buffer {
  const at = familyLengthAt(buffer, offset);
  return buffer.subarray(at + 1, at + 1 + (buffer[at] as number));
}

function familyLengthAt(buffer: Buffer, offset: number): number {
  return offset + 10 + (((buffer[offset + 8] as number) << 8) | (buffer[offset + 9] as number));
}
