import { describe, expect, it } from 'vitest';
import type { HttpHandler, HttpListener, HttpRequest } from '../http.js';
import { serveHttp } from './http.js';

const loopback = { host: '127.0.0.1', port: 0 };

async function serving(
  handler: HttpHandler,
  work: (url: string, listener: HttpListener) => Promise<void>,
): Promise<void> {
  const listener = await serveHttp(loopback, handler, { bodyBytesMax: 100 });
  try {
    await work(`http://127.0.0.1:${listener.address.port}`, listener);
  } finally {
    await listener.close();
  }
}

describe('serveHttp', () => {
  it('hands over method, target, headers and body, and sends the answer', async () => {
    const seen: HttpRequest[] = [];
    const handler: HttpHandler = (request) => {
      seen.push(request);
      return Promise.resolve({ status: 201, headers: { 'x-answer': '1' }, body: 'made' });
    };
    await serving(handler, async (url) => {
      const response = await fetch(`${url}/a/b?c=d`, {
        method: 'POST',
        headers: { 'X-Question': 'q' },
        body: 'some text',
      });
      expect(response.status).toBe(201);
      expect(response.headers.get('x-answer')).toBe('1');
      expect(await response.text()).toBe('made');
      expect(seen[0]).toMatchObject({ method: 'POST', target: '/a/b?c=d' });
      expect(seen[0]?.headers['x-question']).toBe('q');
      expect(seen[0]?.body?.toString()).toBe('some text');
    });
  });

  it('keeps no body that is longer than the limit, and answers all the same', async () => {
    const handler: HttpHandler = ({ body }) =>
      Promise.resolve({ status: body === undefined ? 413 : 200, headers: {}, body: '' });
    await serving(handler, async (url) => {
      const long = await fetch(url, { method: 'POST', body: 'x'.repeat(1_000_000) });
      expect(long.status).toBe(413);
      const fitting = await fetch(url, { method: 'POST', body: 'x'.repeat(100) });
      expect(fitting.status).toBe(200);
    });
  });

  it('tells a handler that its client has gone, and ends requests when it is closed', async () => {
    let gone = 0;
    const arrivals: (() => void)[] = [];
    const handler: HttpHandler = ({ signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          gone++;
          resolve({ status: 200, headers: {}, body: '' });
        });
        arrivals.shift()?.();
      });
    const arrived = (): Promise<void> => new Promise((resolve) => arrivals.push(resolve));
    await serving(handler, async (url, listener) => {
      const client = new AbortController();
      const first = arrived();
      const left = fetch(url, { signal: client.signal }).catch(() => 'left');
      await first;
      client.abort();
      expect(await left).toBe('left');
      const second = arrived();
      const ended = fetch(url).catch(() => 'ended');
      await second;
      await listener.close();
      expect(await ended).toBe('ended');
      expect(gone).toBe(2);
    });
  });

  it('says which port is taken', async () => {
    await serving(
      () => Promise.resolve({ status: 200, headers: {}, body: '' }),
      async (_url, { address }) => {
        const second = serveHttp(address, () => Promise.reject(new Error('not asked')), {
          bodyBytesMax: 1,
        });
        await expect(second).rejects.toMatchObject({ code: 'port-taken' });
      },
    );
  });
});
