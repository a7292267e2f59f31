// What callers may give for bytes, and how numbers and JSON become values.
//
// Text is UTF-8. A 64-bit number is big-endian, as HBase's Bytes.toBytes(long) and increments have it.

import { CadastreError } from '../base/errors.js';

/** Text (as UTF-8) or bytes. */
export type Bytes = string | Uint8Array;

/** A view of bytes, or the UTF-8 of text. */
export function toBuffer(bytes: Bytes): Buffer {
  if (typeof bytes === 'string') return Buffer.from(bytes, 'utf8');
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A value that increments can add to: 8 bytes. Throws `bad-request` for what is not a whole number. */
export function int64(value: number | bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  if (typeof value === 'bigint') {
    bytes.writeBigInt64BE(BigInt.asIntN(64, value));
  } else if (Number.isSafeInteger(value)) {
    bytes.writeInt32BE(Math.floor(value / 2 ** 32), 0);
    bytes.writeUInt32BE(value >>> 0, 4);
  } else {
    throw new CadastreError('bad-request', `${value} is not a whole number below 2^53`, {
      nextStep: 'Give a bigint for larger numbers.',
    });
  }
  return bytes;
}

/** The number in 8 bytes. Throws `bad-request` if there are not 8, or it is above 2^53. */
export function readInt64(bytes: Buffer): number {
  const number = Number(readBigInt64(bytes));
  if (Number.isSafeInteger(number)) return number;
  throw new CadastreError('bad-request', `the value ${number} is above 2^53`, {
    nextStep: 'Read it as a bigint.',
  });
}

/** The number in 8 bytes. Throws `bad-request` if there are not 8. */
export function readBigInt64(bytes: Buffer): bigint {
  if (bytes.length === 8) return bytes.readBigInt64BE(0);
  throw new CadastreError('bad-request', `a value of ${bytes.length} bytes is not a 64-bit number`);
}

/** The UTF-8 of a value's JSON. Throws `bad-request` for what has none, such as undefined. */
export function json(value: unknown): Buffer {
  const text: string | undefined = JSON.stringify(value);
  if (text !== undefined) return Buffer.from(text);
  throw new CadastreError('bad-request', `a value of type ${typeof value} has no JSON`);
}

/** The first row behind all that start with `prefix`; empty if none is. */
export function rowBehindPrefix(prefix: Bytes): Buffer {
  const bytes = toBuffer(prefix);
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0xff) length -= 1;
  const end = Buffer.from(bytes.subarray(0, length));
  if (length > 0) end[length - 1] = (end[length - 1] as number) + 1;
  return end;
}
