import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import type { Incarnation, ProcedureId } from '../base/ids.js';
import { priorities } from './definition.js';
import { ProcedureSchema } from './generated/procedure_pb.js';
import { lockKinds } from './lock-request.js';
import { decodeRecord } from './record-decoder.js';
import { RecordEncoder } from './record-encoder.js';
import type { ProcedureRecord, Status, StoredReply } from './record.js';

const text = fc.string({ unit: 'binary', maxLength: 300 });
const bytes = fc.uint8Array({ maxLength: 300 });
const utf8 = (content: string) => new TextEncoder().encode(content);
const number = fc.maxSafeNat();
const u32 = fc.nat({ max: 0xffffffff });
const error = fc
  .record({ message: text, nextStep: text })
  .map(({ message, nextStep }) =>
    nextStep === ''
      ? new CadastreError('bad-request', message)
      : new CadastreError('bad-request', message, { nextStep }),
  );
const reply: fc.Arbitrary<StoredReply> = fc.oneof(
  fc.record({ kind: fc.constant('remote' as const), body: bytes }),
  fc.record({
    kind: fc.constant('remote-failed' as const),
    error,
    delivered: fc.constantFrom('never' as const, 'executed' as const),
  }),
  fc.record({ kind: fc.constant('report' as const), key: text, payload: bytes }),
);
const on = fc.record(
  {
    remote: fc.record({
      server: number.map((value) => value as Incarnation),
      number,
      kind: text,
      body: bytes,
    }),
    report: text,
    event: text,
    timeoutMs: number,
  },
  { requiredKeys: [] },
);
const status: fc.Arbitrary<Status> = fc.oneof(
  fc.record({ kind: fc.constant('ready' as const), reply: fc.option(reply, { nil: undefined }) }),
  fc.record({ kind: fc.constant('wait' as const), on }),
  fc.record({
    kind: fc.constant('children' as const),
    atMost: u32,
    failedBefore: fc.option(u32, { nil: undefined }),
  }),
);
const record: fc.Arbitrary<ProcedureRecord> = fc.record({
  type: text,
  version: u32,
  parent: fc.option(
    fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }).map((id) => id as ProcedureId),
    { nil: undefined },
  ),
  owner: text,
  nonce: text,
  phase: fc.constantFrom('forward' as const, 'rolling-back' as const),
  step: text,
  input: bytes,
  state: bytes,
  executed: fc.array(text, { maxLength: 4 }),
  status,
  locks: fc.array(
    fc.record({
      kind: fc.constantFrom(...lockKinds),
      name: text,
      mode: fc.constantFrom('shared' as const, 'exclusive' as const),
    }),
    { maxLength: 4 },
  ),
  holdsLocks: fc.boolean(),
  isPastPointOfNoReturn: fc.boolean(),
  error: fc.option(error, { nil: undefined }),
  errorOrigin: fc.constant(''),
  result: bytes,
  isPaused: fc.boolean(),
  isCancelRequested: fc.boolean(),
  priority: fc.constantFrom(...priorities),
  submittedAt: number,
  stepSince: number,
  endedAt: number,
  history: fc.array(
    fc.record({ step: text, isUndo: fc.boolean(), startedAt: number, endedAt: number }),
    { maxLength: 4 },
  ),
  childrenStarted: u32,
  childrenFailed: u32,
});

/** Errors compare by what is stored of them. */
function plainOf(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, part: unknown) => {
      if (part instanceof CadastreError) {
        return { code: part.code, message: part.message, nextStep: part.nextStep };
      }
      return part instanceof Uint8Array ? Buffer.from(part).toString('hex') : part;
    }),
  );
}

const golden: ProcedureRecord = {
  type: 'Ladder',
  version: 3,
  parent: 41 as ProcedureId,
  owner: 'ada',
  nonce: 'n-1',
  phase: 'forward',
  step: 'flip',
  input: utf8('{"table":"t"}'),
  state: utf8('{"climbed":2}'),
  executed: ['prepare', 'write'],
  status: {
    kind: 'wait',
    on: {
      remote: { server: 7 as Incarnation, number: 99, kind: 'open', body: new Uint8Array([1, 2]) },
      report: 'region-5',
      timeoutMs: 1_500,
    },
  },
  locks: [
    { kind: 'namespace', name: 'default', mode: 'shared' },
    { kind: 'table', name: 'default:t', mode: 'exclusive' },
  ],
  holdsLocks: true,
  isPastPointOfNoReturn: false,
  error: undefined,
  errorOrigin: '',
  result: new Uint8Array(0),
  isPaused: true,
  isCancelRequested: false,
  priority: 'table',
  submittedAt: 1_767_225_600_000,
  stepSince: 1_767_225_600_500,
  endedAt: 0,
  history: [
    { step: 'prepare', isUndo: false, startedAt: 1_767_225_600_000, endedAt: 1_767_225_600_500 },
  ],
  childrenStarted: 2,
  childrenFailed: 0,
};

