// `rit`: the regions in transition.

import { transitPage } from '../../admin/schemas.js';
import { printJson, printLine, printTable } from '../output.js';
import { AdminClient } from './admin-client.js';
import { printNext } from './locks.js';
import type { PageOptions } from './locks.js';
import { duration } from './show-procedure.js';

export async function list(options: PageOptions): Promise<void> {
  const { after, limit } = options;
  const client = await AdminClient.open(options);
  const page = await client.get('/api/rit', transitPage, { after, limit });
  if (options.json === true) return printJson(page);
  if (page.total === 0) return printLine('no region is in transition');
  await printTable([
    ['table', 'region', 'state', 'for', 'server', 'owner', 'reason'],
    ...page.regions.map(({ table, name, state, ageMs, server, owner, reason }) => [
      table,
      name,
      state,
      duration(ageMs),
      server ?? '-',
      owner === undefined ? '-' : `pid=${owner}`,
      reason,
    ]),
  ]);
  await printLine(`${page.total} in transition`);
  await printNext(page.next);
}
