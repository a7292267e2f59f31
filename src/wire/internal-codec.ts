// Base types as the messages of proto/cadastre/internal.proto, and back.
//
// Invariant: every 64-bit number of a message is checked to be a non-negative safe integer on its way
// in; a message that lacks a part it must have throws `bad-request`.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { CadastreError, isErrorCode } from '../base/errors.js';
import type { Generation, RegionId, Revision, Sequence, TableId } from '../base/ids.js';
import type { Clip, LogSlice, StoreCommit, StoreFileRef, UsedNonce } from '../base/store-file.js';
import type {
  BloomFilterKind,
  Compression,
  FamilyDescriptor,
  KeepDeletedCells,
  RegionInfo,
  TableDescriptor,
} from '../base/table.js';
import type { LogPosition } from '../storage/log.js';
import type * as Internal from './generated/cadastre/internal_pb.js';
import { safeNumberOf } from './uint64.js';
import { viewOf } from './views.js';

/** A region that a server holds, as of one assignment. */
export interface HeldRegion {
  readonly regionId: RegionId;
  readonly generation: Generation;
}

export function regionInfoToMessage(
  region: RegionInfo,
): MessageInitShape<typeof Internal.RegionInfoSchema> {
  return {
    tableId: BigInt(region.tableId),
    table: { ...region.table },
    regionId: BigInt(region.regionId),
    startKey: region.startKey,
    endKey: region.endKey,
  };
}

export function regionInfoFromMessage(message: Internal.RegionInfo | undefined): RegionInfo {
  const { tableId, table, regionId, startKey, endKey } = part(message, 'a region');
  return {
    tableId: safeNumberOf(tableId, 'a table id') as TableId,
    table: tableNameFromMessage(table),
    regionId: regionIdOf(regionId),
    startKey: viewOf(startKey),
    endKey: viewOf(endKey),
  };
}

export function tableToMessage(
  table: TableDescriptor,
): MessageInitShape<typeof Internal.TableSchema> {
  return {
    name: { ...table.name },
    families: table.families.map((family) => ({ ...family, attributes: { ...family.attributes } })),
    attributes: { ...table.attributes },
  };
}

export function tableFromMessage(message: Internal.Table | undefined): TableDescriptor {
  const { name, families, attributes } = part(message, 'a table');
  return {
    name: tableNameFromMessage(name),
    families: families.map(familyFromMessage),
    attributes: { ...attributes },
  };
}

const keepDeletedCells: readonly KeepDeletedCells[] = ['false', 'true', 'ttl'];
const compressions: readonly Compression[] = ['none', 'gzip', 'snappy', 'zstd', 'lz4', 'lzo'];
const bloomFilters: readonly BloomFilterKind[] = ['none', 'row', 'rowcol'];

function familyFromMessage(message: Internal.Family): FamilyDescriptor {
  return {
    name: message.name,
    versionsMax: message.versionsMax,
    versionsMin: message.versionsMin,
    ttlSeconds: message.ttlSeconds,
    keepDeletedCells: oneOf(keepDeletedCells, message.keepDeletedCells),
    compression: oneOf(compressions, message.compression),
    bloomFilter: oneOf(bloomFilters, message.bloomFilter),
    blockBytes: message.blockBytes,
    blockCache: message.blockCache,
    inMemory: message.inMemory,
    attributes: { ...message.attributes },
  };
}

export function storeFileToMessage(
  file: StoreFileRef,
): MessageInitShape<typeof Internal.StoreFileSchema> {
  const { clip, ...rest } = file;
  return {
    ...rest,
    bytes: BigInt(file.bytes),
    entries: BigInt(file.entries),
    sequenceMin: BigInt(file.sequenceMin),
    sequenceMax: BigInt(file.sequenceMax),
    birth: BigInt(file.birth),
    visibleBytes: BigInt(file.visibleBytes),
    visibleEntries: BigInt(file.visibleEntries),
    ...clipToMessage(clip),
  };
}

export function storeFileFromMessage(message: Internal.StoreFile): StoreFileRef {
  return {
    family: message.family,
    object: message.object,
    bytes: safeNumberOf(message.bytes, 'the bytes of a file'),
    crc32: message.crc32,
    entries: safeNumberOf(message.entries, 'the entries of a file'),
    sequenceMin: sequenceOf(message.sequenceMin),
    sequenceMax: sequenceOf(message.sequenceMax),
    birth: safeNumberOf(message.birth, 'a revision') as Revision,
    clip: clipFromMessage(message.clip),
    visibleBytes: safeNumberOf(message.visibleBytes, 'the bytes of a file'),
    visibleEntries: safeNumberOf(message.visibleEntries, 'the entries of a file'),
    majorCompacted: message.majorCompacted,
    timestampMin: message.timestampMin,
    timestampMax: message.timestampMax,
  };
}

