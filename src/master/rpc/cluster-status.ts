// GetClusterStatus: what HBase's clients call ClusterMetrics. Only the parts asked for are made.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { regionName } from '../../base/table.js';
import { nameKind, tableKind } from '../../catalog/records/tables.js';
import { serverKind } from '../../catalog/records/servers.js';
import { Option, RegionState_State } from '../../wire/generated/hbase/cluster_status_pb.js';
import type {
  ClusterStatusSchema,
  RegionInTransitionSchema,
  RegionLoadSchema,
  TableRegionStatesCountSchema,
} from '../../wire/generated/hbase/cluster_status_pb.js';
import { RegionSpecifier_RegionSpecifierType } from '../../wire/generated/hbase/hbase_pb.js';
import { regionInfoMessage } from '../../wire/meta-rows.js';
import { tableNameMessage } from '../../wire/table-schema.js';
import { findRegion } from '../assignment/region-writes.js';
import { stateText } from '../meta/meta-image.js';
import type { RegionLoadFigures, ServerSession } from '../servers/session.js';
import type { MasterParts } from './master-parts.js';

type Status = MessageInitShape<typeof ClusterStatusSchema>;

const mebibyte = 1024 * 1024;

/** The status with the parts that the options ask for; all of them when none is given. */
export function clusterStatus(parts: MasterParts, options: readonly Option[]): Status {
  const wanted = options.length === 0 ? Object.values(Option) : options;
  return Object.assign(
    {},
    ...wanted.filter((option) => typeof option === 'number').map((o) => partOf(parts, o)),
  ) as Status;
}

function partOf(parts: MasterParts, option: Option): Status {
  const { catalog, registry } = parts;
  switch (option) {
    case Option.HBASE_VERSION:
      return { hbaseVersion: { version: parts.softwareVersion } };
    case Option.CLUSTER_ID:
      return { clusterId: { clusterId: catalog.clusterId } };
    case Option.LIVE_SERVERS:
      return { liveServers: registry.sessions.map((session) => liveServer(parts, session)) };
    case Option.SERVERS_NAME:
      return { serversName: registry.sessions.map(serverName) };
    case Option.DEAD_SERVERS:
      return { deadServers: deadServers(parts) };
    case Option.MASTER:
      return { master: masterName(parts) };
    case Option.BALANCER_ON:
      return { balancerOn: false };
    case Option.REGIONS_IN_TRANSITION:
      return { regionsInTransition: regionsInTransition(parts) };
    case Option.TABLE_TO_REGIONS_COUNT:
      return { tableRegionStatesCount: tableCounts(parts) };
    case Option.MASTER_INFO_PORT:
      return { masterInfoPort: 0 };
    case Option.BACKUP_MASTERS:
    case Option.MASTER_COPROCESSORS:
    case Option.TASKS:
    case Option.UNKNOWN_SERVERS:
    default:
      // There are none, or it is an option of a later HBase.
      return {};
  }
}

/** The master's own name; its start code is its epoch. */
export function masterName({ address, epoch }: Pick<MasterParts, 'address' | 'epoch'>) {
  return { hostName: address.host, port: address.port, startCode: BigInt(epoch) };
}

export function serverName({ incarnation, record }: ServerSession) {
  return { hostName: record.host, port: record.port, startCode: BigInt(incarnation) };
}

function deadServers({ catalog }: MasterParts) {
  return [...catalog.durable.scan(serverKind)]
    .filter(({ value }) => value.state === 'crashed')
    .map(({ key, value }) => ({
      hostName: value.host,
      port: value.port,
      startCode: BigInt(key[0]),
    }));
}

function liveServer(parts: MasterParts, session: ServerSession) {
  const { loads, residentBytes } = session.figures;
  const requests = loads.reduce((sum, load) => sum + load.readRequests + load.writeRequests, 0);
  return {
    server: serverName(session),
    serverLoad: {
      totalNumberOfRequests: BigInt(requests),
      usedHeapMB: Math.ceil(residentBytes / mebibyte),
      regionLoads: loads.flatMap((load) => regionLoad(parts, load)),
      reportEndTime: BigInt(parts.clock.now()),
    },
  };
}

function nameOf({ catalog }: MasterParts, load: Pick<RegionLoadFigures, 'region'>) {
  const region = findRegion(catalog, catalog.durable, load.region);
  const table = region && catalog.durable.get(tableKind, [region.tableId])?.descriptor.name;
  return region && table && { region, table, name: regionName({ ...region, table }) };
}

function specifier(name: Buffer) {
  return { type: RegionSpecifier_RegionSpecifierType.REGION_NAME, value: name };
}

function regionLoad(
  parts: MasterParts,
  load: RegionLoadFigures,
): MessageInitShape<typeof RegionLoadSchema>[] {
  const named = nameOf(parts, load);
  if (named === undefined) return [];
  const storeMB = Math.ceil(load.storeBytes / mebibyte);
  return [
    {
      regionSpecifier: specifier(named.name),
      storefiles: load.storeFiles,
      storeUncompressedSizeMB: storeMB,
      storefileSizeMB: storeMB,
      memStoreSizeMB: Math.ceil(load.memstoreBytes / mebibyte),
      readRequestsCount: BigInt(load.readRequests),
      writeRequestsCount: BigInt(load.writeRequests),
      filteredReadRequestsCount: BigInt(load.filteredReads),
      completeSequenceId: BigInt(named.region.flushedSequence),
      lastMajorCompactionTs: BigInt(load.majorCompactedAtMs),
      regionSizeMB: storeMB,
    },
  ];
}

function regionsInTransition(
  parts: MasterParts,
): MessageInitShape<typeof RegionInTransitionSchema>[] {
  return [...parts.image.inTransition].flatMap((id) => {
    const named = nameOf(parts, { region: id });
    if (named === undefined) return [];
    const { region, table, name } = named;
    const state = RegionState_State[stateText(region) as keyof typeof RegionState_State];
    return [
      {
        spec: specifier(name),
        regionState: {
          regionInfo: regionInfoMessage({ ...region, table, isOffline: false, isSplit: false }),
          state,
          stamp: BigInt(region.sinceMs),
        },
      },
    ];
  });
}

function tableCounts({
  catalog,
  image,
}: MasterParts): MessageInitShape<typeof TableRegionStatesCountSchema>[] {
  return [...catalog.durable.scan(nameKind)].map(({ key, value }) => {
    const { open, closed, split, inTransition } = image.counts(value);
    return {
      tableName: tableNameMessage({ namespace: key[0], qualifier: key[1] }),
      regionStatesCount: {
        openRegions: open,
        splitRegions: split,
        closedRegions: closed,
        regionsInTransition: inTransition,
        totalRegions: open + closed + split + inTransition,
      },
    };
  });
}
