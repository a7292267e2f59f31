// A range of a sealed write-ahead log, sorted once by (region, sequence) into one immutable object,
// from which each region reads its own part.
//
//   slices, one per region by rising id:
//     u32 magic | u32 records | records × (u32 length, log record) | u32 CRC-32 of all before
//   index: one entry per slice:
//     u64 region | u64 table | u64 offset | u64 bytes | u32 records | u64 first, u64 last sequence
//   trailer: u64 index offset | u32 index entries | u32 CRC-32 of index and the two before
//     | u32 version = 1 | u32 magic
//
// A slice proves itself, so a region needs only what the catalog says of its slice. The same range
// always gives the same bytes: sorting it twice, or again after a kill, changes nothing (race W4).

import { assert } from '../base/assert.js';
import { CadastreError } from '../base/errors.js';
import { crc32 } from '../base/hash.js';
import type { RegionId, Sequence, TableId } from '../base/ids.js';
import type { LogPosition, LogStore } from '../storage/log.js';
import type { Clock } from '../world/clock.js';
import type { ObjectStore, ObjectWriter } from '../world/object-store.js';
import { regionLimits } from './limits.js';
import { readLogRecordHeader } from './log-record.js';
import { Slice } from './retry.js';

const sliceMagic = 0x43534c49;
const trailerMagic = 0x43534f52;
const version = 1;
const sliceHeaderBytes = 8;
const indexEntryBytes = 52;
const trailerBytes = 24;
const two32 = 2 ** 32;
/** Records are handed to the object's writer in pieces of about this size. */
const pieceBytes = 256 * 1024;

/** One region's part. */
export interface SortedSlice {
  readonly regionId: RegionId;
  readonly tableId: TableId;
  readonly offset: number;
  readonly bytes: number;
  readonly entries: number;
  readonly sequenceMin: Sequence;
  readonly sequenceMax: Sequence;
}

export interface SortedLog {
  readonly object: string;
  readonly bytes: number;
  /** CRC-32 of the whole object. */
  readonly crc32: number;
  /** By rising region id. */
  readonly slices: readonly SortedSlice[];
}

export interface SortLogOptions {
  readonly logs: LogStore;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  /** The log, and the range of it; absent: from its first record, to its sealed end. */
  readonly name: string;
  readonly from?: LogPosition;
  readonly until?: LogPosition;
  /** The object to make. */
  readonly object: string;
  /** Edits at or below were flushed. */
  readonly skip: ReadonlyMap<RegionId, Sequence>;
  /** Whether the catalog owns the ids; others' records are dropped. */
  readonly isOwned: (table: TableId, region: RegionId) => boolean;
}

interface Part {
  readonly tableId: TableId;
  readonly records: { readonly sequence: Sequence; readonly payload: Buffer }[];
}

/**
 * Sorts a log's range into `options.object`; no object is made if nothing is left. If the object is there already, it was made of the same
 * range by an earlier run, and its index is returned. Rejects with `corruption` for a damaged log.
 */
export async function sortLog(options: SortLogOptions): Promise<SortedLog> {
  const parts = await collect(options);
  const { objects, object } = options;
  if (parts.size === 0) return { object, bytes: 0, crc32: 0, slices: [] };
  const writer = await objects.createWriter(object);
  try {
    return await writeParts(writer, object, parts);
  } catch (error) {
    await writer.abort();
    if (error instanceof CadastreError && error.code === 'object-exists') {
      return readSortedLog(objects, object);
    }
    throw error;
  }
}

/** The index of a sorted log. Rejects with `corruption` or as the store does. */
export async function readSortedLog(objects: ObjectStore, object: string): Promise<SortedLog> {
  const info = await objects.head(object);
  if (info === undefined) throw new CadastreError('object-missing', `${object} is not there`);
  const { bytes } = info;
  if (bytes < trailerBytes) throw damaged(object, `it has ${bytes} bytes`);
  const trailer = await objects.get(object, { start: bytes - trailerBytes, end: bytes });
  const start = readU64(trailer, 0);
  const count = trailer.readUInt32BE(8);
  const isOurs =
    trailer.readUInt32BE(20) === trailerMagic &&
    trailer.readUInt32BE(16) === version &&
    start + count * indexEntryBytes + trailerBytes === bytes;
  if (!isOurs) throw damaged(object, 'its trailer is not one of a sorted log');
  const index = await objects.get(object, { start, end: bytes - trailerBytes });
  if (crc32(trailer.subarray(0, 12), crc32(index)) !== trailer.readUInt32BE(12)) {
    throw damaged(object, `the checksum of its index at ${start} does not match`);
  }
  const slices = Array.from({ length: count }, (_, i) => readEntry(index, i * indexEntryBytes));
  return { object, bytes, crc32: crc32(await objects.get(object)), slices };
}

/** The records of a slice's bytes. Throws `corruption`. */
export function* recordsOf(object: string, offset: number, bytes: Buffer): Iterable<Buffer> {
  const end = bytes.length - 4;
  if (end < sliceHeaderBytes || bytes.readUInt32BE(0) !== sliceMagic) {
    throw damaged(object, `no slice begins at ${offset}`);
  }
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32BE(end)) {
    throw damaged(object, `the checksum of the slice at ${offset} does not match`);
  }
  let at = sliceHeaderBytes;
  for (let left = bytes.readUInt32BE(4); left > 0; left--) {
    const length = at + 4 <= end ? bytes.readUInt32BE(at) : Infinity;
    if (at + 4 + length > end) throw damaged(object, `the slice at ${offset} is cut off`);
    yield bytes.subarray(at + 4, at + 4 + length);
    at += 4 + length;
  }
}

