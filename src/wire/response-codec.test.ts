import { fromBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import type { MultiResponse, MutateResponse, ScanResponse } from './client-messages.js';
import { MultiResponseSchema, ScanResponseSchema } from './generated/hbase/client_pb.js';
import type { CellCodec } from './headers.js';
import {
  decodeGetResponse,
  decodeMultiResponse,
  decodeMutateResponse,
  decodeScanResponse,
} from './response-decoder.js';
import { replyGet, replyMulti, replyMutate, replyScan } from './response-encoder.js';
import type { RpcCall } from './rpc-call.js';
import { cellResult, uint64 } from './testing/arbitraries.js';
import { rpcPair } from './testing/cluster.js';
import type { RpcPair } from './testing/cluster.js';
import { comparable } from './testing/comparable.js';

/** A server that answers with what it is told to, and the replies as they come out of the network. */
async function asker() {
  let answer: (call: RpcCall) => void = () => undefined;
  const pair: RpcPair = await rpcPair({ Ask: (call) => answer(call) });
  const clients = new Map(
    (['none', 'key-value'] as const).map((codec) => [codec, pair.client({ codec })]),
  );
  return (codec: 'none' | 'key-value', reply: (call: RpcCall) => void) => {
    answer = reply;
    const client = clients.get(codec) ?? pair.client({ codec });
    return pair.simulation.run(
      client.call(pair.address, 'ClientService', {
        method: 'Ask',
        encode: () => undefined,
        value: undefined,
        timeoutMs: 1_000,
      }),
    );
  };
}

const codecs: fc.Arbitrary<'none' | 'key-value'> = fc.constantFrom('none', 'key-value');

const outcome = fc.oneof(
  cellResult.map((result) => ({ kind: 'done' as const, index: 0, result })),
  cellResult.map((result) => ({ kind: 'done' as const, index: 0, result, isInline: true })),
  fc.constant({ kind: 'done' as const, index: 0 }),
  fc.constant({
    kind: 'error' as const,
    index: 0,
    error: new CadastreError('region-too-busy', 'x'),
  }),
);
const multi: fc.Arbitrary<MultiResponse> = fc.record({
  regions: fc.array(
    fc.oneof(
      fc
        .record({
          kind: fc.constant('outcomes' as const),
          outcomes: fc.array(outcome, { maxLength: 4 }),
          processed: fc.boolean(),
        })
        .map((region) => ({
          ...region,
          outcomes: region.outcomes.map((one, index) => ({ ...one, index })),
        })),
      fc.constant({
        kind: 'error' as const,
        error: new CadastreError('region-not-serving', 'gone'),
      }),
    ),
    { maxLength: 3 },
  ),
  processed: fc.boolean(),
});

const scanned: fc.Arbitrary<ScanResponse> = fc
  .record({
    results: fc.array(fc.tuple(cellResult, fc.boolean()), { maxLength: 6 }),
    rest: fc.record({
      scannerId: uint64,
      moreResults: fc.boolean(),
      moreResultsInRegion: fc.boolean(),
      leaseMs: fc.nat(100_000),
      readPoint: fc.maxSafeNat(),
      isHeartbeat: fc.constant(true as const),
      metrics: fc.constant({ ROWS_SCANNED: 5, ROWS_FILTERED: 0 }),
      cursorRow: fc.constant(Buffer.from('here')),
    }),
  })
  .map(({ results, rest }) => ({
    ...rest,
    cells: results.flatMap(([{ cells }]) => cells),
    cellsPerResult: results.map(([{ cells }]) => cells.length),
    partialFlags: results.map(([, flag]) => flag),
  }));

describe('responses of ClientService', () => {
  it('of get and mutate arrive as they were sent, with a codec and without', async () => {
    const ask = await asker();
    await fc.assert(
      fc.asyncProperty(cellResult, codecs, fc.boolean(), async (result, codec, processed) => {
        const got = await ask(codec, (call) => replyGet(call, result));
        expect(comparable(decodeGetResponse(got))).toEqual(comparable(result));
        const response: MutateResponse = { result, processed };
        const mutated = await ask(codec, (call) => replyMutate(call, response));
        expect(comparable(decodeMutateResponse(mutated))).toEqual(comparable(response));
      }),
    );
    const exists = await ask('key-value', (call) => replyGet(call, { cells: [], exists: true }));
    // Result { associated_cell_count 0, exists true }.
    expect(exists.message.toString('hex')).toBe('0a0410001801');
    expect(decodeGetResponse(exists)).toEqual({ cells: [], exists: true });
    const put = await ask('key-value', (call) => replyMutate(call, { processed: true }));
    expect(put.message.toString('hex')).toBe('1001');
  });

  it('of multi arrive as they were sent, and generated code reads them', async () => {
    const ask = await asker();
    const plain = (response: MultiResponse): unknown =>
      comparable({
        ...response,
        regions: response.regions.map((region) =>
          region.kind === 'error'
            ? region
            : {
                ...region,
                outcomes: region.outcomes.map((one) => ({ ...one, isInline: undefined })),
              },
        ),
      });
    await fc.assert(
      fc.asyncProperty(multi, codecs, async (response, codec) => {
        const reply = await ask(codec, (call) => replyMulti(call, response));
        expect(plain(decodeMultiResponse(reply))).toEqual(plain(response));
        const message = fromBinary(MultiResponseSchema, reply.message);
        expect(message.regionStatistics?.region).toEqual([]);
        expect(message.regionActionResult).toHaveLength(response.regions.length);
      }),
    );
    // A put's outcome holds an empty result: HBase's clients tell it from none.
    const put = { kind: 'done', index: 3, result: 'empty' } as const;
    const regions = [{ kind: 'outcomes', outcomes: [put] } as const];
    const reply = await ask('key-value', (call) => replyMulti(call, { regions }));
    expect(reply.message.toString('hex')).toBe('0a060a04080312001a00');
  });

  it('of scan arrive as they were sent, and generated code reads them', async () => {
    const ask = await asker();
    await fc.assert(
      fc.asyncProperty(scanned, codecs, async (response, codec: CellCodec) => {
        if (codec === 'key-value-with-tags') return;
        const reply = await ask(codec, (call) => replyScan(call, response));
        expect(comparable(decodeScanResponse(reply))).toEqual(comparable(response));
        const message = fromBinary(ScanResponseSchema, reply.message);
        const counts =
          codec === 'none'
            ? message.results.map(({ cell }) => cell.length)
            : message.cellsPerResult;
        expect(counts).toEqual(response.cellsPerResult);
      }),
    );
  });

  it('whatever is changed in them, are decoded or refused', async () => {
    const decoders = [
      decodeGetResponse,
      decodeMutateResponse,
      decodeMultiResponse,
      decodeScanResponse,
    ];
    const part = fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(part, fc.option(part, { nil: undefined }), (message, cellBlock) => {
        for (const decode of decoders) {
          try {
            decode({ message, cellBlock });
          } catch (error) {
            expect(error).toBeInstanceOf(CadastreError);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
