// Our own services, over the same RPC as HBase's:
//
//   region server → master   ServerStatusService   register, heartbeat, reports, store commits
//   master → region server   ServerControlService  remote operations, batched
//
// Serve them with `protoService`, call them with `callProto`, over the descriptors exported here.
// A remote operation travels as a kind and a body, because the engine that carries it does not look
// inside; this file gives both their types.

import { create, toBinary } from '@bufbuild/protobuf';
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import { unreachable } from '../base/assert.js';
import { CadastreError } from '../base/errors.js';
import { crc32 } from '../base/hash.js';
import type { Generation, Incarnation, RegionId, Sequence } from '../base/ids.js';
import type { LogSlice, StoreFileRef, UsedNonce } from '../base/store-file.js';
import type { RegionInfo, TableDescriptor } from '../base/table.js';
import type { LogPosition } from '../storage/log.js';
import type { Address } from '../world/network.js';
import {
  CloseRegionSchema,
  CompactRegionSchema,
  FlushRegionSchema,
  OpenRegionSchema,
  OperationKind,
  SortLogResultSchema,
  SortLogSchema,
} from './generated/cadastre/internal_pb.js';
import {
  generationOf,
  logPositionFromMessage,
  logPositionToMessage,
  logSliceFromMessage,
  logSliceToMessage,
  regionIdOf,
  regionInfoFromMessage,
  regionInfoToMessage,
  sequenceOf,
  storeFileFromMessage,
  storeFileToMessage,
  tableFromMessage,
  tableToMessage,
  usedNonceFromMessage,
  usedNonceToMessage,
} from './internal-codec.js';
import type { HeldRegion } from './internal-codec.js';
import { decodeMessage } from './proto-service.js';
import { safeNumberOf } from './uint64.js';

export {
  ServerControlService,
  ServerStatusService,
  TransitionKind,
} from './generated/cadastre/internal_pb.js';

export interface OpenRegion {
  readonly kind: 'open';
  readonly region: RegionInfo;
  readonly table: TableDescriptor;
  readonly generation: Generation;
  /** The region's sequence numbers start no lower. */
  readonly openSequenceMin: Sequence;
  readonly files: readonly StoreFileRef[];
  readonly slices: readonly LogSlice[];
  readonly nonces: readonly UsedNonce[];
}

export interface CloseRegion extends HeldRegion {
  readonly kind: 'close';
  /** Told to clients that come late. */
  readonly destination: (Address & { readonly incarnation: Incarnation }) | undefined;
}

export interface FlushRegion extends HeldRegion {
  readonly kind: 'flush';
}

export interface CompactRegion extends HeldRegion {
  readonly kind: 'compact';
  /** Undefined: all. */
  readonly family: string | undefined;
  readonly isMajor: boolean;
}

export interface SortLog {
  readonly kind: 'sort-log';
  readonly log: string;
  readonly from: LogPosition;
  readonly until: LogPosition;
  /** Edits of other regions are dropped; so are edits at or below a region's `skipUpTo`. */
  readonly regions: readonly { readonly regionId: RegionId; readonly skipUpTo: Sequence }[];
}

export type RemoteOperation = OpenRegion | CloseRegion | FlushRegion | CompactRegion | SortLog;

/** What sorting a log gave; `object` is undefined when no region had anything to replay. */
export interface SortLogResult {
  readonly object: string | undefined;
  readonly bytes: number;
  readonly crc32: number;
  /** In order of region. */
  readonly regions: readonly SortedRegion[];
}

export interface SortedRegion {
  readonly regionId: RegionId;
  readonly offset: number;
  readonly bytes: number;
  readonly entries: number;
  readonly sequenceMin: Sequence;
  readonly sequenceMax: Sequence;
}

/** An operation as it travels. */
export interface EncodedOperation {
  readonly kind: OperationKind;
  readonly body: Uint8Array;
}

export function encodeOperation(operation: RemoteOperation): EncodedOperation {
  switch (operation.kind) {
    case 'open':
      return encodeOpen(operation);
    case 'close':
      return encoded(OperationKind.OPERATION_CLOSE_REGION, CloseRegionSchema, {
        ...held(operation),
        ...destinationOf(operation),
      });
    case 'flush':
      return encoded(OperationKind.OPERATION_FLUSH_REGION, FlushRegionSchema, held(operation));
    case 'compact':
      return encoded(OperationKind.OPERATION_COMPACT_REGION, CompactRegionSchema, {
        ...held(operation),
        family: operation.family ?? '',
        major: operation.isMajor,
      });
    case 'sort-log':
      return encoded(OperationKind.OPERATION_SORT_LOG, SortLogSchema, {
        log: operation.log,
        from: logPositionToMessage(operation.from),
        until: logPositionToMessage(operation.until),
        regions: operation.regions.map(({ regionId, skipUpTo }) => ({
          regionId: BigInt(regionId),
          skipUpTo: BigInt(skipUpTo),
        })),
      });
    default:
      return unreachable(operation);
  }
}

function encoded<D extends DescMessage>(
  kind: OperationKind,
  schema: D,
  message: MessageInitShape<D>,
): EncodedOperation {
  return { kind, body: toBinary(schema, create(schema, message)) };
}

