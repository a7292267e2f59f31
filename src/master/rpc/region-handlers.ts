// MasterService, the calls about single regions. As HBase does, they answer when it is done.

import { CadastreError } from '../../base/errors.js';
import type { Incarnation } from '../../base/ids.js';
import type { ServerName } from '../../wire/generated/hbase/hbase_pb.js';
import type { MasterService } from '../../wire/generated/hbase/master_pb.js';
import { safeNumberOf } from '../../wire/uint64.js';
import { AssignRegion } from '../assignment/assign.js';
import { MoveRegion } from '../assignment/move.js';
import { findRegion } from '../assignment/region-writes.js';
import { UnassignRegion } from '../assignment/unassign.js';
import { requireEnabled } from '../tables/table-changes.js';
import { tellingHolder } from './held-table.js';
import type { MasterParts, PartsHandlers } from './master-parts.js';
import { endOf } from './master-parts.js';
import type { NamedRegion } from './region-lookup.js';
import { lookUpRegion, regionText } from './region-lookup.js';

export const regionHandlers: Partial<PartsHandlers<typeof MasterService>> = {
  moveRegion: async (parts, { region, destServerName }, call) => {
    const named = lookUpRegion(parts.catalog, parts.image, region);
    const server = destServerName && liveServer(parts, destServerName);
    await run(parts, MoveRegion, named, { server, owner: call.connection.user });
    return {};
  },
  assignRegion: async (parts, { region }, call) => {
    const named = lookUpRegion(parts.catalog, parts.image, region);
    await run(parts, AssignRegion, named, {
      server: undefined,
      owner: call.connection.user,
    });
    refuseUnopened(parts, named);
    return {};
  },
  unassignRegion: async (parts, { region }, call) => {
    const named = lookUpRegion(parts.catalog, parts.image, region);
    await run(parts, UnassignRegion, named, {
      server: undefined,
      owner: call.connection.user,
    });
    return {};
  },
};

type Transit = typeof AssignRegion;

async function run(
  parts: MasterParts,
  type: Transit,
  { region, table }: NamedRegion,
  { server, owner }: { readonly server: Incarnation | undefined; readonly owner: string },
): Promise<void> {
  const { catalog, engine } = parts;
  tellingHolder(parts, table, () => requireEnabled(catalog.tail, table));
  const input = { table, region: region.regionId, isRecovery: false, server };
  const committed = engine.submit(type, input, { owner });
  await endOf(engine, committed.value);
}

/** The live server of that name; a start code is not needed to find it. */
function liveServer({ registry }: MasterParts, name: ServerName): Incarnation {
  const startCode = safeNumberOf(name.startCode, 'a start code');
  const found = registry.sessions.find(
    ({ incarnation, record }) =>
      record.host === name.hostName &&
      record.port === name.port &&
      (startCode === 0 || startCode === incarnation),
  );
  if (found !== undefined) return found.incarnation;
  throw new CadastreError(
    'bad-request',
    `there is no live server ${name.hostName},${name.port},${startCode}`,
    { nextStep: 'List the live servers with the status command.' },
  );
}

/** An assign ends well also when it gave up: whoever asked for it wants to know. */
function refuseUnopened({ catalog }: MasterParts, named: NamedRegion): void {
  const region = findRegion(catalog, catalog.durable, named.region.regionId);
  if (region?.state !== 'failed-open') return;
  throw new CadastreError(
    'procedure-failed',
    `${regionText(named)} could not be opened: ${region.failure ?? 'no reason was given'}`,
    { nextStep: 'Remove the cause, then assign it again.' },
  );
}
