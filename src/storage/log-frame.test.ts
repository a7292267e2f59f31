import {
  array,
  assert as assertProperty,
  integer,
  nat,
  property,
  uint8Array,
  type Arbitrary,
} from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Group, frameRecords, logNameCrc, readFrame } from './log-frame.js';

const nameCrc = logNameCrc('w');
const payloads: Arbitrary<Uint8Array[]> = array(uint8Array({ maxLength: 200 }), { minLength: 1 });

function frameOf(records: readonly Uint8Array[], first: number, offset: number): Buffer {
  const group = new Group();
  records.forEach((record, i) => group.add(first + i, [record], record.length));
  return Buffer.from(group.finish(nameCrc, 3, offset, first - 1));
}

describe('a frame', () => {
  it('gives back its records, numbers and place', () =>
    assertProperty(
      property(payloads, integer({ min: 1, max: 2 ** 50 }), nat(), (records, first, offset) => {
        const bytes = frameOf(records, first, offset);
        expect(bytes.length % 8).toBe(0);
        const frame = readFrame(bytes, 0, nameCrc, 3, offset);
        if (frame === undefined) throw new Error('the frame is not there');
        expect(frame).toMatchObject({ firstSequence: first, synced: first - 1 });
        const read = [...frameRecords(frame)];
        expect(read.map(({ payload }) => [...payload])).toEqual(records.map((one) => [...one]));
        expect(read.at(-1)?.next).toEqual({
          segment: 3,
          offset: offset + bytes.length,
          sequence: first + records.length,
        });
      }),
    ));

  it('is refused in another log, segment or place, and with any bit but the padding changed', () =>
    assertProperty(
      property(payloads, nat(1_000_000), (records, seed) => {
        const bytes = frameOf(records, 7, 64);
        expect(readFrame(bytes, 0, logNameCrc('v'), 3, 64)).toBeUndefined();
        expect(readFrame(bytes, 0, nameCrc, 4, 64)).toBeUndefined();
        expect(readFrame(bytes, 0, nameCrc, 3, 72)).toBeUndefined();
        const used = 40 + records.reduce((sum, one) => sum + 4 + one.length, 0);
        const at = seed % used;
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (seed % 8));
        expect(readFrame(bytes, 0, nameCrc, 3, 64)).toBeUndefined();
      }),
    ));

  it('is never found in other bytes, whole or cut (fuzz)', () =>
    assertProperty(
      property(uint8Array({ maxLength: 300 }), payloads, nat(), (noise, records, cut) => {
        expect(readFrame(Buffer.from(noise), 0, nameCrc, 3, 0)).toBeUndefined();
        const bytes = frameOf(records, 1, 0);
        const used = 40 + records.reduce((sum, one) => sum + 4 + one.length, 0);
        expect(readFrame(bytes.subarray(0, cut % used), 0, nameCrc, 3, 0)).toBeUndefined();
      }),
    ));

  it('has the bytes that are written down here, for ever', () => {
    const bytes = frameOf([Buffer.from('one'), Buffer.alloc(0)], 5, 16);
    expect(bytes.toString('hex').match(/.{16}/g)).toMatchInlineSnapshot(`
      [
        "cada57e19ed262b3",
        "0000000b00000002",
        "0000000300000010",
        "0000000000000005",
        "0000000000000004",
        "000000036f6e6500",
        "0000000000000000",
      ]
    `);
  });
});
