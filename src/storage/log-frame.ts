// The frame: what a log writes at once, one group of records under one checksum.
//
//   u32 magic | u32 crc | u32 body bytes | u32 records | u32 segment | u32 offset
//   | u64 first sequence | u64 synced sequence | body | zeros up to a multiple of 8
//   body = (u32 length | payload) for each record.   All numbers big-endian.
//
// Invariants:
// 1. The CRC-32 is seeded with the log's name and covers everything after itself, the frame's own
//    place included: bytes of another log, or of another place, are never taken for a frame.
// 2. All records up to `synced` were durable before the frame was written. So an unreadable place
//    before a valid frame whose `synced` reaches it is damage, not a torn write.
// 3. A group is whole or not there: one write is acknowledged as one.

import { assert } from '../base/assert.js';
import { crc32 } from '../base/hash.js';
import { logLimits } from './limits.js';
import type { LogRecord } from './log.js';

export const frameHeaderBytes = 40;
const recordHeaderBytes = 4;
const alignment = 8;
/** No byte repeats, so that neither zeros nor a shifted copy look like it. */
const magic = 0xcada57e1;
export const frameMagic: Uint8Array = Uint8Array.of(0xca, 0xda, 0x57, 0xe1);
const bodyBytesMax = logLimits.groupBytesMax + logLimits.recordBytesMax + recordHeaderBytes;
const two32 = 2 ** 32;

/** The seed of all checksums of one log. */
export function logNameCrc(name: string): number {
  return crc32(Buffer.from(name, 'utf8'));
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** Records on their way into one frame, and who waits for them. Reused, to spare the allocator. */
export class Group {
  #buffer = Buffer.allocUnsafeSlow(logLimits.groupBufferBytes);
  #used = frameHeaderBytes;
  firstSequence = 0;
  count = 0;
  readonly waiters: (() => void)[] = [];

  get lastSequence(): number {
    return this.firstSequence + this.count - 1;
  }
  /** Bytes of the frame. */
  get bytes(): number {
    return aligned(this.#used);
  }
  get isFull(): boolean {
    return this.#used >= logLimits.groupBytesMax;
  }
  get isWorthKeeping(): boolean {
    return this.#buffer.length <= logLimits.groupBufferKeptMax;
  }

  /** Copies one record in. `bytes` is the length of all parts. */
  add(sequence: number, parts: readonly Uint8Array[], bytes: number): void {
    const end = this.#used + recordHeaderBytes + bytes;
    if (end + alignment > this.#buffer.length) this.#grow(end + alignment);
    const buffer = this.#buffer;
    let at = buffer.writeUInt32BE(bytes, this.#used);
    for (const part of parts) {
      buffer.set(part, at);
      at += part.length;
    }
    this.#used = end;
    if (this.count === 0) this.firstSequence = sequence;
    this.count += 1;
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#used);
    this.#buffer = larger;
  }

  /** Writes header and padding, and returns the frame; the group takes no further record. */
  finish(nameCrc: number, segment: number, offset: number, synced: number): Buffer {
    const buffer = this.#buffer;
    const used = this.#used;
    buffer.writeUInt32BE(magic, 0);
    buffer.writeUInt32BE(used - frameHeaderBytes, 8);
    buffer.writeUInt32BE(this.count, 12);
    buffer.writeUInt32BE(segment, 16);
    buffer.writeUInt32BE(offset, 20);
    writeSafeInteger(buffer, this.firstSequence, 24);
    writeSafeInteger(buffer, synced, 32);
    buffer.writeUInt32BE(crc32(buffer.subarray(8, used), nameCrc), 4);
    const end = aligned(used);
    buffer.fill(0, used, end);
    return buffer.subarray(0, end);
  }

  reset(): void {
    this.#used = frameHeaderBytes;
    this.count = 0;
    this.waiters.length = 0;
  }
}

function writeSafeInteger(buffer: Buffer, value: number, at: number): void {
  buffer.writeUInt32BE(Math.floor(value / two32), at);
  buffer.writeUInt32BE(value % two32, at + 4);
}

function readSafeInteger(buffer: Buffer, at: number): number {
  return buffer.readUInt32BE(at) * two32 + buffer.readUInt32BE(at + 4);
}

/** A frame that was checked. */
export interface Frame {
  readonly segment: number;
  readonly offset: number;
  /** With padding. */
  readonly bytes: number;
  readonly firstSequence: number;
  readonly count: number;
  readonly synced: number;
  /** A view on what was read. */
  readonly body: Buffer;
}

/** How many bytes must be read to check the frame whose header stands at `at`; undefined if none does. */
export function frameBytesToRead(bytes: Buffer, at: number): number | undefined {
  if (bytes.length - at < frameHeaderBytes || bytes.readUInt32BE(at) !== magic) return undefined;
  const bodyBytes = bytes.readUInt32BE(at + 8);
  return bodyBytes <= bodyBytesMax ? frameHeaderBytes + bodyBytes : undefined;
}

/** The segment that the frame whose header stands at `at` claims to be in. */
export function frameSegment(bytes: Buffer, at: number): number | undefined {
  return bytes.length - at < frameHeaderBytes ? undefined : bytes.readUInt32BE(at + 16);
}

/** The frame at `at`, which is the place (segment, offset) of the log; undefined if it is not whole. */
export function readFrame(
  bytes: Buffer,
  at: number,
  nameCrc: number,
  segment: number,
  offset: number,
): Frame | undefined {
  const length = frameBytesToRead(bytes, at);
  if (length === undefined || bytes.length - at < length) return undefined;
  if (bytes.readUInt32BE(at + 16) !== segment || bytes.readUInt32BE(at + 20) !== offset) {
    return undefined;
  }
  if (crc32(bytes.subarray(at + 8, at + length), nameCrc) !== bytes.readUInt32BE(at + 4)) {
    return undefined;
  }
  return {
    segment,
    offset,
    bytes: aligned(length),
    firstSequence: readSafeInteger(bytes, at + 24),
    count: bytes.readUInt32BE(at + 12),
    synced: readSafeInteger(bytes, at + 32),
    body: bytes.subarray(at + frameHeaderBytes, at + length),
  };
}

/** The records of a frame. Payloads are views on it. */
export function* frameRecords(frame: Frame): Generator<LogRecord> {
  const { body, segment, offset, firstSequence, count } = frame;
  let at = 0;
  for (let i = 0; i < count; i++) {
    const length = body.readUInt32BE(at);
    const start = at + recordHeaderBytes;
    at = start + length;
    assert(at <= body.length, 'a frame with a right checksum holds its records');
    const sequence = firstSequence + i;
    const nextOffset = i === count - 1 ? offset + frame.bytes : offset;
    yield {
      payload: body.subarray(start, at),
      sequence,
      next: { segment, offset: nextOffset, sequence: sequence + 1 },
    };
  }
}
