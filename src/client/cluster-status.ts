// The cluster as its master describes it.

import type { ServerName } from '../wire/generated/hbase/hbase_pb.js';
import type { ClusterStatus as Message } from '../wire/generated/hbase/cluster_status_pb.js';
import { safeNumberOf } from '../wire/uint64.js';

export interface ServerStatus {
  /** `host,port,startcode`. */
  readonly name: string;
  readonly regions: number;
  readonly requests: number;
  readonly usedMiB: number;
}

export interface ClusterStatus {
  readonly version: string;
  readonly clusterId: string;
  readonly master: string | undefined;
  readonly standbys: readonly string[];
  readonly servers: readonly ServerStatus[];
  readonly deadServers: readonly string[];
  /** Regions that are on their way now. */
  readonly regionsInTransition: number;
}

export function clusterStatusOf(message: Message): ClusterStatus {
  return {
    version: message.hbaseVersion?.version ?? '',
    clusterId: message.clusterId?.clusterId ?? '',
    master: message.master && serverText(message.master),
    standbys: message.backupMasters.map(serverText),
    servers: message.liveServers.map(({ server, serverLoad }) => ({
      name: server === undefined ? '' : serverText(server),
      regions: serverLoad?.regionLoads.length ?? 0,
      requests: safeNumberOf(serverLoad?.totalNumberOfRequests ?? 0n, 'a count of requests'),
      usedMiB: serverLoad?.usedHeapMB ?? 0,
    })),
    deadServers: message.deadServers.map(serverText),
    regionsInTransition: message.regionsInTransition.length,
  };
}

function serverText({ hostName, port, startCode }: ServerName): string {
  return `${hostName},${port},${startCode}`;
}
