// Reads protobuf's wire format without copying: byte fields are views on the message.
//
// Invariants:
// 1. Nothing outside [at, end) is read; whatever is malformed throws `bad-request`.
// 2. Every call moves forward or throws, so that a decoder's loop ends.
// A field of an unexpected wire type does not match a decoder's `case` and is skipped as unknown.
// Source of the format: protobuf's encoding page.

import { CadastreError } from '../base/errors.js';

/** Protobuf's wire types. */
const WireType = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 };

export class ProtoReader {
  readonly buffer: Buffer;
  at: number;
  end: number;
  /** The halves that the last {@link varint64} read. */
  high = 0;
  low = 0;

  constructor(buffer: Buffer, start = 0, end = buffer.length) {
    this.buffer = buffer;
    this.at = start;
    this.end = end;
  }

  get isDone(): boolean {
    return this.at >= this.end;
  }

  /** The next field's tag: field number × 8 + wire type. */
  tag(): number {
    const tag = this.varint32();
    if (tag >>> 3 === 0) throw malformed('a field has number 0');
    return tag;
  }

  /** The low 32 bits, unsigned. */
  varint32(): number {
    const { buffer, end } = this;
    let at = this.at;
    let result = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= end) throw malformed('a number is cut off');
      const byte = buffer[at++] as number;
      if (shift < 32) result |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.at = at;
        return result >>> 0;
      }
    }
    throw malformed('a number has more than ten bytes');
  }

  /** Into {@link high} and {@link low}. */
  varint64(): void {
    const { buffer, end } = this;
    let at = this.at;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= end) throw malformed('a number is cut off');
      const byte = buffer[at++] as number;
      const bits = byte & 0x7f;
      if (shift < 32) low |= bits << shift;
      if (shift === 28) high |= bits >>> 4;
      else if (shift > 28) high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.at = at;
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw malformed('a number has more than ten bytes');
  }

  /** As varint32, for a field whose values are read as signed. */
  int32(): number {
    return this.varint32() | 0;
  }

  bool(): boolean {
    this.varint64();
    return this.low !== 0 || this.high !== 0;
  }

  /** A view. */
  bytes(): Buffer {
    const length = this.#length();
    const start = this.at;
    this.at = start + length;
    return this.buffer.subarray(start, this.at);
  }

  string(): string {
    const length = this.#length();
    const start = this.at;
    this.at = start + length;
    return this.buffer.toString('utf8', start, this.at);
  }

  /** Goes into a nested message: until `leave`, `end` is its end. Returns what `leave` needs. */
  enter(): number {
    const length = this.#length();
    const outerEnd = this.end;
    this.end = this.at + length;
    return outerEnd;
  }

  leave(outerEnd: number): void {
    this.at = this.end;
    this.end = outerEnd;
  }

  /** Passes over the value that follows `tag`. */
  skip(tag: number): void {
    switch (tag & 7) {
      case WireType.varint:
        this.varint32();
        return;
      case WireType.fixed64:
        this.#pass(8);
        return;
      case WireType.bytes:
        this.#pass(this.#length());
        return;
      case WireType.fixed32:
        this.#pass(4);
        return;
      default:
        // Groups: no message of HBase's has any.
        throw malformed(`field ${tag >>> 3} has wire type ${tag & 7}`);
    }
  }

  #length(): number {
    const length = this.varint32();
    if (length > this.end - this.at) throw malformed('a field is longer than its message');
    return length;
  }

  #pass(bytes: number): void {
    if (bytes > this.end - this.at) throw malformed('a field is longer than its message');
    this.at += bytes;
  }
}

/** The error of a message that breaks protobuf's format or lacks a field. */
export function malformed(why: string): CadastreError {
  return new CadastreError('bad-request', `malformed message: ${why}`, {
    nextStep: 'This is a fault of the client or of the network; the request was not executed.',
  });
}
