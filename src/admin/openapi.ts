// The OpenAPI description of the operator API, made from the routes themselves. The file
// docs/reference/openapi.json is this text: `npx vitest run src/admin -u` writes it anew.

import { z } from 'zod';
import { apiError, namedSchemas } from './schemas.js';
import type { Route } from './route.js';
import { routes } from './routes.js';

type Json = Readonly<Record<string, unknown>>;

const schemaPrefix = '#/components/schemas/';

export function openApiText(): string {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    Object.assign(paths[route.path] ?? {}, { [route.method.toLowerCase()]: operation(route) });
  }
  const document = {
    openapi: '3.1.0',
    info: {
      title: 'Cadastre operator API',
      version: '1',
      description:
        'Served by the master on the loopback. The token is in the file `admin-token` of the storage root.',
    },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: components(),
    },
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function operation({ path, summary, query, body, answer }: Route): Json {
  const parameters = [...pathParameters(path), ...queryParameters(query)];
  const hasBody = Object.keys(body.shape).length > 0;
  return {
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(hasBody ? { requestBody: { content: content(schemaOf(body, 'input')) } } : {}),
    responses: {
      200: { description: 'Done.', content: content(reference(answer)) },
      default: { description: 'Refused or failed.', content: content(reference(apiError)) },
    },
  };
}

function pathParameters(path: string): Json[] {
  if (!path.includes('{id}')) return [];
  const schema = { type: 'integer', minimum: 0 };
  return [{ name: 'id', in: 'path', required: true, description: "A procedure's number.", schema }];
}

function queryParameters(query: z.ZodObject): Json[] {
  const { properties = {}, required = [] } = schemaOf(query, 'output') as {
    readonly properties?: Readonly<Record<string, Json>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    // What has a default need not be given.
    required: required.includes(name) && !('default' in schema),
    ...(schema['type'] === 'array' ? { style: 'form', explode: false } : {}),
    schema,
  }));
}

function content(schema: Json): Json {
  return { 'application/json': { schema } };
}

function reference(schema: z.ZodType): Json {
  return { $ref: `${schemaPrefix}${namedSchemas.get(schema)?.id ?? ''}` };
}

function components(): Json {
  // As input, so that it is open for what a later version answers besides.
  const { schemas } = z.toJSONSchema(namedSchemas, {
    io: 'input',
    uri: (id) => `${schemaPrefix}${id}`,
    override: ({ jsonSchema }) => tidy(jsonSchema),
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, withoutAddress(schema)]),
  );
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const made = z.toJSONSchema(schema, { io, override: ({ jsonSchema }) => tidy(jsonSchema) });
  return withoutAddress(made);
}

/** What says nothing to a reader. */
function tidy(schema: Record<string, unknown>): void {
  delete schema['readOnly'];
  if (schema['maximum'] === Number.MAX_SAFE_INTEGER) delete schema['maximum'];
  if (schema['minimum'] === Number.MIN_SAFE_INTEGER) delete schema['minimum'];
}

function withoutAddress(schema: object): Json {
  const { $schema: _, $id: __, ...rest } = schema as Json;
  return rest;
}
