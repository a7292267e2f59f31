// The operator API over HTTP: access, route, answer. Every operator verb is one of its calls; CLI and
// console use nothing else.
//
// Invariant: an error is an answer of the shape {code, message, nextStep}, and tells no stack.

import { CadastreError, asCadastreError } from '../base/errors.js';
import type { ErrorCode } from '../base/errors.js';
import type { Master } from '../master/master.js';
import type { Clock } from '../world/clock.js';
import type { HttpHandler, HttpRequest, HttpResponse } from '../world/http.js';
import type { Logger } from '../world/log.js';
import { checkHost, checkToken } from './access.js';
import { EndWaits } from './end-waits.js';
import { openApiText } from './openapi.js';
import type { AdminContext } from './route.js';
import { findRoute } from './routes.js';
import { errorJson } from './views.js';

export interface AdminOptions {
  /** What the token file of the root says. */
  readonly token: string;
  /** Throws `please-hold` while there is none. */
  readonly master: () => Master;
  readonly clock: Clock;
  readonly log: Logger;
  readonly softwareVersion: string;
}

export function adminHandler(options: AdminOptions): HttpHandler {
  const { clock, log, master, softwareVersion, token } = options;
  const context: AdminContext = { clock, master, softwareVersion, waits: new EndWaits(clock) };
  return async (request) => {
    try {
      checkHost(request);
      checkToken(request, token);
      return await answer(context, request);
    } catch (thrown) {
      const error = asCadastreError(thrown);
      if (error.code === 'internal') {
        log.error('a request of the operator API failed', { target: request.target }, thrown);
      }
      return response(statusOf(error), JSON.stringify(errorJson(error)));
    }
  };
}

async function answer(context: AdminContext, request: HttpRequest): Promise<HttpResponse> {
  const { method, signal, target } = request;
  const url = targetOf(target);
  if (url.pathname === '/api/openapi.json' && method === 'GET') return response(200, openApiText());
  const { route, id } = findRoute(method, url.pathname);
  const query = queryOf(url.searchParams);
  const body = bodyOf(request);
  const value = await route.run(context, { id, query, body, signal });
  return response(200, JSON.stringify(value));
}

function targetOf(target: string): URL {
  const base = 'http://localhost';
  if (URL.canParse(target, base)) return new URL(target, base);
  throw new CadastreError('bad-request', `"${target}" is not a path`);
}

/** A name given more than once has a list of values. */
function queryOf(given: URLSearchParams): Readonly<Record<string, string | readonly string[]>> {
  const names = [...new Set(given.keys())];
  return Object.fromEntries(
    names.map((name) => {
      const [first = '', ...more] = given.getAll(name);
      return [name, more.length === 0 ? first : [first, ...more]];
    }),
  );
}

function bodyOf({ body }: HttpRequest): unknown {
  if (body === undefined) {
    throw new CadastreError('request-too-big', 'the body is longer than any call needs');
  }
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch (cause) {
    throw new CadastreError('bad-request', 'the body is not JSON', { cause });
  }
}

function response(status: number, body: string): HttpResponse {
  return {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      // A browser must not guess another type, nor show it inside another page.
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    },
    body,
  };
}

const statuses: Readonly<Partial<Record<ErrorCode, number>>> = {
  'access-denied': 403,
  'procedure-not-found': 404,
  'unknown-method': 404,
  refused: 409,
  'request-too-big': 413,
  'call-queue-too-big': 429,
};

function statusOf({ code, kind }: CadastreError): number {
  const status = statuses[code];
  if (status !== undefined) return status;
  switch (kind) {
    case 'fix-request':
      return 400;
    case 'retry':
    case 'wait':
    case 'refresh-location':
    case 'fenced':
      return 503;
    case 'give-up':
      return 500;
  }
}
