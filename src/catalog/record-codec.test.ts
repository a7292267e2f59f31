// Fuzzing: whatever bytes come from the disk, a decoder gives a value or a CadastreError, soon.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import type { Epoch, Revision } from '../base/ids.js';
import { Quarantined } from './image.js';
import { KindRegistry } from './kind.js';
import { decodeManifest } from './manifest.js';
import { RecordBuffer, RecordReader, decodeLogRecord } from './record-codec.js';
import { allKinds } from './records/kinds.js';
import { settingKind } from './records/system.js';

const kinds = new KindRegistry(allKinds);
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));

/** Runs `decode`, which may throw a CadastreError and nothing else. */
function decodes(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    expect(error).toBeInstanceOf(CadastreError);
  }
}

function transaction(values: readonly string[]): Buffer {
  const buffer = new RecordBuffer();
  buffer.startTransaction(3 as Epoch, 7 as Revision, values.length);
  for (const value of values) {
    const after = value === '' ? undefined : value;
    const key = settingKind.encodeKey([value]);
    buffer.addWrite({ key, kind: settingKind, before: undefined, after });
  }
  return Buffer.from(buffer.bytes);
}

function changesOf(payload: Buffer) {
  const content = decodeLogRecord(payload, kinds);
  return content.what === 'transaction' ? [...content.changes] : [];
}

describe('the decoders of the catalog', () => {
  it('read back every transaction that is written', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 20 }), (values) => {
        const expected = values.map((value) => ({
          key: settingKind.encodeKey([value]),
          value: value === '' ? undefined : value,
        }));
        expect(changesOf(transaction(values))).toEqual(expected);
      }),
    );
  });

  it('take any bytes', () => {
    fc.assert(
      fc.property(bytes, (random) => {
        decodes(() => changesOf(random));
        decodes(() => changesOf(Buffer.concat([Buffer.of(1, 2), random])));
        decodes(() => changesOf(Buffer.concat([Buffer.of(1, 1), random])));
        decodes(() => decodeManifest(random));
        decodes(() => {
          const reader = new RecordReader(random, 0, kinds);
          while (!reader.isAtEnd) reader.record();
        });
        for (const kind of allKinds) decodes(() => kind.decode(1, random));
      }),
      { numRuns: 500 },
    );
  });

  it('take a transaction with any byte changed or cut', () => {
    const whole = transaction(['one', 'two', '']);
    for (let at = 0; at < whole.length; at++) {
      for (const bit of [1, 128]) {
        const changed = Buffer.from(whole);
        changed[at] = (changed[at] ?? 0) ^ bit;
        decodes(() => changesOf(changed));
      }
      expect(() => changesOf(whole.subarray(0, at))).toThrow(CadastreError);
    }
  });

  it('refuse a newer format, and quarantine single records instead (L10)', () => {
    const newer = transaction(['one']);
    newer[0] = 2;
    expect(() => changesOf(newer)).toThrow(
      expect.objectContaining({ code: 'root-format-newer' }) as Error,
    );
    const buffer = new RecordBuffer();
    const unknown = new Quarantined(999, 1, Buffer.from('body'), 'of a later version');
    buffer.addRecord('\u0002later\u0000', undefined, unknown);
    buffer.addRecord(settingKind.encodeKey(['a']), settingKind, 'value');
    const reader = new RecordReader(Buffer.from(buffer.bytes), 0, kinds);
    expect(reader.record().value).toMatchObject({ type: 999, body: Buffer.from('body') });
    expect(reader.record().value).toBe('value');
    expect(reader.isAtEnd).toBe(true);
  });
});
