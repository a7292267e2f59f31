import { describe, expect, it } from 'vitest';
import { openApiText } from './openapi.js';
import { routes } from './routes.js';
import { namedSchemas } from './schemas.js';

describe('the OpenAPI file', () => {
  it('is what the routes are', async () => {
    await expect(openApiText()).toMatchFileSnapshot('../../docs/reference/openapi.json');
  });

  it('names the answer of every route', () => {
    for (const { answer, path } of routes)
      expect([path, namedSchemas.has(answer)]).toEqual([path, true]);
  });

  it('describes each route once', () => {
    const names = routes.map(({ method, path }) => `${method} ${path}`);
    expect(new Set(names).size).toBe(names.length);
  });
});
