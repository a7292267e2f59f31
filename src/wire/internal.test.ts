import { create } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import type { Generation, Incarnation, RegionId, Sequence, TableId } from '../base/ids.js';
import type { LogSlice, StoreCommit, StoreFileRef, UsedNonce } from '../base/store-file.js';
import { familyDescriptor } from '../base/table.js';
import type { RegionInfo, TableDescriptor } from '../base/table.js';
import { OperationKind, StoreCommitSchema } from './generated/cadastre/internal_pb.js';
import {
  decodeOperation,
  decodeSortLogResult,
  digestRegions,
  encodeOperation,
  encodeSortLogResult,
  ServerControlService,
  ServerStatusService,
  TransitionKind,
} from './internal.js';
import type { RemoteOperation } from './internal.js';
import {
  errorFromMessage,
  errorToMessage,
  heldRegionFromMessage,
  heldRegionToMessage,
  storeCommitFromMessage,
  storeCommitToMessage,
} from './internal-codec.js';
import { callProto, protoService } from './proto-service.js';
import { comparable } from './testing/comparable.js';
import { rpcPair } from './testing/cluster.js';

function number<T extends number>(): fc.Arbitrary<T> {
  return fc.maxSafeNat().map((value) => value as T);
}
const bytes = fc.uint8Array({ maxLength: 10 }).map((array) => Buffer.from(array));
const clip = fc.option(fc.record({ startKey: bytes, endKey: bytes }), { nil: undefined });
const region: fc.Arbitrary<RegionInfo> = fc.record({
  tableId: number<TableId>(),
  table: fc.record({ namespace: fc.string(), qualifier: fc.string() }),
  regionId: number<RegionId>(),
  startKey: bytes,
  endKey: bytes,
});
const attributes = fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true });
const table: fc.Arbitrary<TableDescriptor> = fc.record({
  name: fc.record({ namespace: fc.string(), qualifier: fc.string() }),
  families: fc.array(
    fc
      .record({
        versionsMax: fc.nat(),
        ttlSeconds: fc.nat(),
        compression: fc.constantFrom('none', 'gzip', 'zstd'),
        keepDeletedCells: fc.constantFrom('false', 'true', 'ttl'),
        attributes,
      })
      .map((changes) => familyDescriptor('f', changes)),
    { maxLength: 2 },
  ),
  attributes,
});
const file: fc.Arbitrary<StoreFileRef> = fc.record({
  family: fc.string(),
  object: fc.string(),
  bytes: fc.maxSafeNat(),
  crc32: fc.nat(0xffffffff),
  entries: fc.maxSafeNat(),
  sequenceMin: number<Sequence>(),
  sequenceMax: number<Sequence>(),
  birth: number(),
  clip,
  visibleBytes: fc.maxSafeNat(),
  visibleEntries: fc.maxSafeNat(),
  majorCompacted: fc.boolean(),
  // Of any cell's time, the largest included.
  timestampMin: fc.constantFrom(0, 5, 2 ** 63),
  timestampMax: fc.constantFrom(0, 5, 2 ** 63),
});
const slice: fc.Arbitrary<LogSlice> = fc.record({
  object: fc.string(),
  origin: number<RegionId>(),
  offset: fc.maxSafeNat(),
  bytes: fc.maxSafeNat(),
  entries: fc.maxSafeNat(),
  skipUpTo: number<Sequence>(),
  sequenceMax: number<Sequence>(),
  clip,
});
const decimal = fc.bigInt(0n, 2n ** 64n - 1n).map(String);
const nonce: fc.Arbitrary<UsedNonce> = fc.record({
  group: decimal,
  nonce: decimal,
  usedAtMs: fc.maxSafeNat(),
});
const position = fc.record({
  segment: fc.maxSafeNat(),
  offset: fc.maxSafeNat(),
  sequence: fc.maxSafeNat(),
});
const held = { regionId: number<RegionId>(), generation: number<Generation>() };

