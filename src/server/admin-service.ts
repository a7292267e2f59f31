// HBase's AdminService: what a client asks of one server. HBase's shell sends flush and compact here.

import { CadastreError, asCadastreError } from '../base/errors.js';
import type { RegionInfo } from '../base/table.js';
import type { Region } from '../region/api.js';
import type { Logger } from '../world/log.js';
import type {
  RegionInfo as RegionInfoMessage,
  RegionSpecifier,
} from '../wire/generated/hbase/hbase_pb.js';
import { regionInfoMessage } from '../wire/meta-rows.js';
import {
  AdminService,
  GetRegionInfoResponse_CompactionState as Compaction,
} from '../wire/generated/hbase/admin_pb.js';
import { RegionSpecifier_RegionSpecifierType as SpecifierType } from '../wire/generated/hbase/hbase_pb.js';
import { protoService } from '../wire/proto-service.js';
import type { RpcService } from '../wire/rpc-call.js';
import type { Hosted, HostedRegions } from './hosted-regions.js';
import type { ServerName } from './registry-service.js';

export interface AdminServiceOptions {
  readonly regions: HostedRegions;
  readonly self: () => ServerName;
  readonly log: Logger;
}

const mebibyte = 2 ** 20;

export function adminService({ regions, self, log }: AdminServiceOptions): RpcService {
  const find = (specifier: RegionSpecifier | undefined): Region => {
    if (specifier === undefined) throw new CadastreError('bad-request', 'the call names no region');
    return regions.serving(Buffer.from(specifier.value).toString('latin1'));
  };
  return protoService(AdminService, {
    getRegionInfo: async ({ region, compactionState, bestSplitRow }) => {
      const found = find(region);
      const splitRow = bestSplitRow ? await found.splitPoint() : undefined;
      return {
        regionInfo: regionInfo(found.info),
        splittable: false,
        mergeable: false,
        ...(compactionState ? { compactionState: compactionOf(found) } : {}),
        ...(splitRow === undefined ? {} : { bestSplitRow: splitRow }),
      };
    },
    getOnlineRegion: () => ({
      regionInfo: [...regions.all()].filter(isServing).map(({ info }) => regionInfo(info)),
    }),
    flushRegion: async ({ region }) => {
      const found = find(region);
      const flushed = await found.flush();
      const lastFlushTime = BigInt(Math.trunc(found.metrics.lastFlushAtMs));
      return { lastFlushTime, flushed, wroteFlushWalMarker: false };
    },
    // Answered at once, as HBase does: the compaction's progress is in getRegionInfo.
    compactRegion: ({ region, major, family }) => {
      const found = find(region);
      const name = family.length === 0 ? {} : { family: Buffer.from(family).toString('utf8') };
      found.compact({ major, ...name }).catch((error: unknown) => {
        const reason = asCadastreError(error).message;
        log.warn('a compaction that a client asked for failed', {
          region: found.info.regionId,
          reason,
        });
      });
      return {};
    },
    getRegionLoad: ({ tableName }) => ({
      regionLoads: [...regions.all()]
        .filter(({ info }) => tableName === undefined || isOf(info, tableName))
        .flatMap((hosted) =>
          hosted.hosting.kind === 'serving' ? [loadOf(hosted, hosted.hosting.region)] : [],
        ),
    }),
    rollWALWriter: () => ({ regionToFlush: [] }),
    getServerInfo: () => ({ serverInfo: { serverName: self() } }),
    updateConfiguration: () => ({}),
    compactionSwitch: () => {
      throw new CadastreError('not-supported', 'compactions cannot be switched off one server', {
        nextStep: 'Change hbase.hstore.compaction.min instead.',
      });
    },
  });
}

function isServing({ hosting }: Hosted): boolean {
  return hosting.kind === 'serving';
}

function isOf(
  info: RegionInfo,
  table: { readonly namespace: Uint8Array; readonly qualifier: Uint8Array },
): boolean {
  return (
    info.table.namespace === Buffer.from(table.namespace).toString('utf8') &&
    info.table.qualifier === Buffer.from(table.qualifier).toString('utf8')
  );
}

/** HBase's form of a region's identity. */
function regionInfo(info: RegionInfo): RegionInfoMessage {
  return regionInfoMessage({ ...info, isOffline: false, isSplit: false });
}

function compactionOf(region: Region): Compaction {
  switch (region.metrics.compacting) {
    case 'none':
      return Compaction.NONE;
    case 'minor':
      return Compaction.MINOR;
    case 'major':
      return Compaction.MAJOR;
  }
}

function loadOf(hosted: Hosted, region: Region) {
  const { metrics } = region;
  const storeMegabytes = Math.round(metrics.storeBytes / mebibyte);
  return {
    regionSpecifier: { type: SpecifierType.REGION_NAME, value: Buffer.from(hosted.name, 'latin1') },
    stores: region.descriptor.families.length,
    storefiles: metrics.storeFiles,
    storeUncompressedSizeMB: storeMegabytes,
    storefileSizeMB: storeMegabytes,
    memStoreSizeMB: Math.round(metrics.memstoreBytes / mebibyte),
    readRequestsCount: BigInt(metrics.reads),
    writeRequestsCount: BigInt(metrics.writes),
    completeSequenceId: BigInt(metrics.flushedSequence),
    dataLocality: 1,
    lastMajorCompactionTs: BigInt(Math.trunc(metrics.lastMajorCompactionAtMs)),
    regionSizeMB: storeMegabytes,
  };
}
