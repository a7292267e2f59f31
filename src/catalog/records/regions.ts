// Regions: which rows, who serves them, under which generation, and what is still to be replayed.
//
// Invariants:
// 1. A generation rises only before OPENED is acknowledged, after CLOSED, or after the owner's log
//    is sealed (page 4); with it `lastCommitNumber` starts again at 0.
// 2. `openSequence` and `flushedSequence` never fall, not even by a restore.

import type {
  Generation,
  Incarnation,
  RegionId,
  Revision,
  Sequence,
  TableId,
} from '../../base/ids.js';
import type { LogSlice, UsedNonce } from '../../base/store-file.js';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ObjectReference, RegionKey } from '../api.js';
import {
  NameCodec,
  decodeClip,
  encodeClip,
  fromWide,
  messageCodec,
  ownBuffer,
  toWide,
} from '../codec.js';
import type { Region, Slice, SliceSchema } from '../generated/catalog_pb.js';
import { RegionSchema } from '../generated/catalog_pb.js';
import { defineKind } from '../kind.js';

export type RegionState =
  | 'offline'
  | 'opening'
  | 'open'
  | 'closing'
  | 'closed'
  | 'failed-open'
  /** Its server died; its slices are not known yet. */
  | 'abnormally-closed'
  /** Replaced by daughters; kept until nothing refers to it. */
  | 'split'
  | 'merged';

export interface RegionRecord {
  readonly tableId: TableId;
  readonly regionId: RegionId;
  /** Inclusive; empty: from the first row. */
  readonly startKey: Buffer;
  /** Exclusive; empty: to the last row. */
  readonly endKey: Buffer;
  readonly state: RegionState;
  /** Who opens, serves or closes it. */
  readonly server: Incarnation | undefined;
  readonly generation: Generation;
  readonly openSequence: Sequence;
  /** All edits at or below are in store files. */
  readonly flushedSequence: Sequence;
  /** Number of the last store commit taken under this generation. */
  readonly lastCommitNumber: number;
  /** Where it was served last: kept while it moves, for locality and for `hbase:meta`. */
  readonly lastHost: string | undefined;
  readonly lastServer: Incarnation | undefined;
  /** Wall-clock milliseconds since it is in this state. */
  readonly sinceMs: number;
  /** Why it is in `failed-open`. */
  readonly failure: string | undefined;
  readonly slices: readonly LogSlice[];
  /** The live window at `flushedSequence`. */
  readonly nonces: readonly UsedNonce[];
}

const states = new NameCodec<RegionState>('region state', [
  'offline',
  'opening',
  'open',
  'closing',
  'closed',
  'failed-open',
  'abnormally-closed',
  'split',
  'merged',
]);

/** region/<table>/<start key>/<region>: a table's regions in key order. */
export const regionKind = defineKind<RegionKey, RegionRecord>({
  name: 'region',
  type: 5,
  shape: ['number', 'bytes', 'number'],
  onRestore: 'keep',
  temperature: 'hot',
  ...messageCodec(RegionSchema, encodeRegion, decodeRegion),
  references: (value) => value.slices.map(sliceReference),
});

/** The sorted log's own record knows its size and birth. */
function sliceReference(slice: LogSlice): ObjectReference {
  return { object: slice.object, bytes: 0, birth: 0 as Revision };
}

/** Where a region's record stands. */
export function regionKeyOf(
  region: Pick<RegionRecord, 'tableId' | 'startKey' | 'regionId'>,
): RegionKey {
  return [region.tableId, region.startKey, region.regionId];
}

function encodeRegion(region: RegionRecord): MessageInitShape<typeof RegionSchema> {
  const { server, lastHost, lastServer, failure } = region;
  return {
    table: toWide(region.tableId, 'a table id'),
    region: toWide(region.regionId, 'a region id'),
    startKey: region.startKey,
    endKey: region.endKey,
    state: states.encode(region.state),
    ...(server === undefined ? {} : { server: toWide(server, 'an incarnation') }),
    generation: toWide(region.generation, 'a generation'),
    openSequence: toWide(region.openSequence, 'an open sequence'),
    flushedSequence: toWide(region.flushedSequence, 'a flushed sequence'),
    lastCommitNumber: toWide(region.lastCommitNumber, 'a commit number'),
    ...(lastHost === undefined ? {} : { lastHost }),
    ...(lastServer === undefined ? {} : { lastServer: toWide(lastServer, 'an incarnation') }),
    sinceMs: toWide(region.sinceMs, 'the time of a state'),
    ...(failure === undefined ? {} : { failure }),
    slices: region.slices.map(encodeSlice),
    nonces: region.nonces.map((used) => ({
      group: used.group,
      nonce: used.nonce,
      usedAtMs: toWide(used.usedAtMs, "a nonce's time"),
    })),
  };
}

function decodeRegion(message: Region): RegionRecord {
  const { server, lastServer } = message;
  return {
    tableId: fromWide(message.table, 'a table id') as TableId,
    regionId: fromWide(message.region, 'a region id') as RegionId,
    startKey: ownBuffer(message.startKey),
    endKey: ownBuffer(message.endKey),
    state: states.decode(message.state),
    server: server === undefined ? undefined : decodeIncarnation(server),
    generation: fromWide(message.generation, 'a generation') as Generation,
    openSequence: fromWide(message.openSequence, 'an open sequence') as Sequence,
    flushedSequence: fromWide(message.flushedSequence, 'a flushed sequence') as Sequence,
    lastCommitNumber: fromWide(message.lastCommitNumber, 'a commit number'),
    lastHost: message.lastHost,
    lastServer: lastServer === undefined ? undefined : decodeIncarnation(lastServer),
    sinceMs: fromWide(message.sinceMs, 'the time of a state'),
    failure: message.failure,
    slices: message.slices.map(decodeSlice),
    nonces: message.nonces.map((used) => ({
      group: used.group,
      nonce: used.nonce,
      usedAtMs: fromWide(used.usedAtMs, "a nonce's time"),
    })),
  };
}

function decodeIncarnation(value: bigint): Incarnation {
  return fromWide(value, 'an incarnation') as Incarnation;
}

function encodeSlice(slice: LogSlice): MessageInitShape<typeof SliceSchema> {
  return {
    object: slice.object,
    origin: toWide(slice.origin, 'a region id'),
    offset: toWide(slice.offset, "a slice's offset"),
    bytes: toWide(slice.bytes, "a slice's bytes"),
    entries: toWide(slice.entries, "a slice's entries"),
    skipUpTo: toWide(slice.skipUpTo, "a slice's sequence"),
    sequenceMax: toWide(slice.sequenceMax, "a slice's sequence"),
    ...(slice.clip === undefined ? {} : { clip: encodeClip(slice.clip) }),
  };
}

function decodeSlice(message: Slice): LogSlice {
  return {
    object: message.object,
    origin: fromWide(message.origin, 'a region id') as RegionId,
    offset: fromWide(message.offset, "a slice's offset"),
    bytes: fromWide(message.bytes, "a slice's bytes"),
    entries: fromWide(message.entries, "a slice's entries"),
    skipUpTo: fromWide(message.skipUpTo, "a slice's sequence") as Sequence,
    sequenceMax: fromWide(message.sequenceMax, "a slice's sequence") as Sequence,
    clip: message.clip === undefined ? undefined : decodeClip(message.clip),
  };
}
