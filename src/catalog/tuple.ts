// Ordered tuples: keys of several parts as bytes that sort as the parts do.
//
// The bytes are kept as latin-1 strings (one byte a character), because those compare byte-wise,
// take half the memory of buffers and are several times as fast as keys of a tree.
//
//   bytes   0x01, the bytes with 0x00 written as 0x00 0xff, 0x00
//   string  0x02, the UTF-8 with 0x00 written as 0x00 0xff, 0x00
//   number  0x14 + n, n big-endian bytes; for negative ones 0x14 - n and the bytes' complement
//
// Invariants (property-tested): encoding is one-to-one; of two tuples of the same shape the smaller
// one has the smaller encoding, a leading part of a tuple coming before the tuple; no encoding of a
// part starts with 0xff, so `encoded + '\xff'` is above everything that begins with `encoded`.

import { assert } from '../base/assert.js';
import { CadastreError } from '../base/errors.js';
import type { CatalogKey, KeyPart, KeyPartType } from './api.js';

const bytesTag = 0x01;
const stringTag = 0x02;
const zeroTag = 0x14;
/** Bytes that a safe integer needs at most. */
const numberBytesMax = 7;

/** Above every key that begins with the same encoded parts. */
export const prefixEnd = '\u00ff';

/** The encoding of one part after another. */
export function encodeTuple(parts: CatalogKey): string {
  let encoded = '';
  for (const part of parts) encoded += encodePart(part);
  return encoded;
}

function encodePart(part: KeyPart): string {
  if (typeof part === 'number') return encodeNumber(part);
  if (typeof part === 'string') return `\u0002${escapeZeros(utf8AsLatin1(part))}\u0000`;
  return `\u0001${escapeZeros(part.toString('latin1'))}\u0000`;
}

function encodeNumber(value: number): string {
  assert(Number.isSafeInteger(value), `a key's number is a safe integer, not ${value}`);
  const magnitude = Math.abs(value);
  const complement = value < 0 ? 0xff : 0;
  let bytes = '';
  let length = 0;
  for (let rest = magnitude; rest > 0; rest = Math.floor(rest / 256)) {
    bytes = String.fromCharCode((rest % 256) ^ complement) + bytes;
    length++;
  }
  return String.fromCharCode(value < 0 ? zeroTag - length : zeroTag + length) + bytes;
}

function escapeZeros(text: string): string {
  return text.replaceAll('\u0000', '\u0000\u00ff');
}

/** Anything but printable ASCII, which is its own UTF-8 and the common case. */
const special = /[^ -~]/;

function utf8AsLatin1(text: string): string {
  if (!special.test(text)) return text;
  const bytes = Buffer.from(text, 'utf8');
  assert(bytes.toString('utf8') === text, 'a key has no lone surrogates');
  return bytes.toString('latin1');
}

/** The parts of an encoded tuple. Throws `corruption` if it is none. */
export function decodeTuple(encoded: string): KeyPart[] {
  const parts: KeyPart[] = [];
  let at = 0;
  while (at < encoded.length) {
    const tag = encoded.charCodeAt(at++);
    if (tag === bytesTag || tag === stringTag) {
      const end = endOfText(encoded, at);
      const raw = encoded.slice(at, end);
      const bytes = Buffer.from(
        raw.includes('\u0000') ? raw.replaceAll('\u0000\u00ff', '\u0000') : raw,
        'latin1',
      );
      parts.push(tag === bytesTag ? bytes : bytes.toString('utf8'));
      at = end + 1;
    } else {
      const length = Math.abs(tag - zeroTag);
      if (length > numberBytesMax || at + length > encoded.length) throw notATuple(encoded);
      parts.push(decodeNumber(encoded, at, length, tag < zeroTag));
      at += length;
    }
  }
  return parts;
}

/** Where the text's closing zero is: the first that no 0xff follows. */
function endOfText(encoded: string, start: number): number {
  for (
    let at = encoded.indexOf('\u0000', start);
    at !== -1;
    at = encoded.indexOf('\u0000', at + 2)
  ) {
    if (encoded.charCodeAt(at + 1) !== 0xff) return at;
  }
  throw notATuple(encoded);
}

function decodeNumber(encoded: string, start: number, length: number, negative: boolean): number {
  let value = 0;
  for (let at = start; at < start + length; at++) {
    value = value * 256 + (encoded.charCodeAt(at) ^ (negative ? 0xff : 0));
  }
  if (!Number.isSafeInteger(value)) throw notATuple(encoded);
  return negative ? -value : value;
}

/** Throws `corruption` unless the parts have these types. */
export function checkShape(parts: CatalogKey, shape: readonly KeyPartType[], kind: string): void {
  const matches =
    parts.length === shape.length && parts.every((part, i) => typeOfPart(part) === shape[i]);
  if (!matches) {
    throw new CadastreError(
      'corruption',
      `a ${kind} key has the parts (${parts.map(typeOfPart).join(', ')}), not (${shape.join(', ')})`,
    );
  }
}

function typeOfPart(part: KeyPart): KeyPartType {
  if (typeof part === 'string') return 'string';
  return typeof part === 'number' ? 'number' : 'bytes';
}

/** A key for people: `region/12/"abc"/7`; bytes that are not plain text are escaped. */
export function formatKey(encoded: string): string {
  try {
    return decodeTuple(encoded)
      .map((part) => (Buffer.isBuffer(part) ? printableBytes(part) : String(part)))
      .join('/');
  } catch {
    // Unreadable keys are shown too: what cannot be decoded must not vanish (L10).
    return printableBytes(Buffer.from(encoded, 'latin1'));
  }
}

function printableBytes(bytes: Buffer): string {
  let text = '';
  for (const byte of bytes) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    text += plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return `"${text}"`;
}

function notATuple(encoded: string): CadastreError {
  const hex = Buffer.from(encoded.slice(0, 64), 'latin1').toString('hex');
  return new CadastreError('corruption', `${encoded.length} bytes beginning ${hex} are not a key`);
}
