import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cell } from '../base/cell.js';
import { CadastreError } from '../base/errors.js';
import { ByteWriter } from './byte-writer.js';
import {
  GetRequestSchema,
  MultiRequestSchema,
  MutateRequestSchema,
  MutationProto_DeleteType,
  MutationProto_MutationType,
  ScanRequestSchema,
} from './generated/hbase/client_pb.js';
import { RegionSpecifier_RegionSpecifierType } from './generated/hbase/hbase_pb.js';
import {
  decodeGetRequest,
  decodeMultiRequest,
  decodeMutateRequest,
  decodeScanRequest,
} from './request-decoder.js';
import {
  multiRequestCells,
  writeGetRequest,
  writeMultiRequest,
  writeMutateRequest,
  writeScanRequest,
} from './request-encoder.js';
import { get, multiRequest, mutateRequest, region, scanRequest } from './testing/arbitraries.js';
import { comparable } from './testing/comparable.js';

function written(write: (writer: ByteWriter) => void): Buffer {
  const writer = new ByteWriter();
  write(writer);
  return writer.take();
}

function blockOf(cells: readonly Cell[]): Buffer {
  return written((writer) => {
    for (const cell of cells) writer.blockCell(cell, false);
  });
}

const regionMessage = {
  type: RegionSpecifier_RegionSpecifierType.REGION_NAME,
  value: Buffer.from('t,,1.x.'),
};

