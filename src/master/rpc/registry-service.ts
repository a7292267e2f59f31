// ClientMetaService: how clients find the cluster. hbase:meta is with the master.

import { ClientMetaService } from '../../wire/generated/hbase/registry_pb.js';
import { metaTableName, regionInfoMessage } from '../../wire/meta-rows.js';
import { protoService } from '../../wire/proto-service.js';
import type { RpcService } from '../../wire/rpc-call.js';
import { limits } from '../limits.js';
import { masterName, serverName } from './cluster-status.js';
import type { MasterParts, Ready } from './master-parts.js';
import { withParts } from './master-parts.js';

export function registryService(ready: Ready): RpcService {
  return protoService(
    ClientMetaService,
    withParts<typeof ClientMetaService>(ready, {
      getClusterId: ({ catalog }) => ({ clusterId: catalog.clusterId }),
      getActiveMaster: (parts) => ({ serverName: masterName(parts) }),
      getMasters: (parts) => ({
        masterServers: [{ serverName: masterName(parts), isActive: true }],
      }),
      getMetaRegionLocations: (parts) => ({ metaLocations: [metaLocation(parts)] }),
      getBootstrapNodes: (parts) => ({ serverName: bootstrapNodes(parts) }),
    }),
  );
}

function metaLocation(parts: MasterParts) {
  const empty = Buffer.alloc(0);
  return {
    regionInfo: regionInfoMessage({
      table: metaTableName,
      regionId: 1,
      startKey: empty,
      endKey: empty,
      isOffline: false,
      isSplit: false,
    }),
    serverName: masterName(parts),
    seqNum: -1n,
  };
}

/** Region servers answer the registry too; the master does while there are none. */
function bootstrapNodes(parts: MasterParts) {
  const servers = parts.registry.sessions
    .filter(({ isHeard }) => isHeard)
    .slice(0, limits.bootstrapNodes)
    .map(serverName);
  return servers.length > 0 ? servers : [masterName(parts)];
}
