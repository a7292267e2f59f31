// The routes about locks: who holds them, who waits for them, and the graph of who waits for whom.

import { z } from 'zod';
import { asCadastreError, CadastreError } from '../base/errors.js';
import type { ProcedureId } from '../base/ids.js';
import type { LockFilter, LockPage, LockView, ProcedureView } from '../procedure/views.js';
import { pageMax } from './limits.js';
import { listOf, pageLimit, route } from './route.js';
import type { AdminContext, Route } from './route.js';
import { lockGraph, lockKind, lockPage } from './schemas.js';
import { summary } from './views.js';

const after = z.string().optional().describe('`kind:name`, as `next` of the page before says.');
const limit = pageLimit.optional();

export const lockRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/api/locks',
    summary: 'List locks that are held or waited for, in the order of kinds and names.',
    query: z.strictObject({
      kind: listOf(lockKind).optional(),
      contendedOnly: z.stringbool().default(false),
      after,
      limit,
    }),
    answer: lockPage,
    handle: async ({ master }, { query }) => {
      const { kind, contendedOnly, ...position } = query;
      const filter = { ...(kind === undefined ? {} : { kinds: kind }), contendedOnly };
      const page = await master().engine.locks({ ...filter, ...positionOf(position) });
      return { locks: page.locks, next: nextOf(page) };
    },
  }),
  route({
    method: 'GET',
    path: '/api/locks/graph',
    summary: 'Who waits for whom, lock by lock.',
    query: z.strictObject({ after, limit }),
    answer: lockGraph,
    handle: async ({ master }, { query }) => {
      const { engine } = master();
      const page = await engine.locks({ contendedOnly: true, ...positionOf(query) });
      const edges = page.locks.flatMap(edgesOf);
      const ids = new Set(edges.flatMap(({ waiter, waitsFor }) => [waiter, waitsFor]));
      const procedures = [...ids].slice(0, pageMax).flatMap((id) => shown(engine, id));
      return { edges, procedures: procedures.map(summary), next: nextOf(page) };
    },
  }),
];

function positionOf(query: {
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}): LockFilter {
  return {
    ...(query.limit === undefined ? {} : { limit: query.limit }),
    ...(query.after === undefined ? {} : { after: parsePosition(query.after) }),
  };
}

function parsePosition(text: string): NonNullable<LockFilter['after']> {
  // Names of tables have colons of their own; kinds have none.
  const colon = text.indexOf(':');
  const kind = lockKind.safeParse(text.slice(0, Math.max(0, colon)));
  if (kind.success) return { kind: kind.data, name: text.slice(colon + 1) };
  throw new CadastreError('bad-request', `after=${text} is not kind:name of a lock`, {
    nextStep: 'Give `next` of the page before.',
  });
}

function nextOf({ next }: LockPage): string | undefined {
  return next && `${next.kind}:${next.name}`;
}

/**
 * The queue is fair: its first waits for the holders, everyone else for whoever stands in front. So
 * the edges are as many as those that hold and wait, not their product.
 */
function edgesOf({ kind, name, holders, waiters }: LockView) {
  return waiters.flatMap(({ id: waiter, mode }, index) => {
    const before = waiters[index - 1];
    const waitsFor = before === undefined ? holders : [before.id];
    const isHolder = before === undefined;
    return waitsFor.map((other) => ({ waiter, waitsFor: other, kind, name, mode, isHolder }));
  });
}

function shown(
  engine: ReturnType<AdminContext['master']>['engine'],
  id: ProcedureId,
): ProcedureView[] {
  try {
    return [engine.show(id)];
  } catch (error) {
    // It has ended since the locks were looked at.
    if (asCadastreError(error).code === 'procedure-not-found') return [];
    throw error;
  }
}
