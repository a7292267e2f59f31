// `lock list` and `lock graph`.

import { lockGraph, lockPage } from '../../admin/schemas.js';
import { printJson, printLine, printTable } from '../output.js';
import { AdminClient } from './admin-client.js';
import type { AdminOptions } from './admin-client.js';

/** Ids shown in a cell; the rest is counted. */
const shownMax = 3;

export interface PageOptions extends AdminOptions {
  readonly after?: string;
  readonly limit?: string;
}

export async function list(
  options: PageOptions & { readonly kind?: string; readonly contended?: boolean },
): Promise<void> {
  const { after, contended: contendedOnly, kind, limit } = options;
  const client = await AdminClient.open(options);
  const page = await client.get('/api/locks', lockPage, { kind, contendedOnly, after, limit });
  if (options.json === true) return printJson(page);
  await printTable([
    ['kind', 'name', 'mode', 'held by', 'waiting'],
    ...page.locks.map(({ kind: of, name, mode, ...lock }) => [
      of,
      name,
      mode,
      idsText(lock.holders, lock.holderCount),
      idsText(
        lock.waiters.map(({ id }) => id),
        lock.waiterCount,
      ),
    ]),
  ]);
  await printNext(page.next);
}

function idsText(ids: readonly number[], count: number): string {
  if (count === 0) return '-';
  const shown = ids.slice(0, shownMax);
  const more = count > shown.length ? `, … (${count})` : '';
  return `${shown.map((id) => `pid=${id}`).join(', ')}${more}`;
}

export async function graph(options: PageOptions): Promise<void> {
  const { after, limit } = options;
  const client = await AdminClient.open(options);
  const found = await client.get('/api/locks/graph', lockGraph, { after, limit });
  if (options.json === true) return printJson(found);
  if (found.edges.length === 0) await printLine('nobody waits for a lock');
  const titles = new Map(
    found.procedures.map(({ id, type, about }) => [
      id,
      `${type}${about === '' ? '' : ` ${about}`}`,
    ]),
  );
  const title = (id: number): string => `${titles.get(id) ?? 'procedure'} (pid=${id})`;
  for (const { waiter, waitsFor, kind, name, mode, isHolder } of found.edges) {
    const how = isHolder ? 'which holds it' : 'which stands in front';
    await printLine(
      `${title(waiter)} wants ${kind} ${name} ${mode}, behind ${title(waitsFor)}, ${how}`,
    );
  }
  await printNext(found.next);
}

export async function printNext(next: string | undefined): Promise<void> {
  if (next !== undefined) await printLine(`there are more: --after '${next}'`);
}
