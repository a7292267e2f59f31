// The syntax of object keys, as object-store.ts gives it, checked where keys enter a store.

import { CadastreError } from '../../base/errors.js';

const keySyntax = /^(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)*$/;
const prefixSyntax = /^(?:[A-Za-z0-9._-]+\/)*[A-Za-z0-9._-]*$/;
/** File systems allow 255 bytes in a part; S3 servers that keep objects as files allow less. */
const partBytesMax = 200;
/** S3 allows 1,024 bytes in a key, of which a root's prefix takes some. */
const keyBytesMax = 900;

/** Throws `bad-request` unless `key` is one. `.` and `..` are no parts. */
export function checkKey(key: string): void {
  const isShort =
    key.length <= keyBytesMax && key.split('/').every((part) => part.length <= partBytesMax);
  if (isShort && keySyntax.test(key)) return;
  throw new CadastreError('bad-request', `${JSON.stringify(key)} cannot be an object's key`, {
    nextStep:
      `Use parts of A-Z, a-z, 0-9, ".", "_" and "-" (at most ${partBytesMax} bytes each, ` +
      `${keyBytesMax} in all), separated by "/".`,
  });
}

/** Throws `bad-request` unless keys can start with `prefix`. */
export function checkPrefix(prefix: string): void {
  if (prefixSyntax.test(prefix) && !/(?:^|\/)\.{1,2}\//.test(prefix)) return;
  throw new CadastreError('bad-request', `no key can start with ${JSON.stringify(prefix)}`);
}

/** Why `key` cannot be made: it is a path prefix of a key that is there, or the reverse. */
export function nestedKey(key: string, other: string): CadastreError {
  return new CadastreError('bad-request', `object ${key} cannot be made: ${other} is there`, {
    nextStep: 'Choose a key that is not the beginning of another key up to a "/".',
  });
}
