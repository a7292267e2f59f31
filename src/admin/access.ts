// Who may ask: whoever can read the token file of the root, over a loopback name.
//
// Invariant: no answer but a refusal leaves before both were checked. The Host header first: a page in
// a browser can make another name point here (DNS rebinding), and what it sends must learn nothing.

import { CadastreError } from '../base/errors.js';
import { sha256Hex } from '../base/hash.js';
import type { HttpRequest } from '../world/http.js';

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/** Throws `access-denied` unless the Host header names the loopback. */
export function checkHost({ headers }: Pick<HttpRequest, 'headers'>): void {
  const { host } = headers;
  if (host !== undefined && loopback.test(host)) return;
  throw new CadastreError('access-denied', `the host "${host ?? ''}" is not a loopback name`, {
    nextStep: 'Ask at localhost or 127.0.0.1, from another machine through a tunnel.',
  });
}

/** Throws `access-denied` unless the request carries the token. */
export function checkToken({ headers }: Pick<HttpRequest, 'headers'>, token: string): void {
  const given = /^Bearer\s+(\S+)\s*$/i.exec(headers['authorization'] ?? '')?.[1];
  // Hashes are compared: how long that takes tells nothing of the token.
  if (given !== undefined && sha256Hex(given) === sha256Hex(token)) return;
  throw new CadastreError(
    'access-denied',
    given === undefined ? 'the request carries no token' : 'the token is not that of this root',
    { nextStep: 'Send "Authorization: Bearer …" with what the file admin-token of the root says.' },
  );
}
