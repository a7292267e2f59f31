// MasterService put together, with the calls that need no file of their own. What is missing here is
// refused by name, as `protoService` does: altering, truncating, splitting and merging tables, other
// namespaces, snapshots, quotas, and everything that Cadastre does not have at all.

import { CadastreError } from '../../base/errors.js';
import {
  MasterService,
  SecurityCapabilitiesResponse_Capability,
} from '../../wire/generated/hbase/master_pb.js';
import { protoService } from '../../wire/proto-service.js';
import type { RpcService } from '../../wire/rpc-call.js';
import { clusterStatus } from './cluster-status.js';
import type { PartsHandlers, Ready } from './master-parts.js';
import { withParts } from './master-parts.js';
import { procedureHandlers } from './procedure-handlers.js';
import { regionHandlers } from './region-handlers.js';
import { tableHandlers } from './table-handlers.js';

export function masterService(ready: Ready): RpcService {
  return protoService(MasterService, {
    ...withParts<typeof MasterService>(ready, {
      ...tableHandlers,
      ...regionHandlers,
      ...procedureHandlers,
      ...switchHandlers,
      getClusterStatus: (parts, { options }) => ({ clusterStatus: clusterStatus(parts, options) }),
    }),
    // Asked before every call of the synchronous client: that one then gets PleaseHold.
    isMasterRunning: () => ({ isMasterRunning: true }),
    isMasterInMaintenanceMode: () => ({ inMaintenanceMode: false }),
    getSecurityCapabilities: () => ({
      capabilities: [SecurityCapabilitiesResponse_Capability.SIMPLE_AUTHENTICATION],
    }),
  });
}

/** Nothing of the kind runs here yet, which is what these answers say; only `off` can be set. */
const switchHandlers: Partial<PartsHandlers<typeof MasterService>> = {
  isBalancerEnabled: () => ({ enabled: false }),
  setBalancerRunning: (_parts, { on }) => ({ prevBalanceValue: onlyOff('balancer', on) }),
  balance: () => ({ balancerRan: false, movesCalculated: 0, movesExecuted: 0 }),
  isSplitOrMergeEnabled: () => ({ enabled: false }),
  setSplitOrMergeEnabled: (_parts, { enabled, switchTypes }) => ({
    prevValue: switchTypes.map(() => onlyOff('splitting and merging', enabled)),
  }),
  isNormalizerEnabled: () => ({ enabled: false }),
  setNormalizerRunning: (_parts, { on }) => ({ prevNormalizerValue: onlyOff('normalizer', on) }),
  normalize: () => ({ normalizerRan: false }),
  // The catalog needs no janitor: a replaced region goes when nothing refers to it.
  isCatalogJanitorEnabled: () => ({ value: false }),
  enableCatalogJanitor: (_parts, { enable }) => ({ prevValue: onlyOff('janitor', enable) }),
  runCatalogScan: () => ({ scanResult: 0 }),
  isSnapshotCleanupEnabled: () => ({ enabled: false }),
  switchSnapshotCleanup: (_parts, { enabled }) => ({
    prevSnapshotCleanup: onlyOff('clean-up of snapshots', enabled),
  }),
  isRpcThrottleEnabled: () => ({ rpcThrottleEnabled: false }),
  switchRpcThrottle: (_parts, { rpcThrottleEnabled }) => ({
    previousRpcThrottleEnabled: onlyOff('throttle', rpcThrottleEnabled),
  }),
  // What HBase calls its cleaner is the collector.
  isCleanerChoreEnabled: ({ collector }) => ({ value: !collector.isPaused }),
  setCleanerChoreRunning: async ({ collector }, { on }) => {
    const prevValue = !collector.isPaused;
    if (on) collector.resume();
    else await collector.pause(collectorPauseMs);
    return { prevValue };
  },
  runCleanerChore: async ({ collector }) => {
    const { aborted } = await collector.collect();
    return { cleanerChoreRan: aborted === undefined };
  },
  listDecommissionedRegionServers: () => ({}),
  listReplicationPeers: () => ({}),
};

/** A pause is leased, so that nobody stops the collector for ever (R-G2). */
const collectorPauseMs = 60 * 60_000;

function onlyOff(what: string, isOn: boolean): false {
  if (!isOn) return false;
  throw new CadastreError('not-supported', `there is no ${what} to switch on`, {
    nextStep: 'It comes with a later release.',
  });
}
