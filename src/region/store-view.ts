// What one family consists of at one moment: two memstores and the store files. Views are immutable;
// a flush or compaction makes the next one, and scans keep theirs.

import type { Cell } from '../base/cell.js';
import type { StoreFileRef } from '../base/store-file.js';
import type { FamilyDescriptor } from '../base/table.js';
import type { CellCursor } from './cell-cursor.js';
import { equalBytes } from './cell-view.js';
import { ClippedCursor } from './clipped-cursor.js';
import type { HFileCursorOptions, HFileReader } from './hfile/api.js';
import { MemstoreCursor } from './memstore-cursor.js';
import type { Memstore } from './memstore.js';

export interface OpenFile {
  readonly ref: StoreFileRef;
  readonly reader: HFileReader;
}

export interface StoreView {
  readonly family: FamilyDescriptor;
  readonly familyBytes: Buffer;
  readonly active: Memstore;
  /** What a flush is writing. */
  readonly snapshot: Memstore | undefined;
  /** Oldest first, by their largest sequence. */
  readonly files: readonly OpenFile[];
}

/** The store of a cell's family, if it is one of them. */
export function storeOf(stores: readonly StoreView[], cell: Cell): StoreView | undefined {
  const { buffer, familyOffset, familyLength } = cell;
  for (const store of stores) {
    const { familyBytes } = store;
    if (equalBytes(buffer, familyOffset, familyLength, familyBytes, familyBytes.length))
      return store;
  }
  return undefined;
}

/** What a read can say to leave files out. */
export interface RunSelection {
  readonly cursor: HFileCursorOptions;
  /** Milliseconds; a file whose cells are all older is left out. */
  readonly fromMs: number;
  /** Only this row is read: bloom filters and key ranges are asked. */
  readonly row: Buffer | undefined;
  /** Only this column is read. */
  readonly qualifier: Buffer | undefined;
}

const noBytes = Buffer.alloc(0);

/** Cursors over everything in the view that may hold what is asked. */
export function runsOf(
  view: StoreView,
  selection: RunSelection,
): CellCursor[] | Promise<CellCursor[]> {
  const runs: CellCursor[] = [];
  if (view.active.count > 0) runs.push(new MemstoreCursor(view.active));
  if (view.snapshot !== undefined && view.snapshot.count > 0) {
    runs.push(new MemstoreCursor(view.snapshot));
  }
  const waiting: Promise<void>[] = [];
  for (const file of view.files) {
    if (file.ref.entries === 0 || file.ref.timestampMax < selection.fromMs) continue;
    const answer = mayContain(file.reader, selection);
    if (answer === true) runs.push(cursorOf(file, selection.cursor));
    else if (answer !== false) {
      waiting.push(
        answer.then((may) => {
          if (may) runs.push(cursorOf(file, selection.cursor));
        }),
      );
    }
  }
  return waiting.length === 0 ? runs : Promise.all(waiting).then(() => runs);
}

/** A cursor over what the file's clip leaves. */
export function cursorOf(file: OpenFile, options: HFileCursorOptions): CellCursor {
  const cursor = file.reader.cursor(options);
  return file.ref.clip === undefined ? cursor : new ClippedCursor(cursor, file.ref.clip);
}

function mayContain(reader: HFileReader, selection: RunSelection): boolean | Promise<boolean> {
  const { row, qualifier } = selection;
  if (row === undefined) return true;
  if (rowIsBefore(row, reader.firstKey) || rowIsAfter(row, reader.lastKey)) return false;
  if (qualifier === undefined || reader.bloom !== 'rowcol') return reader.mayContainRow(row);
  // Family markers, which hide the column too, stand under the empty qualifier.
  const column = reader.mayContainColumn(row, qualifier);
  if (column === true || qualifier.length === 0) return column;
  const markers = reader.mayContainColumn(row, noBytes);
  if (typeof column === 'boolean' && typeof markers === 'boolean') return markers;
  return Promise.all([column, markers]).then(([some, hiding]) => some || hiding);
}

function rowIsBefore(row: Buffer, key: Buffer): boolean {
  return key.length > 0 && row.compare(key, 2, 2 + key.readUInt16BE(0)) < 0;
}

function rowIsAfter(row: Buffer, key: Buffer): boolean {
  return key.length > 0 && row.compare(key, 2, 2 + key.readUInt16BE(0)) > 0;
}
