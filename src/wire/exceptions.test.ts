import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { CadastreError, isErrorCode } from '../base/errors.js';
import {
  exceptionClassName,
  exceptionText,
  fromException,
  toExceptionResponse,
} from './exceptions.js';
import { ExceptionResponseSchema } from './generated/hbase/rpc_pb.js';

const prefix = 'org.apache.hadoop.hbase.';
const moved = new CadastreError('region-moved', 't,,1.x. went to b', {
  details: { host: 'b', port: 16020, startCode: 17, sequence: 42 },
});

describe('exceptions', () => {
  it('tell a moved region in the words that clients parse, and in the header', () => {
    expect(exceptionText(moved)).toContain(
      'Region moved to: hostname=b port=16020 startCode=17. As of locationSeqNum=42.',
    );
    expect(toExceptionResponse(moved)).toMatchObject({
      exceptionClassName: `${prefix}exceptions.RegionMovedException`,
      doNotRetry: false,
      hostname: 'b',
      port: 16020,
    });
  });

  it('of a region that moved nobody knows where say that it is not here', () => {
    const vague = new CadastreError('region-moved', 't,,1.x. went away');
    expect(exceptionClassName(vague)).toBe(`${prefix}NotServingRegionException`);
    expect(exceptionText(vague)).not.toContain('undefined');
  });

  it('of HBase itself become our errors, where a region moved to included', () => {
    const received = fromException({
      className: `${prefix}exceptions.RegionMovedException`,
      text: `${prefix}exceptions.RegionMovedException: Region moved to: hostname=h.example port=1 startCode=2. As of locationSeqNum=3.\n\tat x`,
      doNotRetry: false,
    });
    expect(received).toMatchObject({
      code: 'region-moved',
      details: { host: 'h.example', port: 1, startCode: 2, sequence: 3 },
    });
    expect(received.message).not.toContain('\tat');
    const codes = [
      ['NotServingRegionException', 'region-not-serving'],
      ['TableNotFoundException', 'table-not-found'],
      ['RegionTooBusyException', 'region-too-busy'],
      ['DoNotRetryIOException', 'bad-request'],
      ['UnknownScannerException', 'unknown-scanner'],
      ['regionserver.RegionServerStoppedException', 'server-stopped'],
      ['CallQueueTooBigException', 'call-queue-too-big'],
    ] as const;
    for (const [name, code] of codes) {
      const className = prefix + name;
      expect(fromException({ className, text: 'x', doNotRetry: false }).code).toBe(code);
    }
    const unknown = { className: 'org.example.Odd', text: '' };
    expect(fromException({ ...unknown, doNotRetry: true }).code).toBe('bad-request');
    expect(fromException({ ...unknown, doNotRetry: false })).toMatchObject({
      code: 'internal',
      message: 'org.example.Odd',
    });
  });

  it('of ours arrive at our own clients as they were', () => {
    const errors = [
      moved,
      new CadastreError('stale-epoch', 'epoch 5 is over', { nextStep: 'Ask the new master.' }),
      new CadastreError('disk-full', 'no room'),
    ];
    for (const error of errors) {
      const sent = create(ExceptionResponseSchema, toExceptionResponse(error));
      const received = fromException({
        className: sent.exceptionClassName,
        text: sent.stackTrace,
        doNotRetry: sent.doNotRetry,
        detail: sent.cadastreError,
      });
      const { code, message, nextStep, details } = error;
      expect(received).toMatchObject({ code, message, details });
      expect(received.nextStep).toBe(nextStep);
    }
  });

  it('that HBase has a class for come back by class alone as a code of the same kind', () => {
    const samples = [
      'table-exists',
      'region-opening',
      'wrong-region',
      'scanner-reset',
      'please-hold',
    ];
    for (const code of samples.filter(isErrorCode)) {
      const error = new CadastreError(code, 'x');
      const className = exceptionClassName(error);
      expect(fromException({ className, text: 'x', doNotRetry: false }).code).toBe(code);
    }
  });

  it('are told to clients without a version in classes that these know', () => {
    const tooBig = new CadastreError('request-too-big', 'x');
    const name = (version?: { major: number; minor: number }) =>
      toExceptionResponse(tooBig, version).exceptionClassName;
    expect(name()).toBe(`${prefix}DoNotRetryIOException`);
    expect(name({ major: 2, minor: 6 })).toBe(`${prefix}exceptions.RequestTooBigException`);
    const reset = new CadastreError('scanner-reset', 'x');
    expect(toExceptionResponse(reset, { major: 1, minor: 3 }).exceptionClassName).toBe(
      `${prefix}UnknownScannerException`,
    );
  });

  it('have texts of bounded length', () => {
    const long = new CadastreError('internal', 'x'.repeat(1_000_000));
    expect(exceptionText(long).length).toBeLessThan(20_000);
  });
});
