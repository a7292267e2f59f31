// Records for tests: plain ones, changed by what a test cares about.

import type {
  Generation,
  Incarnation,
  RegionId,
  Revision,
  Sequence,
  TableId,
} from '../../base/ids.js';
import type { LogSlice, StoreCommit, StoreFileRef } from '../../base/store-file.js';
import type { Transaction } from '../api.js';
import type { RegionRecord } from '../records/regions.js';
import { regionKeyOf, regionKind } from '../records/regions.js';
import type { ServerState } from '../records/servers.js';
import { serverKind } from '../records/servers.js';

export const sampleTable = 1 as TableId;
export const sampleServer = 4 as Incarnation;

/** An open region of `sampleServer` under generation 1, over all rows. */
export function sampleRegion(id: number, changes: Partial<RegionRecord> = {}): RegionRecord {
  return {
    tableId: sampleTable,
    regionId: id as RegionId,
    startKey: Buffer.alloc(0),
    endKey: Buffer.alloc(0),
    state: 'open',
    server: sampleServer,
    generation: 1 as Generation,
    openSequence: 1 as Sequence,
    flushedSequence: 0 as Sequence,
    lastCommitNumber: 0,
    lastHost: undefined,
    lastServer: undefined,
    sinceMs: 0,
    failure: undefined,
    slices: [],
    nonces: [],
    ...changes,
  };
}

export function sampleFile(object: string, changes: Partial<StoreFileRef> = {}): StoreFileRef {
  return {
    family: 'f',
    object,
    bytes: 100,
    crc32: 1,
    entries: 10,
    sequenceMin: 1 as Sequence,
    sequenceMax: 5 as Sequence,
    birth: 0 as Revision,
    clip: undefined,
    visibleBytes: 100,
    visibleEntries: 10,
    majorCompacted: false,
    timestampMin: 0,
    timestampMax: 1,
    ...changes,
  };
}

export function sampleSlice(object: string, changes: Partial<LogSlice> = {}): LogSlice {
  return {
    object,
    origin: 1 as RegionId,
    offset: 0,
    bytes: 10,
    entries: 1,
    skipUpTo: 0 as Sequence,
    sequenceMax: 9 as Sequence,
    clip: undefined,
    ...changes,
  };
}

export function sampleCommit(changes: Partial<StoreCommit> = {}): StoreCommit {
  return {
    added: [],
    removed: [],
    flushedSequence: undefined,
    nonces: undefined,
    replayedSlices: [],
    ...changes,
  };
}

export function putRegion(tx: Transaction, region: RegionRecord): void {
  tx.put(regionKind, regionKeyOf(region), region);
}

export function putServer(tx: Transaction, state: ServerState = 'online'): void {
  tx.put(serverKind, [sampleServer], {
    host: 'host',
    port: 1,
    version: '0.1.0',
    state,
    process: { bootId: 'boot', pidNamespace: '1', pid: 1, startTime: '1' },
    log: String(sampleServer),
    registeredAtMs: 0,
  });
}
