// What a route of the operator API is: one verb, its request and answer as schemas, and what it does.

import { z } from 'zod';
import { CadastreError } from '../base/errors.js';
import type { ProcedureId } from '../base/ids.js';
import type { Master } from '../master/master.js';
import type { Clock } from '../world/clock.js';
import type { EndWaits } from './end-waits.js';
import { pageMax } from './limits.js';

/** What routes work on. */
export interface AdminContext {
  /** Throws `please-hold` while it is starting, as its parts do. */
  readonly master: () => Master;
  readonly clock: Clock;
  readonly waits: EndWaits;
  readonly softwareVersion: string;
}

export interface RouteInput<Query, Body> {
  /** 0 if the path has none. */
  readonly id: ProcedureId;
  readonly query: Query;
  readonly body: Body;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** `{id}` stands for the number of a procedure. */
  readonly path: string;
  readonly summary: string;
  readonly query: z.ZodObject;
  readonly body: z.ZodObject;
  readonly answer: z.ZodType;
  /** Parses query and body, and runs. Throws `bad-request` naming what does not fit. */
  run(context: AdminContext, input: RouteInput<unknown, unknown>): Promise<unknown>;
}

interface RouteSpec<Query extends z.ZodObject, Body extends z.ZodObject, Answer extends z.ZodType> {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly summary: string;
  readonly query?: Query;
  readonly body?: Body;
  readonly answer: Answer;
  handle(
    context: AdminContext,
    input: RouteInput<z.output<Query>, z.output<Body>>,
  ): z.input<Answer> | Promise<z.input<Answer>>;
}

const nothing = z.strictObject({});

/** Declares a route. Queries and bodies are strict: an unknown name is refused. */
export function route<
  Answer extends z.ZodType,
  Query extends z.ZodObject = typeof nothing,
  Body extends z.ZodObject = typeof nothing,
>(spec: RouteSpec<Query, Body, Answer>): Route {
  const { method, path, summary, answer } = spec;
  const query: z.ZodObject = spec.query ?? nothing;
  const body: z.ZodObject = spec.body ?? nothing;
  return {
    method,
    path,
    summary,
    query,
    body,
    answer,
    run: async (context, input) =>
      spec.handle(context, {
        ...input,
        // Both were parsed by the very schemas that type the handler.
        query: parse(query, input.query, 'the query') as z.output<Query>,
        body: parse(body, input.body, 'the body') as z.output<Body>,
      }),
  };
}

function parse(schema: z.ZodObject, value: unknown, what: string): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? '' : ` (${issue.path.join('.')})`;
  throw new CadastreError('bad-request', `${what} does not fit${where}: ${issue?.message ?? ''}`, {
    nextStep: 'See docs/reference/openapi.json for what this call takes.',
  });
}

/** Several values: separated by commas, or the name given more than once. */
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',') : value),
    z.array(item),
  );
}

export const count = z.coerce.number().int().nonnegative();
export const pageLimit = z.coerce.number().int().min(1).max(pageMax);