describe('requests of ClientService', () => {
  it('are decoded as they were encoded, also after a trip through generated code (R-D6)', () => {
    fc.assert(
      fc.property(fc.record({ region, get }), (request) => {
        const message = written((writer) => writeGetRequest(writer, request));
        const again = toBinary(GetRequestSchema, fromBinary(GetRequestSchema, message));
        for (const form of [message, Buffer.from(again)]) {
          expect(comparable(decodeGetRequest(form))).toEqual(comparable(request));
        }
      }),
    );
    fc.assert(
      fc.property(mutateRequest, (request) => {
        const message = written((writer) => writeMutateRequest(writer, request));
        const again = toBinary(MutateRequestSchema, fromBinary(MutateRequestSchema, message));
        for (const form of [message, Buffer.from(again)]) {
          expect(comparable(decodeMutateRequest(form, undefined))).toEqual(comparable(request));
        }
      }),
    );
    fc.assert(
      fc.property(scanRequest, (request) => {
        const message = written((writer) => writeScanRequest(writer, request));
        const again = toBinary(ScanRequestSchema, fromBinary(ScanRequestSchema, message));
        for (const form of [message, Buffer.from(again)]) {
          expect(comparable(decodeScanRequest(form))).toEqual(comparable(request));
        }
      }),
    );
  });

  it('carry the cells of batches in the block, and without a codec in the message', () => {
    fc.assert(
      fc.property(multiRequest, fc.boolean(), (request, hasBlock) => {
        const codec = hasBlock ? 'key-value' : 'none';
        const message = written((writer) => writeMultiRequest(writer, request, codec));
        const block = hasBlock ? blockOf(multiRequestCells(request)) : undefined;
        const again = toBinary(MultiRequestSchema, fromBinary(MultiRequestSchema, message));
        for (const form of [message, Buffer.from(again)]) {
          expect(comparable(decodeMultiRequest(form, block))).toEqual(comparable(request));
        }
      }),
    );
  });

  it('whatever is cut off or changed in them, are decoded or refused, and never more', () => {
    const decoders = [
      decodeGetRequest,
      decodeScanRequest,
      (bytes: Buffer) => decodeMutateRequest(bytes, bytes.subarray(bytes.length >> 1)),
      (bytes: Buffer) => decodeMultiRequest(bytes, bytes.subarray(bytes.length >> 1)),
    ];
    const valid = fc.oneof(
      mutateRequest.map((request) => written((writer) => writeMutateRequest(writer, request))),
      multiRequest.map((request) =>
        written((writer) => writeMultiRequest(writer, request, 'none')),
      ),
      scanRequest.map((request) => written((writer) => writeScanRequest(writer, request))),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    );
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(valid, damage, fc.nat(), (message, changes, cut) => {
        const bytes = Buffer.from(message);
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
        const damaged = bytes.subarray(0, bytes.length - (cut % (bytes.length + 1)));
        for (const decode of decoders) {
          for (const form of [bytes, damaged]) {
            try {
              decode(form);
            } catch (error) {
              expect(error).toBeInstanceOf(CadastreError);
              expect((error as CadastreError).kind).toBe('fix-request');
            }
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a mutation', () => {
  function mutate(mutation: object, cellBlock?: Buffer) {
    const message = create(MutateRequestSchema, {
      region: regionMessage,
      mutation: { row: Buffer.from('r'), ...mutation },
    });
    return decodeMutateRequest(Buffer.from(toBinary(MutateRequestSchema, message)), cellBlock);
  }
  const column = (value: object) => [{ family: Buffer.from('f'), qualifierValue: [value] }];
  const qualifier = Buffer.from('q');

  it('of a put takes the time of the put where a cell has none, and "now" where neither has', () => {
    const value = { qualifier, value: Buffer.from('v') };
    const put = { mutateType: MutationProto_MutationType.PUT, columnValue: column(value) };
    expect(mutate({ ...put, timestamp: 5n }).mutation.cells[0]?.timestampApproximate).toBe(5);
    expect(mutate(put).mutation.cells[0]?.isLatestTimestamp).toBe(true);
  });

  it('of a delete gives each kind of marker, and the whole row without columns', () => {
    const kinds = [
      [MutationProto_DeleteType.DELETE_ONE_VERSION, 8],
      [MutationProto_DeleteType.DELETE_MULTIPLE_VERSIONS, 12],
      [MutationProto_DeleteType.DELETE_FAMILY, 14],
      [MutationProto_DeleteType.DELETE_FAMILY_VERSION, 10],
    ] as const;
    const mutateType = MutationProto_MutationType.DELETE;
    for (const [deleteType, type] of kinds) {
      const columnValue = column({ qualifier, deleteType });
      // The mutation's time is for the whole row; markers without one are "now".
      const { cells } = mutate({ mutateType, columnValue, timestamp: 9n }).mutation;
      expect(cells.map((cell) => cell.type)).toEqual([type]);
      expect(cells[0]?.isLatestTimestamp).toBe(true);
    }
    expect(mutate({ mutateType, timestamp: 9n }).mutation).toMatchObject({
      cells: [],
      timestampLow: 9,
    });
  });

  it('with the attribute _ttl gets the tag on each cell; with _rr_ 0 wants no result', () => {
    const ttl = Buffer.from('000000000000ea60', 'hex');
    const attribute = [{ name: '_ttl', value: ttl }];
    const columnValue = column({ qualifier, value: Buffer.from('v') });
    const mutateType = MutationProto_MutationType.PUT;
    const inline = mutate({ mutateType, columnValue, attribute }).mutation.cells[0] as Cell;
    expect(inline.tags.toString('hex')).toBe('000908000000000000ea60');
    const bare = mutate({ mutateType, columnValue }).mutation.cells[0] as Cell;
    const block = blockOf([bare]);
    const fromBlock = mutate({ mutateType, attribute, associatedCellCount: 1 }, block).mutation;
    expect(fromBlock.cells[0]?.tags).toEqual(inline.tags);
    const append = mutate({
      mutateType: MutationProto_MutationType.APPEND,
      columnValue,
      attribute: [{ name: '_rr_', value: Buffer.from([0]) }],
    });
    expect(append.mutation).toMatchObject({ returnResult: false });
  });

  it('is refused when it breaks a rule of the data model', () => {
    const put = MutationProto_MutationType.PUT;
    const value = { qualifier, value: Buffer.from('v') };
    const cell = mutate({ mutateType: put, columnValue: column(value) }).mutation.cells[0] as Cell;
    const block = blockOf([cell]);
    const refused: [string, () => unknown][] = [
      ['no row', () => mutate({ mutateType: put, row: Buffer.alloc(0) })],
      ['a long row', () => mutate({ mutateType: put, row: Buffer.alloc(32_768) })],
      ['no value', () => mutate({ mutateType: put, columnValue: column({ qualifier }) })],
      [
        'other row',
        () => mutate({ row: Buffer.from('s'), mutateType: put, associatedCellCount: 1 }, block),
      ],
      ['too few cells', () => mutate({ mutateType: put, associatedCellCount: 2 }, block)],
      ['too many cells', () => mutate({ mutateType: put }, block)],
      ['negative count', () => mutate({ mutateType: put, associatedCellCount: -1 }, block)],
      [
        'a put among deletes',
        () =>
          mutate({ mutateType: MutationProto_MutationType.DELETE, associatedCellCount: 1 }, block),
      ],
      [
        'an amount of one byte',
        () =>
          mutate({ mutateType: MutationProto_MutationType.INCREMENT, columnValue: column(value) }),
      ],
      [
        'malformed tags',
        () =>
          mutate({
            mutateType: put,
            columnValue: column({ ...value, tags: Buffer.from([0, 9, 1]) }),
          }),
      ],
      [
        'a bad ttl',
        () => mutate({ mutateType: put, attribute: [{ name: '_ttl', value: Buffer.alloc(3) }] }),
      ],
      [
        'visibility',
        () =>
          mutate({ mutateType: put, attribute: [{ name: 'VISIBILITY', value: Buffer.alloc(1) }] }),
      ],
    ];
    for (const [name, run] of refused) expect(run, name).toThrow(CadastreError);
  });
});

describe('a multi of clients before 2.4', () => {
  it('has its condition in the only region action', () => {
    const row = Buffer.from('r');
    const comparator = { name: 'c', serializedComparator: Buffer.alloc(0) };
    const message = create(MultiRequestSchema, {
      regionAction: [{ region: regionMessage, atomic: true, action: [] }],
      condition: { row, family: Buffer.from('f'), comparator },
    });
    const request = decodeMultiRequest(
      Buffer.from(toBinary(MultiRequestSchema, message)),
      undefined,
    );
    expect(request.hasRequestCondition).toBe(true);
    expect(request.regions[0]).toMatchObject({ isAtomic: true, condition: { kind: 'value', row } });
  });
});
