// The integer encodings of store files: Hadoop's variable-length integers (sequences, key lengths in
// indexes), protobuf varints (trailer, file information, encoded blocks), 64-bit big-endian.
// Numbers are JavaScript doubles; what does not fit 2^53 exactly is rounded, and only sequences and
// offsets, which never get there, are read this way.
// Source of the encoding: Hadoop's WritableUtils.writeVLong.

import { CadastreError } from '../../base/errors.js';

const two32 = 2 ** 32;

/** Bytes of `value` (not negative) as a Hadoop variable-length integer. */
export function vlongBytes(value: number): number {
  if (value <= 127) return 1;
  let bytes = 1;
  for (let rest = value; rest >= 1; rest /= 256) bytes++;
  return bytes;
}

/** Writes `value` (not negative) at `at` and returns the position after it. */
export function writeVlong(target: Buffer, value: number, at: number): number {
  if (value <= 127) {
    target[at] = value;
    return at + 1;
  }
  const bytes = vlongBytes(value);
  // The first byte is -112 minus the number of bytes that follow.
  target[at] = 256 - 112 - (bytes - 1);
  let rest = value;
  for (let i = at + bytes - 1; i > at; i--) {
    target[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return at + bytes;
}

/** Bytes of the Hadoop variable-length integer that opens with `first`. */
export function vlongBytesFrom(first: number): number {
  // As a signed byte: [-112, 127] stands for itself, [-120, -113] opens a positive, below a negative.
  if (first < 128 || first >= 144) return 1;
  return first >= 136 ? 145 - first : 137 - first;
}

/** The Hadoop variable-length integer at `at`, whose {@link vlongBytesFrom} bytes are there. */
export function readVlong(buffer: Buffer, at: number): number {
  const first = buffer[at] as number;
  if (first < 128) return first;
  if (first >= 144) return first - 256;
  const bytes = vlongBytesFrom(first);
  let value = 0;
  for (let i = 1; i < bytes; i++) value = value * 256 + (buffer[at + i] as number);
  return first >= 136 ? value : -value - 1;
}

/** 64-bit big-endian, as a double. Reads past the end throw a RangeError. */
export function readU64(buffer: Buffer, at: number): number {
  return buffer.readUInt32BE(at) * two32 + buffer.readUInt32BE(at + 4);
}

/** 64-bit big-endian; negative ones in two's complement. */
export function writeI64(target: Buffer, value: number, at: number): number {
  target.writeUInt32BE(Math.floor(value / two32) >>> 0, at);
  return target.writeUInt32BE(value >>> 0, at + 4);
}

/** `value` as 8 bytes. */
export function i64(value: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(8);
  writeI64(bytes, value, 0);
  return bytes;
}

/** `value` as 4 bytes. */
export function i32(value: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(4);
  bytes.writeInt32BE(value, 0);
  return bytes;
}

/** Reads forward through a buffer; every overrun is a `corruption` error. */
export class ByteReader {
  readonly buffer: Buffer;
  at: number;
  readonly end: number;

  constructor(buffer: Buffer, at = 0, end = buffer.length) {
    this.buffer = buffer;
    this.at = at;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  /** Moves over `length` bytes and returns where they start. */
  skip(length: number): number {
    const start = this.at;
    if (length < 0 || length > this.end - start) {
      throw new CadastreError(
        'corruption',
        `${length} bytes at ${start} reach past the end ${this.end}`,
      );
    }
    this.at = start + length;
    return start;
  }
  bytes(length: number): Buffer {
    const start = this.skip(length);
    return this.buffer.subarray(start, start + length);
  }
  u8(): number {
    return this.buffer[this.skip(1)] as number;
  }
  u32(): number {
    return this.buffer.readUInt32BE(this.skip(4));
  }
  u64(): number {
    return readU64(this.buffer, this.skip(8));
  }
  vlong(): number {
    const start = this.skip(1);
    this.skip(vlongBytesFrom(this.buffer[start] as number) - 1);
    return readVlong(this.buffer, start);
  }
  /** A protobuf varint of at most 64 bits. */
  varint(): number {
    let value = 0;
    for (let scale = 1, i = 0; i < 10; i++, scale *= 128) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new CadastreError('corruption', `a varint before ${this.at} has more than 10 bytes`);
  }
}

/** Appends the protobuf varint of `value`; negative ones as 64 bits in two's complement. */
export function pushVarint(target: number[], value: number): void {
  if (value < 0) {
    // Only -1 occurs ("no data block"): ten bytes, all ones.
    for (let i = 0; i < 9; i++) target.push(255);
    target.push(1);
    return;
  }
  let rest = value;
  while (rest >= 128) {
    target.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  target.push(rest);
}
