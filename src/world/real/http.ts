// HTTP through node:http, as `ServeHttp`.

import http from 'node:http';
import { CadastreError } from '../../base/errors.js';
import type { HttpHandler, HttpListener, HttpRequest, ServeHttp } from '../http.js';
import { listenError } from './network-errors.js';

export const serveHttp: ServeHttp = (address, handler, { bodyBytesMax }) =>
  new Promise((resolve, reject) => {
    const server = http.createServer((request, response) => {
      void answer(request, response, { handler, bodyBytesMax });
    });
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(address, error)));
    server.listen(address.port, address.host, () => {
      server.removeAllListeners('error');
      // Later errors are failed accepts: the client tries again.
      server.on('error', () => undefined);
      resolve(listenerOf(server, address.host));
    });
  });

function listenerOf(server: http.Server, host: string): HttpListener {
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return {
    address: { host, port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Never rejects. */
async function answer(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  { handler, bodyBytesMax }: { readonly handler: HttpHandler; readonly bodyBytesMax: number },
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => {
    gone.abort(new CadastreError('connection-lost', 'the client has gone'));
  });
  try {
    const body = await readBody(request, bodyBytesMax);
    const { status, headers, body: text } = await handler(requestOf(request, body, gone.signal));
    response.writeHead(status, headers);
    response.end(text);
  } catch {
    // The request broke off: there is nobody to answer.
    response.destroy();
  }
}

function requestOf(
  request: http.IncomingMessage,
  body: Buffer | undefined,
  signal: AbortSignal,
): HttpRequest {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return { method: request.method ?? '', target: request.url ?? '', headers, body, signal };
}

/** Reads to the end in any case, so that the client hears the answer; keeps no more than it may. */
function readBody(request: http.IncomingMessage, bytesMax: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    let parts: Buffer[] = [];
    let bytes = 0;
    request.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes <= bytesMax) parts.push(part);
      else parts = [];
    });
    request.once('end', () => resolve(bytes <= bytesMax ? Buffer.concat(parts) : undefined));
    request.once('error', reject);
    // After the end it settles nothing any more.
    request.once('close', () => reject(new CadastreError('connection-lost', 'the request broke')));
  });
}
