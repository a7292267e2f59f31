// Moves a random region of a table to a server of the master's choice.

import { CadastreError } from '../../src/base/errors.js';
import type { Client } from '../../src/client/client.js';
import { MasterService } from '../../src/wire/generated/hbase/master_pb.js';
import { RegionSpecifier_RegionSpecifierType as SpecifierType } from '../../src/wire/generated/hbase/hbase_pb.js';
import { callProto } from '../../src/wire/proto-service.js';
import { RpcClient } from '../../src/wire/rpc-client.js';
import type { World } from '../../src/world/world.js';
import { masterAddress } from '../cluster.js';

const timeoutMs = 20_000;

/** Fails as the master does, or with `connection-lost`. */
export async function moveSomeRegion(client: Client, world: World, table: string): Promise<void> {
  const regions = await client.admin.regions(table);
  const region = regions[world.random.below(regions.length)];
  if (region === undefined) throw new CadastreError('table-not-found', table);
  const rpc = new RpcClient({ ...world, user: 'simulated', softwareVersion: 'simulated' });
  const value = Buffer.from(region.name, 'latin1');
  const request = { region: { type: SpecifierType.REGION_NAME, value } };
  try {
    await callProto(rpc, masterAddress, MasterService.method.moveRegion, request, { timeoutMs });
  } finally {
    rpc.close();
  }
}