function encodeOpen(operation: OpenRegion): EncodedOperation {
  return encoded(OperationKind.OPERATION_OPEN_REGION, OpenRegionSchema, {
    region: regionInfoToMessage(operation.region),
    table: tableToMessage(operation.table),
    generation: BigInt(operation.generation),
    openSequenceMin: BigInt(operation.openSequenceMin),
    files: operation.files.map(storeFileToMessage),
    slices: operation.slices.map(logSliceToMessage),
    nonces: operation.nonces.map(usedNonceToMessage),
  });
}

function held({ regionId, generation }: HeldRegion) {
  return { regionId: BigInt(regionId), generation: BigInt(generation) };
}

function destinationOf({ destination }: CloseRegion) {
  if (destination === undefined) return {};
  const { host, port, incarnation } = destination;
  return { destination: { host, port, incarnation: BigInt(incarnation) } };
}

/** Throws `bad-request` for an unknown kind or a malformed body. */
export function decodeOperation(operation: EncodedOperation): RemoteOperation {
  const { kind, body } = operation;
  switch (kind) {
    case OperationKind.OPERATION_OPEN_REGION:
      return decodeOpen(body);
    case OperationKind.OPERATION_CLOSE_REGION:
      return decodeClose(body);
    case OperationKind.OPERATION_FLUSH_REGION: {
      const { regionId, generation } = decodeMessage(FlushRegionSchema, body);
      return {
        kind: 'flush',
        regionId: regionIdOf(regionId),
        generation: generationOf(generation),
      };
    }
    case OperationKind.OPERATION_COMPACT_REGION: {
      const message = decodeMessage(CompactRegionSchema, body);
      return {
        kind: 'compact',
        regionId: regionIdOf(message.regionId),
        generation: generationOf(message.generation),
        family: message.family === '' ? undefined : message.family,
        isMajor: message.major,
      };
    }
    case OperationKind.OPERATION_SORT_LOG:
      return decodeSortLog(body);
    case OperationKind.OPERATION_UNKNOWN:
      break;
  }
  // The peer may be newer: its enum has values that ours has not.
  throw new CadastreError('bad-request', `unknown kind of remote operation: ${Number(kind)}`);
}

function decodeOpen(body: Uint8Array): OpenRegion {
  const message = decodeMessage(OpenRegionSchema, body);
  return {
    kind: 'open',
    region: regionInfoFromMessage(message.region),
    table: tableFromMessage(message.table),
    generation: generationOf(message.generation),
    openSequenceMin: sequenceOf(message.openSequenceMin),
    files: message.files.map(storeFileFromMessage),
    slices: message.slices.map(logSliceFromMessage),
    nonces: message.nonces.map(usedNonceFromMessage),
  };
}

function decodeClose(body: Uint8Array): CloseRegion {
  const { regionId, generation, destination } = decodeMessage(CloseRegionSchema, body);
  return {
    kind: 'close',
    regionId: regionIdOf(regionId),
    generation: generationOf(generation),
    destination:
      destination === undefined
        ? undefined
        : {
            host: destination.host,
            port: destination.port,
            incarnation: safeNumberOf(destination.incarnation, 'an incarnation') as Incarnation,
          },
  };
}

function decodeSortLog(body: Uint8Array): SortLog {
  const message = decodeMessage(SortLogSchema, body);
  return {
    kind: 'sort-log',
    log: message.log,
    from: logPositionFromMessage(message.from),
    until: logPositionFromMessage(message.until),
    regions: message.regions.map(({ regionId, skipUpTo }) => ({
      regionId: regionIdOf(regionId),
      skipUpTo: sequenceOf(skipUpTo),
    })),
  };
}

export function encodeSortLogResult(result: SortLogResult): Uint8Array {
  const message = create(SortLogResultSchema, {
    object: result.object ?? '',
    bytes: BigInt(result.bytes),
    crc32: result.crc32,
    regions: result.regions.map((region) => ({
      regionId: BigInt(region.regionId),
      offset: BigInt(region.offset),
      bytes: BigInt(region.bytes),
      entries: BigInt(region.entries),
      sequenceMin: BigInt(region.sequenceMin),
      sequenceMax: BigInt(region.sequenceMax),
    })),
  });
  return toBinary(SortLogResultSchema, message);
}

export function decodeSortLogResult(bytes: Uint8Array): SortLogResult {
  const message = decodeMessage(SortLogResultSchema, bytes);
  return {
    object: message.object === '' ? undefined : message.object,
    bytes: safeNumberOf(message.bytes, 'the bytes of a sorted log'),
    crc32: message.crc32,
    regions: message.regions.map((region) => ({
      regionId: regionIdOf(region.regionId),
      offset: safeNumberOf(region.offset, 'an offset'),
      bytes: safeNumberOf(region.bytes, 'the bytes of a region'),
      entries: safeNumberOf(region.entries, 'the entries of a region'),
      sequenceMin: sequenceOf(region.sequenceMin),
      sequenceMax: sequenceOf(region.sequenceMax),
    })),
  };
}

/** The digest of a server's regions that a heartbeat carries: equal for equal sets. */
export function digestRegions(regions: Iterable<HeldRegion>): {
  readonly count: bigint;
  readonly crc32: number;
} {
  const sorted = [...regions].sort((a, b) => a.regionId - b.regionId);
  const bytes = Buffer.alloc(sorted.length * 16);
  for (const [i, { regionId, generation }] of sorted.entries()) {
    bytes.writeDoubleBE(regionId, i * 16);
    bytes.writeDoubleBE(generation, i * 16 + 8);
  }
  return { count: BigInt(sorted.length), crc32: crc32(bytes) };
}