/** Reads the range, and keeps what is owned and not flushed, by region. */
async function collect(options: SortLogOptions): Promise<Map<RegionId, Part>> {
  const { logs, name, from, until, skip, isOwned, clock } = options;
  const pauses = new Slice(clock, regionLimits.sliceMs);
  const parts = new Map<RegionId, Part>();
  const range = {
    ...(from === undefined ? {} : { from }),
    ...(until === undefined ? {} : { until }),
  };
  for await (const { payload } of logs.read(name, range)) {
    const { tableId, regionId, sequence } = readLogRecordHeader(payload);
    if (sequence <= (skip.get(regionId) ?? -1) || !isOwned(tableId, regionId)) continue;
    let part = parts.get(regionId);
    if (part === undefined) {
      part = { tableId, records: [] };
      parts.set(regionId, part);
    }
    part.records.push({ sequence, payload });
    const pause = pauses.pause();
    if (pause !== undefined) await pause;
  }
  for (const { records } of parts.values()) records.sort((a, b) => a.sequence - b.sequence);
  return parts;
}

async function writeParts(
  writer: ObjectWriter,
  object: string,
  parts: ReadonlyMap<RegionId, Part>,
): Promise<SortedLog> {
  const slices: SortedSlice[] = [];
  let offset = 0;
  let crc = 0;
  const write = (piece: Buffer): Promise<void> => {
    crc = crc32(piece, crc);
    return writer.write(piece);
  };
  for (const [regionId, part] of [...parts].sort(([a], [b]) => a - b)) {
    const bytes = await writeSlice(write, part);
    const { records, tableId } = part;
    const [first, last] = [records[0], records.at(-1)];
    assert(first !== undefined && last !== undefined, 'a part has records');
    const sequences = { sequenceMin: first.sequence, sequenceMax: last.sequence };
    slices.push({ regionId, tableId, offset, bytes, entries: records.length, ...sequences });
    offset += bytes;
  }
  const index = encodeIndex(slices, offset);
  await write(index);
  await writer.finish();
  return { object, bytes: offset + index.length, crc32: crc, slices };
}

/** Writes one slice in pieces; returns its bytes. */
async function writeSlice(
  write: (piece: Buffer) => Promise<void>,
  { records }: Part,
): Promise<number> {
  const bytesLeft = records.reduce((sum, { payload }) => sum + 4 + payload.length, 0);
  let piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, sliceHeaderBytes + bytesLeft));
  let at = piece.writeUInt32BE(records.length, piece.writeUInt32BE(sliceMagic, 0));
  let crc = 0;
  let total = 0;
  const end = async (): Promise<void> => {
    const bytes = piece.subarray(0, at);
    crc = crc32(bytes, crc);
    total += at;
    await write(bytes);
  };
  for (const { payload } of records) {
    const needed = 4 + payload.length;
    if (at + needed > piece.length) {
      await end();
      // The writer may still hold the last one.
      piece = Buffer.allocUnsafeSlow(Math.max(pieceBytes, needed));
      at = 0;
    }
    at = piece.writeUInt32BE(payload.length, at);
    at += payload.copy(piece, at);
  }
  await end();
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc, 0);
  await write(sum);
  return total + sum.length;
}

function encodeIndex(slices: readonly SortedSlice[], offset: number): Buffer {
  const entriesBytes = slices.length * indexEntryBytes;
  const bytes = Buffer.alloc(entriesBytes + trailerBytes);
  let at = 0;
  for (const slice of slices) {
    at = writeU64(bytes, slice.regionId, at);
    at = writeU64(bytes, slice.tableId, at);
    at = writeU64(bytes, slice.offset, at);
    at = writeU64(bytes, slice.bytes, at);
    at = bytes.writeUInt32BE(slice.entries, at);
    at = writeU64(bytes, slice.sequenceMin, at);
    at = writeU64(bytes, slice.sequenceMax, at);
  }
  at = writeU64(bytes, offset, at);
  at = bytes.writeUInt32BE(slices.length, at);
  at = bytes.writeUInt32BE(crc32(bytes.subarray(0, at)), at);
  at = bytes.writeUInt32BE(version, at);
  bytes.writeUInt32BE(trailerMagic, at);
  return bytes;
}

function readEntry(index: Buffer, at: number): SortedSlice {
  return {
    regionId: readU64(index, at) as RegionId,
    tableId: readU64(index, at + 8) as TableId,
    offset: readU64(index, at + 16),
    bytes: readU64(index, at + 24),
    entries: index.readUInt32BE(at + 32),
    sequenceMin: readU64(index, at + 36) as Sequence,
    sequenceMax: readU64(index, at + 44) as Sequence,
  };
}

function damaged(object: string, how: string): CadastreError {
  return new CadastreError('corruption', `the sorted log ${object} is damaged: ${how}`);
}

function writeU64(target: Buffer, value: number, at: number): number {
  target.writeUInt32BE(Math.floor(value / two32), at);
  return target.writeUInt32BE(value % two32, at + 4);
}

function readU64(buffer: Buffer, at: number): number {
  return buffer.readUInt32BE(at) * two32 + buffer.readUInt32BE(at + 4);
}
