// The routes about procedures: what operators see of them, and their verbs.

import { z } from 'zod';
import { unreachable } from '../base/assert.js';
import { CadastreError } from '../base/errors.js';
import type { ProcedureId } from '../base/ids.js';
import type { Committed } from '../procedure/store.js';
import type { ProcedureResult } from '../procedure/api.js';
import type { Verdict } from '../procedure/views.js';
import { exportTree } from './export.js';
import { waitMsMax } from './limits.js';
import { count, listOf, pageLimit, route } from './route.js';
import type { Route } from './route.js';
import {
  bypassPlan,
  doneAnswer,
  explanation,
  phase,
  priority,
  procedure,
  procedureExport,
  procedurePage,
  procedureTree,
  reason,
  waitAnswer,
} from './schemas.js';
import { errorJson, pruned, summary } from './views.js';

const one = '/api/procedures/{id}';

const lookRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/api/procedures',
    summary: 'List procedures, unfinished ones and those that ended lately, in order of ids.',
    query: z.strictObject({
      type: listOf(z.string()).optional(),
      phase: listOf(phase).optional(),
      reason: listOf(reason).optional(),
      parent: count.optional(),
      rootsOnly: z.stringbool().optional(),
      owner: z.string().optional(),
      stuckForMs: count.optional(),
      after: count.optional(),
      limit: pageLimit.optional(),
    }),
    answer: procedurePage,
    handle: async ({ master }, { query }) => {
      const { type: types, phase: phases, reason: reasons, parent, after, ...rest } = query;
      const filter = {
        ...rest,
        types,
        phases,
        reasons,
        parent: parent as ProcedureId | undefined,
        after: after as ProcedureId | undefined,
      };
      const page = await master().engine.find(given(filter));
      return { procedures: page.procedures.map(summary), next: page.next };
    },
  }),
  route({
    method: 'GET',
    path: one,
    summary: 'Show one procedure, with its last steps.',
    answer: procedure,
    handle: ({ master }, { id }) => master().engine.show(id),
  }),
  route({
    method: 'GET',
    path: `${one}/tree`,
    summary: 'Show the whole tree that a procedure belongs to.',
    query: z.strictObject({ limit: pageLimit.optional() }),
    answer: procedureTree,
    handle: ({ master }, { id, query }) => pruned(master().engine.tree(id, query.limit)),
  }),
  route({
    method: 'GET',
    path: `${one}/explain`,
    summary: 'Say why a procedure does not go on, and what can be done.',
    answer: explanation,
    handle: ({ master }, { id }) => master().engine.explain(id),
  }),
  route({
    method: 'GET',
    path: `${one}/wait`,
    summary: 'Wait until a procedure has ended, or for so long.',
    query: z.strictObject({ timeoutMs: count.max(waitMsMax).default(waitMsMax / 2) }),
    answer: waitAnswer,
    handle: async ({ master, waits }, { id, query, signal }) => {
      const result = await waits.wait(master().engine, id, query.timeoutMs, signal);
      return { id, ...outcomeOf(result) };
    },
  }),
  route({
    method: 'GET',
    path: `${one}/export`,
    summary: 'All that is known of one tree, for a bug report.',
    answer: procedureExport,
    handle: (context, { id }) => exportTree(context, id),
  }),
  route({
    method: 'GET',
    path: `${one}/bypass`,
    summary: 'Say what a bypass would skip.',
    answer: bypassPlan,
    handle: ({ master }, { id }) => master().engine.bypassPlan(id),
  }),
];

const verbRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: `${one}/cancel`,
    summary: 'Roll a procedure back, unless it is past its point of no return.',
    answer: doneAnswer,
    handle: ({ master }, { id }) => durably(master().engine.cancel(id)),
  }),
  route({
    method: 'POST',
    path: `${one}/retry`,
    summary: 'End the back-off or the wait of a procedure now.',
    answer: doneAnswer,
    handle: ({ master }, { id }) => done(master().engine.retryNow(id)),
  }),
  route({
    method: 'POST',
    path: `${one}/pause`,
    summary: 'Pause a procedure, also over a restart.',
    answer: doneAnswer,
    handle: ({ master }, { id }) => durably(master().engine.pause(id)),
  }),
  route({
    method: 'POST',
    path: `${one}/resume`,
    summary: 'Let a paused procedure go on.',
    answer: doneAnswer,
    handle: ({ master }, { id }) => durably(master().engine.resume(id)),
  }),
  route({
    method: 'POST',
    path: `${one}/bypass`,
    summary: 'End a procedure as if done, skipping the rest of it. Ask first what that is.',
    body: z.strictObject({
      recursive: z.boolean().default(false).describe('Its unfinished descendants, too.'),
      override: z.boolean().default(false).describe('Abandon an async part that runs.'),
    }),
    answer: doneAnswer,
    handle: ({ master }, { id, body }) => durably(master().engine.bypass(id, body)),
  }),
  route({
    method: 'POST',
    path: `${one}/priority`,
    summary: 'Give a procedure another priority.',
    body: z.strictObject({ priority }),
    answer: doneAnswer,
    handle: ({ master }, { id, body }) => durably(master().engine.setPriority(id, body.priority)),
  }),
];

const typeBody = z.strictObject({ type: z.string().min(1) });

const allRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/api/procedures/pause-all',
    summary: 'Pause every procedure, those submitted later too, until resumed or a restart.',
    answer: doneAnswer,
    handle: ({ master }) => {
      master().engine.pauseAll();
      return { text: 'every procedure is paused' };
    },
  }),
  route({
    method: 'POST',
    path: '/api/procedures/resume-all',
    summary: 'End the pause of everything.',
    answer: doneAnswer,
    handle: ({ master }) => {
      master().engine.resumeAll();
      return { text: 'procedures go on, except those that are paused by themselves' };
    },
  }),
  route({
    method: 'POST',
    path: '/api/procedures/pause-type',
    summary: 'Pause all procedures of a type, until resumed or a restart.',
    body: typeBody,
    answer: doneAnswer,
    handle: ({ master }, { body }) => {
      master().engine.pauseType(body.type);
      return { text: `procedures of type ${body.type} are paused` };
    },
  }),
  route({
    method: 'POST',
    path: '/api/procedures/resume-type',
    summary: 'End the pause of a type.',
    body: typeBody,
    answer: doneAnswer,
    handle: ({ master }, { body }) => {
      master().engine.resumeType(body.type);
      return { text: `procedures of type ${body.type} go on` };
    },
  }),
];

export const procedureRoutes: readonly Route[] = [...lookRoutes, ...verbRoutes, ...allRoutes];

type Defined<T> = { readonly [Key in keyof T]: Exclude<T[Key], undefined> };

/** Without the entries that were not given. */
function given<T extends object>(values: T): Partial<Defined<T>> {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Partial<Defined<T>>;
}

function done(verdict: Verdict): { text: string } {
  if (verdict.kind === 'done') return { text: verdict.text };
  throw new CadastreError('refused', verdict.reason);
}

async function durably(committed: Committed<Verdict>): Promise<{ text: string }> {
  await committed.durable();
  return done(committed.value);
}

function outcomeOf(result: ProcedureResult | undefined) {
  if (result === undefined) return { outcome: 'unfinished' as const };
  switch (result.kind) {
    case 'succeeded':
    case 'bypassed':
      return { outcome: result.kind };
    case 'failed':
      return { outcome: result.kind, error: errorJson(result.error) };
    default:
      return unreachable(result);
  }
}
