// Bytes as people write and read them on a command line, and as JSON holds them.
//
// Text is UTF-8. What is not text, and control characters, are written \xNN, as HBase's shell does; a
// backslash is \\. JSON holds text as a string, and everything else as { "base64": … }.

import { UsageError } from './errors.js';

export type JsonBytes = string | { readonly base64: string };

const plainText = /^[^\p{Cc}\\]*$/u;

/** The text of bytes, if they are UTF-8. */
function textOf(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8');
  // The replacement character stands for what is not UTF-8, or for itself.
  return text.includes('\ufffd') && !Buffer.from(text).equals(bytes) ? undefined : text;
}

export function showBytes(bytes: Buffer): string {
  const text = textOf(bytes);
  if (text !== undefined && plainText.test(text)) return text;
  if (text !== undefined) return Array.from(text, showCharacter).join('');
  return [...bytes]
    .map((byte) => (byte < 0x80 ? showCharacter(String.fromCharCode(byte)) : hex(byte)))
    .join('');
}

function showCharacter(character: string): string {
  if (character === '\\') return '\\\\';
  return plainText.test(character) ? character : [...Buffer.from(character)].map(hex).join('');
}

function hex(byte: number): string {
  return `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** The bytes of what {@link showBytes} shows. Throws `bad-request` for other backslashes. */
export function parseBytes(text: string): Buffer {
  if (!text.includes('\\')) return Buffer.from(text);
  const parts: Buffer[] = [];
  const pattern = /[^\\]+|\\x([0-9a-fA-F]{2})|\\\\|\\/gu;
  for (const [token, digits] of text.matchAll(pattern)) {
    if (digits !== undefined) parts.push(Buffer.from(digits, 'hex'));
    else if (token === '\\\\') parts.push(Buffer.from('\\'));
    else if (token === '\\') {
      throw new UsageError(
        `"${text}" has a backslash that starts nothing`,
        'Write bytes as \\xNN, and a backslash as \\\\.',
      );
    } else parts.push(Buffer.from(token));
  }
  return Buffer.concat(parts);
}

export function toJsonBytes(bytes: Buffer): JsonBytes {
  return textOf(bytes) ?? { base64: bytes.toString('base64') };
}
