// What one record of the write-ahead log says: the edit of one region under one sequence number.
// Edits of several regions never share a record.
//
//   u8 version = 1 | u8 nonces | u64 table | u64 region | u64 generation | u64 sequence
//   | u64 wall-clock ms | u32 cells | nonces × (u8 length, group, u8 length, nonce)
//   | cells × (u32 length, cell in KeyValue layout)
//
// All numbers big-endian. Nonces are decimal text in ASCII. Timestamps are final: "latest" has been
// replaced. Golden bytes of every version are in testdata/.

import { assert } from '../base/assert.js';
import { readCell, type Cell } from '../base/cell.js';
import { CadastreError } from '../base/errors.js';
import type { Generation, RegionId, Sequence, TableId } from '../base/ids.js';
import type { Nonce } from '../base/operations.js';

const version = 1;
const headerBytes = 46;
const tableAt = 2;
const regionAt = 10;
const generationAt = 18;
const sequenceAt = 26;
const writtenAt = 34;
const two32 = 2 ** 32;
/** A builder that grew beyond this gives its memory back. */
const keptBytesMax = 1024 * 1024;
const noncesMax = 255;

/** Whose edit a record is. */
export interface LogRecordHeader {
  readonly tableId: TableId;
  readonly regionId: RegionId;
  readonly generation: Generation;
  readonly sequence: Sequence;
  readonly writtenAtMs: number;
}

export interface DecodedLogRecord extends LogRecordHeader {
  readonly nonces: readonly Nonce[];
  /** Windows on the payload; their sequence is the record's. */
  readonly cells: readonly Cell[];
}

/** Builds one record at a time in memory it keeps. */
export class LogRecordBuilder {
  #buffer = Buffer.allocUnsafeSlow(4096);
  #length = 0;
  #cells = 0;
  #nonces = 0;
  /** Where each cell of the record starts. */
  readonly offsets: number[] = [];

  get buffer(): Buffer {
    return this.#buffer;
  }
  get cells(): number {
    return this.#cells;
  }
  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  /** Starts a record. Nonces are added before cells. */
  begin(header: LogRecordHeader): void {
    if (this.#buffer.length > keptBytesMax) this.#buffer = Buffer.allocUnsafeSlow(4096);
    const { tableId, regionId, generation, sequence, writtenAtMs } = header;
    const target = this.#buffer;
    this.#cells = 0;
    this.#nonces = 0;
    this.offsets.length = 0;
    target[0] = version;
    target[1] = 0;
    writeU64(target, tableId, tableAt);
    writeU64(target, regionId, regionAt);
    writeU64(target, generation, generationAt);
    writeU64(target, sequence, sequenceAt);
    writeU64(target, writtenAtMs, writtenAt);
    this.#length = headerBytes;
  }

  addNonce(nonce: Nonce): void {
    assert(this.#cells === 0, 'nonces stand before cells');
    assert(this.#nonces < noncesMax, 'L9: a record has at most 255 nonces');
    this.#nonces++;
    for (const text of [nonce.group, nonce.nonce]) {
      this.#reserve(1 + text.length);
      this.#buffer[this.#length] = text.length;
      this.#buffer.write(text, this.#length + 1, 'latin1');
      this.#length += 1 + text.length;
    }
  }

  /** Adds a cell; `stampMs` replaces a timestamp of "latest". */
  addCell(cell: Cell, stampMs: number): void {
    const length = cell.length;
    this.#reserve(4 + length);
    const target = this.#buffer;
    const at = target.writeUInt32BE(length, this.#length);
    cell.buffer.copy(target, at, cell.offset, cell.offset + length);
    if (cell.isLatestTimestamp) writeU64(target, stampMs, at + 8 + cell.keyLength - 9);
    this.offsets.push(at);
    this.#length = at + length;
    this.#cells++;
  }

  /** The record; valid until the next `begin`. */
  finish(): Buffer {
    this.#buffer[1] = this.#nonces;
    this.#buffer.writeUInt32BE(this.#cells, headerBytes - 4);
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** The header alone: what sorting needs. Throws `corruption`. */
export function readLogRecordHeader(payload: Buffer): LogRecordHeader {
  if (payload.length < headerBytes) throw damaged(`it has ${payload.length} bytes`);
  if (payload[0] !== version) {
    throw new CadastreError('corruption', `a log record has the unknown version ${payload[0]}`, {
      nextStep: 'Use the version of Cadastre that wrote it, or a newer one.',
    });
  }
  return {
    tableId: readU64(payload, tableAt) as TableId,
    regionId: readU64(payload, regionAt) as RegionId,
    generation: readU64(payload, generationAt) as Generation,
    sequence: readU64(payload, sequenceAt) as Sequence,
    writtenAtMs: readU64(payload, writtenAt),
  };
}

/** Decodes and checks a whole record. Throws `corruption`. */
export function decodeLogRecord(payload: Buffer): DecodedLogRecord {
  const header = readLogRecordHeader(payload);
  const nonces: Nonce[] = [];
  let at = headerBytes;
  const text = (): string => {
    const length = payload[at];
    const end = at + 1 + (length ?? 0);
    if (length === undefined || end > payload.length) throw damaged('a nonce reaches past its end');
    const read = payload.toString('latin1', at + 1, end);
    at = end;
    return read;
  };
  for (let i = payload[1] as number; i > 0; i--) nonces.push({ group: text(), nonce: text() });
  const count = payload.readUInt32BE(headerBytes - 4);
  const cells: Cell[] = [];
  for (let i = 0; i < count; i++) {
    if (at + 4 > payload.length) throw damaged(`${count} cells do not fit it`);
    const length = payload.readUInt32BE(at);
    cells.push(readCell(payload, at + 4, length, header.sequence));
    at += 4 + length;
  }
  if (at !== payload.length) throw damaged(`${payload.length - at} bytes follow its last cell`);
  return { ...header, nonces, cells };
}

function damaged(how: string): CadastreError {
  return new CadastreError('corruption', `a log record is damaged: ${how}`);
}

function writeU64(target: Buffer, value: number, at: number): number {
  target.writeUInt32BE(Math.floor(value / two32), at);
  return target.writeUInt32BE(value % two32, at + 4);
}

function readU64(payload: Buffer, at: number): number {
  const value = payload.readUInt32BE(at) * two32 + payload.readUInt32BE(at + 4);
  if (!Number.isSafeInteger(value)) throw damaged(`the number at ${at} is not a safe integer`);
  return value;
}
