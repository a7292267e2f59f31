// The simplest region: lists of cells, sorted and filtered from scratch for every question. It says
// what HBase's semantics are, as plainly as can be, and the region engine must agree (race W9).
//
// What a flush or compaction drops is part of the semantics (a version beyond the maximum does not
// come back when newer ones are deleted later), so the model flushes and compacts too, on lists.

import { unreachable } from '../../base/assert.js';
import { CellType } from '../../base/cell.js';
import { ttlForever, type FamilyDescriptor } from '../../base/table.js';

export interface ModelCell {
  readonly row: string;
  readonly family: string;
  readonly qualifier: string;
  readonly timestamp: number;
  readonly type: CellType;
  readonly value: string;
  readonly ttlMs: number | undefined;
  readonly sequence: number;
}

export interface ModelQuery {
  readonly startRow: string;
  readonly includeStart: boolean;
  /** Empty: to the end. */
  readonly stopRow: string;
  readonly includeStop: boolean;
  readonly reversed: boolean;
  /** Per family; a family without qualifiers: all its columns. Empty: all families. */
  readonly columns: readonly { readonly family: string; readonly qualifiers: readonly string[] }[];
  readonly from: number;
  readonly until: number;
  readonly versionsMax: number;
  readonly storeLimit: number | undefined;
  readonly storeOffset: number;
  readonly raw: boolean;
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export function compareModelCells(a: ModelCell, b: ModelCell): number {
  return (
    compareText(a.row, b.row) ||
    compareText(a.family, b.family) ||
    compareText(a.qualifier, b.qualifier) ||
    b.timestamp - a.timestamp ||
    b.type - a.type ||
    b.sequence - a.sequence
  );
}

export function showModelCell(cell: ModelCell): string {
  return `${cell.row}/${cell.family}:${cell.qualifier}/${cell.timestamp}/${cell.type}=${cell.value}`;
}

/** Whether a marker of the same row and family hides a put. */
function hides(marker: ModelCell, cell: ModelCell): boolean {
  const isSameColumn = marker.qualifier === cell.qualifier;
  switch (marker.type) {
    case CellType.deleteFamily:
      return cell.timestamp <= marker.timestamp;
    case CellType.deleteFamilyVersion:
      return cell.timestamp === marker.timestamp;
    case CellType.deleteColumn:
      return isSameColumn && cell.timestamp <= marker.timestamp;
    case CellType.delete:
      return isSameColumn && cell.timestamp === marker.timestamp;
    case CellType.put:
    case CellType.maximum:
      return false;
    default:
      return unreachable(marker.type);
  }
}

export class NaiveRegion {
  readonly families: readonly FamilyDescriptor[];
  memory: ModelCell[] = [];
  /** Cells of each store file, by the name the test gives it. */
  readonly files = new Map<string, readonly ModelCell[]>();

  constructor(families: readonly FamilyDescriptor[]) {
    this.families = families;
  }

  /** Of two cells with everything equal but the value, the later one stays. */
  add(cell: ModelCell): void {
    this.memory = this.memory.filter((other) => compareModelCells(other, cell) !== 0);
    this.memory.push(cell);
  }

  /** Results of a scan: the cells of each row that has any. */
  query(query: ModelQuery, nowMs: number): ModelCell[][] {
    const all = [...this.memory, ...[...this.files.values()].flat()].sort(compareModelCells);
    const rows = [...new Set(all.map(({ row }) => row))].filter((row) => isInRows(row, query));
    if (query.reversed) rows.reverse();
    const results = rows.map((row) => {
      const cells = all.filter((cell) => cell.row === row);
      return this.families.flatMap((family) =>
        this.#readFamily(
          family,
          cells.filter((cell) => cell.family === family.name),
          query,
          nowMs,
        ),
      );
    });
    return results.filter((cells) => cells.length > 0);
  }

