// Reading one region's slice of a sorted log for replay.

import type { Cell } from '../base/cell.js';
import { CadastreError } from '../base/errors.js';
import type { Clip, LogSlice } from '../base/store-file.js';
import type { ObjectStore } from '../world/object-store.js';
import { decodeLogRecord, type DecodedLogRecord } from './log-record.js';
import { recordsOf } from './sorted-log.js';

/**
 * The records that the slice says are still to be replayed, in order, with only the cells inside its
 * clip. Rejects with `corruption` or as the store does; throws `corruption` while being read.
 */
export async function readSlice(
  objects: ObjectStore,
  slice: LogSlice,
): Promise<Iterable<DecodedLogRecord>> {
  const { object, offset } = slice;
  const bytes = await objects.get(object, { start: offset, end: offset + slice.bytes });
  return replayable(slice, bytes);
}

function* replayable(slice: LogSlice, bytes: Buffer): Iterable<DecodedLogRecord> {
  for (const payload of recordsOf(slice.object, slice.offset, bytes)) {
    const record = decodeLogRecord(payload);
    if (record.regionId !== slice.origin) {
      throw new CadastreError(
        'corruption',
        `the slice at ${slice.offset} of ${slice.object} holds edits of region ${record.regionId}, not of ${slice.origin}`,
      );
    }
    if (record.sequence <= slice.skipUpTo) continue;
    yield slice.clip === undefined ? record : clipped(record, slice.clip);
  }
}

function clipped(record: DecodedLogRecord, clip: Clip): DecodedLogRecord {
  return { ...record, cells: record.cells.filter((cell) => isInside(cell, clip)) };
}

function isInside(cell: Cell, { startKey, endKey }: Clip): boolean {
  const { row } = cell;
  if (Buffer.compare(row, startKey) < 0) return false;
  return endKey.length === 0 || Buffer.compare(row, endKey) < 0;
}
