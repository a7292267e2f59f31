import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import { ByteWriter } from './byte-writer.js';
import { FrameAssembler } from './frame-assembler.js';
import { ProtoReader } from './proto-reader.js';
import { uint64 } from './testing/arbitraries.js';
import { formatUint64, fromSafeNumber, parseUint64, safeNumberOf, toSafeNumber } from './uint64.js';

describe('64-bit numbers in halves', () => {
  it('have the decimal digits that BigInt gives, both ways', () => {
    fc.assert(
      fc.property(uint64, ({ high, low }) => {
        const digits = ((BigInt(high) << 32n) | BigInt(low)).toString();
        expect(formatUint64(high, low)).toBe(digits);
        expect(parseUint64(digits)).toEqual({ high, low });
      }),
    );
    for (const text of ['', '-1', '1.5', '18446744073709551616', '99999999999999999999', 'x']) {
      expect(() => parseUint64(text)).toThrow(CadastreError);
    }
  });

  it('are safe integers where they count, or are refused', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const { high, low } = fromSafeNumber(value);
        expect(toSafeNumber(high, low, 'x')).toBe(value);
        expect(safeNumberOf(BigInt(value), 'x')).toBe(value);
      }),
    );
    expect(() => toSafeNumber(2 ** 21, 0, 'the number')).toThrow(/the number 9007199254740992/);
    expect(() => safeNumberOf(-1n, 'x')).toThrow(CadastreError);
    expect(() => safeNumberOf(2n ** 53n, 'x')).toThrow(CadastreError);
  });
});

describe('ProtoReader', () => {
  it('reads what ByteWriter wrote, nested messages of every length included', () => {
    const field = fc.oneof(
      fc.nat(0xffffffff).map((value) => ({ value })),
      uint64.map((long) => ({ long })),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => ({ bytes })),
    );
    fc.assert(
      fc.property(fc.array(fc.array(field, { maxLength: 6 }), { maxLength: 6 }), (messages) => {
        const writer = new ByteWriter(16);
        writer.uint8(0);
        writer.take();
        for (const fields of messages) {
          const mark = writer.begin(10);
          for (const written of fields) {
            if ('value' in written) writer.varintField(8, written.value);
            else if ('long' in written) {
              writer.varint64Field(16, written.long.high, written.long.low);
            } else writer.bytesField(26, written.bytes);
          }
          writer.end(mark);
        }
        const reader = new ProtoReader(writer.take());
        const read = messages.map((fields) => {
          expect(reader.tag()).toBe(10);
          const outer = reader.enter();
          const values = fields.map(() => {
            const tag = reader.tag();
            if (tag === 8) return { value: reader.varint32() };
            if (tag === 26) return { bytes: new Uint8Array(reader.bytes()) };
            reader.varint64();
            return { long: { high: reader.high, low: reader.low } };
          });
          expect(reader.isDone).toBe(true);
          reader.leave(outer);
          return values;
        });
        expect(reader.isDone).toBe(true);
        expect(read).toEqual(messages);
      }),
    );
  });

  it('skips every field it does not know, and reads negative numbers as signed', () => {
    // Fields 1 to 5: varint, fixed64, bytes, fixed32, and -1 in ten bytes.
    const message = Buffer.from(
      '08 96 01 11 0000000000000000 1a 02 6869 25 00000000 28 ff ff ff ff ff ff ff ff ff 01'
        .split(' ')
        .join(''),
      'hex',
    );
    const reader = new ProtoReader(message);
    for (let i = 0; i < 4; i++) reader.skip(reader.tag());
    expect(reader.tag()).toBe(40);
    expect(reader.int32()).toBe(-1);
    expect(reader.isDone).toBe(true);
  });

  it('of any bytes moves forward or throws bad-request', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const reader = new ProtoReader(Buffer.from(bytes));
        try {
          while (!reader.isDone) {
            const before = reader.at;
            reader.skip(reader.tag());
            expect(reader.at).toBeGreaterThan(before);
            expect(reader.at).toBeLessThanOrEqual(bytes.length);
          }
        } catch (error) {
          expect((error as CadastreError).code).toBe('bad-request');
        }
      }),
    );
  });
});

describe('FrameAssembler', () => {
  function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
    const pieces: Buffer[] = [];
    let at = 0;
    for (let i = 0; at < bytes.length; i++) {
      const size = sizes[i % sizes.length] ?? 1;
      pieces.push(bytes.subarray(at, at + size));
      at += size;
    }
    return pieces;
  }

  it('gives the frames however the stream is cut, also when stopped after any of them', () => {
    const frames = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 });
    const sizes = fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1 });
    const stops = fc.array(fc.boolean(), { minLength: 1 });
    fc.assert(
      fc.property(frames, sizes, stops, (sent, cuts, stopping) => {
        const stream = Buffer.concat(
          sent.map((bytes) => {
            const length = Buffer.alloc(4);
            length.writeUInt32BE(bytes.length);
            return Buffer.concat([length, bytes]);
          }),
        );
        const received: Uint8Array[] = [];
        let isStopped = false;
        const assembler = new FrameAssembler(50, {
          frame: (bytes) => {
            expect(isStopped).toBe(false);
            received.push(new Uint8Array(bytes));
            isStopped = stopping[received.length % stopping.length] ?? false;
            return !isStopped;
          },
          oversize: () => expect.unreachable(),
        });
        for (const piece of cut(stream, cuts)) assembler.push(Buffer.from(piece));
        for (let i = 0; i <= sent.length && isStopped; i++) {
          isStopped = false;
          assembler.resume();
        }
        expect(received).toEqual(sent);
      }),
    );
  });

  it('holds no more than twice what came of a frame whose length is only announced', () => {
    const assembler = new FrameAssembler(2 ** 28, {
      frame: () => expect.unreachable(),
      oversize: () => expect.unreachable(),
    });
    assembler.push(Buffer.from('0fffffff', 'hex'));
    for (let i = 0; i < 100; i++) assembler.push(Buffer.alloc(100));
    expect(assembler.heldBytes).toBeLessThanOrEqual(2 * 10_004);
  });

  it('shows the start of a frame above the limit once, and then nothing more', () => {
    const heads: string[] = [];
    const assembler = new FrameAssembler(10, {
      frame: () => expect.unreachable(),
      oversize: (length, head) => heads.push(`${length} ${head.toString('hex')}`),
    });
    assembler.headBytes = 8;
    assembler.push(Buffer.from('000000ff', 'hex'));
    expect(heads).toEqual([]);
    assembler.push(Buffer.from('020801ffffffffffffffff', 'hex'));
    assembler.push(Buffer.alloc(500));
    expect(heads).toEqual(['255 020801ffffffffff']);
  });
});