  /** What a flush writes of the memory, or a compaction of files. */
  retained(
    cells: readonly ModelCell[],
    family: FamilyDescriptor,
    mode: 'minor' | 'major',
    nowMs: number,
  ): ModelCell[] {
    const live = [...cells]
      .sort(compareModelCells)
      .filter((cell) => cell.family === family.name && !this.#isGone(cell, family, nowMs));
    const staysPut = (marker: ModelCell): boolean =>
      family.keepDeletedCells === 'true' ||
      (family.keepDeletedCells === 'ttl' && !isExpired(marker, family, nowMs));
    const isMarker = (cell: ModelCell): boolean => cell.type !== CellType.put;
    const hiding = live.filter((cell) => isMarker(cell) && !staysPut(cell));
    const visible = live.filter((cell) =>
      isMarker(cell)
        ? mode === 'minor' || staysPut(cell)
        : !hiding.some((marker) => marker.row === cell.row && hides(marker, cell)),
    );
    const counted = visible.filter((cell) => mode === 'major' || !isMarker(cell));
    const kept = new Set(withinVersions(counted, family.versionsMax, family, nowMs));
    return visible.filter((cell) => kept.has(cell) || (isMarker(cell) && mode === 'minor'));
  }

  #readFamily(
    family: FamilyDescriptor,
    cells: readonly ModelCell[],
    query: ModelQuery,
    nowMs: number,
  ): ModelCell[] {
    const selection = query.columns.find((column) => column.family === family.name);
    if (query.columns.length > 0 && selection === undefined) return [];
    const isWanted = ({ qualifier }: ModelCell): boolean =>
      selection === undefined ||
      selection.qualifiers.length === 0 ||
      selection.qualifiers.includes(qualifier);
    const isInTime = ({ timestamp }: ModelCell): boolean =>
      timestamp >= query.from && timestamp < query.until;
    const live = cells.filter((cell) =>
      query.raw ? !hasOutlivedItself(cell, nowMs) : !this.#isGone(cell, family, nowMs),
    );
    // Markers older than the range do not matter; newer ones do, unless deleted cells are kept.
    const markers = live.filter(
      (cell) =>
        cell.type !== CellType.put &&
        cell.timestamp >= query.from &&
        (family.keepDeletedCells === 'false' || cell.timestamp < query.until),
    );
    const visible = live
      .filter((cell) => query.raw || cell.type === CellType.put)
      .filter((cell) => query.raw || !markers.some((marker) => hides(marker, cell)))
      .filter((cell) => isInTime(cell) && isWanted(cell));
    const versions = query.raw
      ? query.versionsMax
      : Math.min(query.versionsMax, family.versionsMax);
    const inVersions = withinVersions(visible, versions, query.raw ? undefined : family, nowMs);
    const end = query.storeLimit === undefined ? undefined : query.storeOffset + query.storeLimit;
    return inVersions.slice(query.storeOffset, end);
  }

  #isGone(cell: ModelCell, family: FamilyDescriptor, nowMs: number): boolean {
    const isOver = family.versionsMin <= 0 && isExpired(cell, family, nowMs);
    return isOver || hasOutlivedItself(cell, nowMs);
  }
}

function isExpired(cell: ModelCell, family: FamilyDescriptor, nowMs: number): boolean {
  return family.ttlSeconds !== ttlForever && cell.timestamp < nowMs - family.ttlSeconds * 1000;
}

function hasOutlivedItself(cell: ModelCell, nowMs: number): boolean {
  return cell.ttlMs !== undefined && cell.timestamp + cell.ttlMs < nowMs;
}

/** Sorted cells of one family without versions beyond the maximum, and those past their time. */
function withinVersions(
  cells: readonly ModelCell[],
  versionsMax: number,
  family: FamilyDescriptor | undefined,
  nowMs: number,
): ModelCell[] {
  return cells.filter((cell, i) => {
    const before = cells
      .slice(0, i)
      .filter((other) => other.row === cell.row && other.qualifier === cell.qualifier);
    const isSame = (other: ModelCell): boolean =>
      other.timestamp === cell.timestamp && other.type === cell.type;
    if (before.some(isSame)) return false;
    const puts = before.filter((other) => other.type === CellType.put);
    const stamps = new Set(puts.map(({ timestamp }) => timestamp));
    const count = stamps.size + (cell.type === CellType.put ? 1 : 0);
    if (count > versionsMax) return false;
    return family === undefined || count <= family.versionsMin || !isExpired(cell, family, nowMs);
  });
}

function isInRows(row: string, query: ModelQuery): boolean {
  const { startRow, includeStart, stopRow, includeStop, reversed } = query;
  const sign = reversed ? -1 : 1;
  if (startRow !== '') {
    const order = sign * compareText(row, startRow);
    if (order < 0 || (order === 0 && !includeStart)) return false;
  }
  if (stopRow === '') return true;
  const order = sign * compareText(row, stopRow);
  return order < 0 || (order === 0 && includeStop);
}
