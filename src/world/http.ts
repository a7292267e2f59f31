// HTTP as the world gives it (L8): one request in, one answer out. For operators, not for data: bodies
// are held in memory, so they are bounded.

import type { Address } from './network.js';

export interface HttpRequest {
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Undefined if it was longer than the server takes. */
  readonly body: Buffer | undefined;
  /** Aborts when the client has gone, or the server is closed. */
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Never rejects: what went wrong is an answer, too. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;

export interface HttpListener {
  readonly address: Address;
  /** Takes no new requests, ends those under way and their connections. */
  close(): Promise<void>;
}

/** Port 0: a free one. Fails with `port-taken` or `bad-request`. */
export type ServeHttp = (
  address: Address,
  handler: HttpHandler,
  options: { readonly bodyBytesMax: number },
) => Promise<HttpListener>;