export function logSliceToMessage(
  slice: LogSlice,
): MessageInitShape<typeof Internal.LogSliceSchema> {
  return {
    object: slice.object,
    origin: BigInt(slice.origin),
    offset: BigInt(slice.offset),
    bytes: BigInt(slice.bytes),
    entries: BigInt(slice.entries),
    skipUpTo: BigInt(slice.skipUpTo),
    sequenceMax: BigInt(slice.sequenceMax),
    ...clipToMessage(slice.clip),
  };
}

export function logSliceFromMessage(message: Internal.LogSlice): LogSlice {
  return {
    object: message.object,
    origin: regionIdOf(message.origin),
    offset: safeNumberOf(message.offset, 'an offset'),
    bytes: safeNumberOf(message.bytes, 'the bytes of a slice'),
    entries: safeNumberOf(message.entries, 'the entries of a slice'),
    skipUpTo: sequenceOf(message.skipUpTo),
    sequenceMax: sequenceOf(message.sequenceMax),
    clip: clipFromMessage(message.clip),
  };
}

export function usedNonceToMessage(
  nonce: UsedNonce,
): MessageInitShape<typeof Internal.UsedNonceSchema> {
  return { group: nonce.group, nonce: nonce.nonce, usedAtMs: BigInt(nonce.usedAtMs) };
}

export function usedNonceFromMessage(message: Internal.UsedNonce): UsedNonce {
  const { group, nonce, usedAtMs } = message;
  return { group, nonce, usedAtMs: safeNumberOf(usedAtMs, 'a time') };
}

export function storeCommitToMessage(
  commit: StoreCommit,
): MessageInitShape<typeof Internal.StoreCommitSchema> {
  const { flushedSequence, nonces } = commit;
  return {
    added: commit.added.map(storeFileToMessage),
    removed: [...commit.removed],
    replayedSlices: [...commit.replayedSlices],
    ...(flushedSequence === undefined ? {} : { flushedSequence: BigInt(flushedSequence) }),
    ...(nonces === undefined ? {} : { nonces: { nonces: nonces.map(usedNonceToMessage) } }),
  };
}

export function storeCommitFromMessage(message: Internal.StoreCommit | undefined): StoreCommit {
  const { added, removed, flushedSequence, nonces, replayedSlices } = part(message, 'a commit');
  return {
    added: added.map(storeFileFromMessage),
    removed: [...removed],
    flushedSequence: flushedSequence === undefined ? undefined : sequenceOf(flushedSequence),
    nonces: nonces?.nonces.map(usedNonceFromMessage),
    replayedSlices: [...replayedSlices],
  };
}

export function logPositionToMessage(
  position: LogPosition,
): MessageInitShape<typeof Internal.LogPositionSchema> {
  return {
    segment: BigInt(position.segment),
    offset: BigInt(position.offset),
    sequence: BigInt(position.sequence),
  };
}

export function logPositionFromMessage(message: Internal.LogPosition | undefined): LogPosition {
  const { segment, offset, sequence } = part(message, 'a log position');
  return {
    segment: safeNumberOf(segment, 'a segment'),
    offset: safeNumberOf(offset, 'an offset'),
    sequence: safeNumberOf(sequence, 'a sequence'),
  };
}

export function heldRegionToMessage(
  region: HeldRegion,
): MessageInitShape<typeof Internal.HeldRegionSchema> {
  return { regionId: BigInt(region.regionId), generation: BigInt(region.generation) };
}

export function heldRegionFromMessage(message: Internal.HeldRegion): HeldRegion {
  return {
    regionId: regionIdOf(message.regionId),
    generation: generationOf(message.generation),
  };
}

export function errorToMessage(
  error: CadastreError,
): MessageInitShape<typeof Internal.ErrorSchema> {
  return { code: error.code, message: error.message };
}

export function errorFromMessage(message: Internal.Error): CadastreError {
  const code = isErrorCode(message.code) ? message.code : 'internal';
  return new CadastreError(code, message.message);
}

export function regionIdOf(value: bigint): RegionId {
  return safeNumberOf(value, 'a region id') as RegionId;
}

export function generationOf(value: bigint): Generation {
  return safeNumberOf(value, 'a generation') as Generation;
}

export function sequenceOf(value: bigint): Sequence {
  return safeNumberOf(value, 'a sequence number') as Sequence;
}

/** A part of a message that must be there. */
export function part<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value;
  throw new CadastreError('bad-request', `a message lacks ${what}`);
}

function tableNameFromMessage(message: Internal.TableName | undefined): RegionInfo['table'] {
  const { namespace, qualifier } = part(message, 'a table name');
  return { namespace, qualifier };
}

function clipToMessage(clip: Clip | undefined) {
  return clip === undefined ? {} : { clip: { ...clip } };
}

function clipFromMessage(message: Internal.Clip | undefined): Clip | undefined {
  if (message === undefined) return undefined;
  return { startKey: viewOf(message.startKey), endKey: viewOf(message.endKey) };
}

function oneOf<T extends string>(known: readonly T[], text: string): T {
  const found = known.find((candidate) => candidate === text);
  if (found !== undefined) return found;
  throw new CadastreError('bad-request', `'${text}' is none of ${known.join(', ')}`);
}