const operation: fc.Arbitrary<RemoteOperation> = fc.oneof(
  fc.record({
    kind: fc.constant('open' as const),
    region,
    table,
    generation: number<Generation>(),
    openSequenceMin: number<Sequence>(),
    files: fc.array(file, { maxLength: 3 }),
    slices: fc.array(slice, { maxLength: 3 }),
    nonces: fc.array(nonce, { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant('close' as const),
    ...held,
    destination: fc.option(
      fc.record({
        host: fc.string(),
        port: fc.nat(65_535),
        incarnation: number<Incarnation>(),
      }),
      { nil: undefined },
    ),
  }),
  fc.record({ kind: fc.constant('flush' as const), ...held }),
  fc.record({
    kind: fc.constant('compact' as const),
    ...held,
    family: fc.constantFrom(undefined, 'f'),
    isMajor: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('sort-log' as const),
    log: fc.string(),
    from: position,
    until: position,
    regions: fc.array(fc.record({ regionId: number<RegionId>(), skipUpTo: number<Sequence>() }), {
      maxLength: 3,
    }),
  }),
);

describe('messages between server and master', () => {
  it('bring every remote operation through as it was', () => {
    fc.assert(
      fc.property(operation, (sent) => {
        expect(comparable(decodeOperation(encodeOperation(sent)))).toEqual(comparable(sent));
      }),
    );
  });

  it('bring store commits through, and tell no nonces from an empty window', () => {
    const commit: fc.Arbitrary<StoreCommit> = fc.record({
      added: fc.array(file, { maxLength: 3 }),
      removed: fc.array(fc.string(), { maxLength: 3 }),
      flushedSequence: fc.option(number<Sequence>(), { nil: undefined }),
      nonces: fc.option(fc.array(nonce, { maxLength: 2 }), { nil: undefined }),
      replayedSlices: fc.array(fc.string(), { maxLength: 2 }),
    });
    fc.assert(
      fc.property(commit, (sent) => {
        const message = create(StoreCommitSchema, storeCommitToMessage(sent));
        expect(comparable(storeCommitFromMessage(message))).toEqual(comparable(sent));
      }),
    );
  });

  it('bring the result of sorting a log through', () => {
    const sorted = fc.record({
      object: fc.constantFrom(undefined, 'data/x'),
      bytes: fc.maxSafeNat(),
      crc32: fc.nat(0xffffffff),
      regions: fc.array(
        fc.record({
          regionId: number<RegionId>(),
          offset: fc.maxSafeNat(),
          bytes: fc.maxSafeNat(),
          entries: fc.maxSafeNat(),
          sequenceMin: number<Sequence>(),
          sequenceMax: number<Sequence>(),
        }),
      ),
    });
    fc.assert(
      fc.property(sorted, (result) => {
        expect(decodeSortLogResult(encodeSortLogResult(result))).toEqual(result);
      }),
    );
  });

  it('of an unknown kind, malformed, or without a part are refused', () => {
    const kinds = [0, 1, 2, 3, 4, 5, 99] as OperationKind[];
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.uint8Array({ maxLength: 60 }), (kind, body) => {
        try {
          decodeOperation({ kind, body });
        } catch (error) {
          expect(error).toBeInstanceOf(CadastreError);
          expect((error as CadastreError).code).toBe('bad-request');
        }
      }),
      { numRuns: 500 },
    );
    const kind = OperationKind.OPERATION_OPEN_REGION;
    expect(() => decodeOperation({ kind, body: Buffer.alloc(0) })).toThrow(/lacks a region/);
  });

  it('of equal sets of regions have equal digests, in any order', () => {
    const list = fc.uniqueArray(fc.record(held), { selector: ({ regionId }) => regionId });
    fc.assert(
      fc.property(list, (regions) => {
        expect(digestRegions([...regions].reverse())).toEqual(digestRegions(regions));
      }),
    );
    const one = { regionId: 1 as RegionId, generation: 1 as Generation };
    const next = { ...one, generation: 2 as Generation };
    expect(digestRegions([one])).not.toEqual(digestRegions([next]));
  });

  it('carry errors by their code, and unknown codes as internal ones', () => {
    const error = new CadastreError('stale-generation', 'generation 3 is over');
    const { code, message } = error;
    const type = 'cadastre.internal.Error';
    const sent = { $typeName: type, ...errorToMessage(error), code, message } as const;
    expect(errorFromMessage(sent)).toMatchObject({ code, message });
    expect(errorFromMessage({ ...sent, code: 'of-the-future' }).code).toBe('internal');
  });
});

describe('our services', () => {
  it('are served and called with typed messages; missing methods are refused', async () => {
    const regions = [{ regionId: 5 as RegionId, generation: 2 as Generation }];
    const service = protoService(ServerStatusService, {
      heartbeat: (request) => ({
        epoch: request.epoch + 1n,
        close: regions.map(heldRegionToMessage),
      }),
      reportTransition: async (request) => {
        await Promise.resolve();
        return {
          answers: request.reports.map(({ kind }) => ({
            accepted: kind === TransitionKind.TRANSITION_OPENED,
          })),
        };
      },
      register: async () => {
        await Promise.resolve();
        throw new CadastreError('stale-incarnation', 'incarnation 3 is crashed');
      },
    });
    const pair = await rpcPair({}, { services: [service] });
    const client = pair.client();
    const { heartbeat, reportTransition, register, commitStores } = ServerStatusService.method;
    const options = { timeoutMs: 1_000 };
    const { simulation, address } = pair;
    const beat = await simulation.run(
      callProto(client, address, heartbeat, { epoch: 6n }, options),
    );
    expect(beat.epoch).toBe(7n);
    expect(beat.close.map(heldRegionFromMessage)).toEqual(regions);
    const kinds = [TransitionKind.TRANSITION_OPENED, TransitionKind.TRANSITION_CLOSED];
    const reports = kinds.map((kind) => ({ kind }));
    const report = callProto(client, address, reportTransition, { reports }, options);
    const { answers } = await simulation.run(report);
    expect(answers.map(({ accepted }) => accepted)).toEqual([true, false]);
    const refused = callProto(client, address, register, {}, options);
    await expect(simulation.run(refused)).rejects.toMatchObject({ code: 'stale-incarnation' });
    const missing = callProto(client, address, commitStores, {}, options);
    await expect(simulation.run(missing)).rejects.toMatchObject({ code: 'not-supported' });
    expect(ServerControlService.method.executeOperations.name).toBe('ExecuteOperations');
  });
});
