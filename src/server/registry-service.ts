// ClientMetaService as every process answers it: where the master and hbase:meta are. A region server
// knows it from its own link to the master.

import { CadastreError } from '../base/errors.js';
import { ClientMetaService } from '../wire/generated/hbase/registry_pb.js';
import { protoService } from '../wire/proto-service.js';
import type { RpcService } from '../wire/rpc-call.js';
import type { MasterLink, MasterLocation } from './master-link.js';

/** A server as HBase names it. */
export interface ServerName {
  readonly hostName: string;
  readonly port: number;
  readonly startCode: bigint;
}

export interface RegistryOptions {
  readonly link: MasterLink;
  readonly clusterId: () => string | undefined;
  readonly self: () => ServerName;
}

export function registryService({ link, clusterId, self }: RegistryOptions): RpcService {
  const master = (): ServerName => masterName(link.master);
  return protoService(ClientMetaService, {
    getClusterId: () => ({ clusterId: known(clusterId()) }),
    getActiveMaster: () => ({ serverName: master() }),
    getMasters: () => ({ masterServers: [{ serverName: master(), isActive: true }] }),
    getMetaRegionLocations: () => ({
      metaLocations: [
        {
          regionInfo: {
            regionId: 1n,
            tableName: { namespace: Buffer.from('hbase'), qualifier: Buffer.from('meta') },
            startKey: Buffer.alloc(0),
            endKey: Buffer.alloc(0),
            offline: false,
            split: false,
            replicaId: 0,
          },
          serverName: master(),
          seqNum: -1n,
        },
      ],
    }),
    getBootstrapNodes: () => ({ serverName: [self()] }),
  });
}

function masterName(location: MasterLocation | undefined): ServerName {
  const { address, epoch } = known(location);
  return { hostName: address.host, port: address.port, startCode: BigInt(epoch) };
}

function known<T>(value: T | undefined): T {
  if (value !== undefined) return value;
  throw new CadastreError('server-not-running', 'this server has not found the master yet', {
    nextStep: 'Try again in a moment.',
  });
}