describe('rows of procedures', () => {
  it('survive encoding, whatever is in them', () => {
    const encoder = new RecordEncoder();
    fc.assert(
      fc.property(record, (one) => {
        const again = decodeRecord(new Uint8Array(encoder.encode(one)));
        expect(plainOf(again)).toEqual(plainOf(one));
      }),
    );
  });

  it('are the bytes that the generated protobuf code gives', () => {
    const body = toBinary(
      ProcedureSchema,
      create(ProcedureSchema, {
        type: 'Ladder',
        version: 300,
        parent: 5,
        owner: 'ö'.repeat(100),
        phase: 1,
        step: 'flip',
        input: Buffer.alloc(200, 1),
        executed: ['a', ''],
        status: { case: 'children', value: { atMost: 3, failedBefore: 0 } },
        locks: [{ kind: 4, name: 'default:t', exclusive: true }],
        holdsLocks: true,
        error: { code: 'bad-request', message: 'x'.repeat(200), origin: 'there' },
        priority: 2,
        submittedAt: 12.5,
        childrenStarted: 70_000,
      }),
    );
    const encoded = new RecordEncoder().encode({
      ...golden,
      version: 300,
      parent: 5 as ProcedureId,
      owner: 'ö'.repeat(100),
      nonce: '',
      input: Buffer.alloc(200, 1),
      state: Buffer.alloc(0),
      executed: ['a', ''],
      status: { kind: 'children', atMost: 3, failedBefore: 0 },
      locks: [{ kind: 'table', name: 'default:t', mode: 'exclusive' }],
      error: new CadastreError('bad-request', 'x'.repeat(200)),
      errorOrigin: 'there',
      isPaused: false,
      priority: 'region',
      submittedAt: 12.5,
      stepSince: 0,
      history: [],
      childrenStarted: 70_000,
    });
    expect(Buffer.from(encoded).toString('hex')).toBe(`0001${Buffer.from(body).toString('hex')}`);
  });

  it('may hold fields that a later version added, of every wire type', () => {
    const row = Buffer.from(new RecordEncoder().encode(golden));
    // Field 100 as a number, a double, bytes, and four bytes.
    const later = Buffer.from('a006ff01a1060102030405060708a206026869a50601020304', 'hex');
    const read = decodeRecord(Buffer.concat([row.subarray(0, 2), later, row.subarray(2), later]));
    expect(plainOf(read)).toEqual(plainOf(golden));
  });

  it('are read as the generated protobuf code reads them', () => {
    const encoder = new RecordEncoder();
    fc.assert(
      fc.property(record, (one) => {
        const bytes = new Uint8Array(encoder.encode(one));
        const message = fromBinary(ProcedureSchema, bytes.subarray(2));
        const again = decodeRecord(bytes);
        expect(again.type).toBe(message.type);
        expect(again.version).toBe(message.version);
        expect(again.parent ?? 0).toBe(message.parent);
        expect(again.executed).toEqual(message.executed);
        expect(again.locks.map(({ name }) => name)).toEqual(message.locks.map(({ name }) => name));
        expect(again.history.map(({ endedAt }) => endedAt)).toEqual(
          message.history.map(({ endedAt }) => endedAt),
        );
        expect(again.status.kind).toBe(message.status.case);
        expect(Buffer.compare(again.state, message.state)).toBe(0);
      }),
    );
  });

  it('of format 1 stay as they are', async () => {
    const row = new Uint8Array(new RecordEncoder().encode(golden));
    const hex = Buffer.from(row).toString('hex');
    await expect(`${hex}\n`).toMatchFileSnapshot('testdata/procedure-v1.hex');
    expect(plainOf(decodeRecord(row))).toEqual(plainOf(golden));
  });

  it('of an unknown format or damaged are corruption, never anything else', () => {
    const corruption = expect.objectContaining({ code: 'corruption' });
    expect(() => decodeRecord(Buffer.from([0, 9, 1]))).toThrow(corruption);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (junk) => {
        try {
          decodeRecord(Buffer.concat([Buffer.from([0, 1]), junk]));
        } catch (thrown) {
          expect(thrown).toEqual(corruption);
        }
      }),
    );
  });
});
