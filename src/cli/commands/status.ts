// `status`: the cluster at a glance.

import { withClient } from '../connection.js';
import type { ClusterOptions } from '../connection.js';
import type { ClusterStatus } from '../../client/public.js';
import { printJson, printLine, printTable } from '../output.js';

export async function status(options: ClusterOptions): Promise<void> {
  const state = await withClient(options, (client) => client.admin.status());
  if (options.json === true) await printJson(state);
  else await printStatus(state);
}

export async function printStatus(status: ClusterStatus): Promise<void> {
  const { clusterId, master, standbys, servers, deadServers, regionsInTransition } = status;
  await printLine(`cluster ${clusterId}, version ${status.version}`);
  await printLine(
    `master ${master ?? 'none'}${standbys.map((name) => `, stands by: ${name}`).join('')}`,
  );
  await printLine(
    `${servers.length} servers, ${deadServers.length} dead, ` +
      `${regionsInTransition} regions in transition`,
  );
  if (servers.length === 0) return;
  await printTable([
    ['server', 'regions', 'requests', 'MiB'],
    ...servers.map(({ name, regions, requests, usedMiB }) =>
      [name, regions, requests, usedMiB].map(String),
    ),
  ]);
}
