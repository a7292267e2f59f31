import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CellType, makeCell } from '../base/cell.js';
import { CadastreError } from '../base/errors.js';
import type { Generation, RegionId, Sequence, TableId } from '../base/ids.js';
import { decodeLogRecord, LogRecordBuilder, readLogRecordHeader } from './log-record.js';
import { cellAt } from './testing/requests.js';

const header = {
  tableId: (2 ** 40 + 7) as TableId,
  regionId: (3 * 2 ** 40 + 1) as RegionId,
  generation: 12 as Generation,
  sequence: (2 ** 33 + 5) as Sequence,
  writtenAtMs: 1_700_000_000_123,
};
const nonce = { group: '18446744073709551615', nonce: '1' };

function sample(): Buffer {
  const builder = new LogRecordBuilder();
  builder.begin(header);
  builder.addNonce(nonce);
  builder.addCell(cellAt('row', 'f:q', 'value', { ttlMs: 5000 }), 1_700_000_000_123);
  builder.addCell(cellAt('row', 'f:', '', { timestamp: 9, type: CellType.deleteFamily }), 0);
  return Buffer.from(builder.finish());
}

const bytes = (max: number) => fc.uint8Array({ maxLength: max }).map((array) => Buffer.from(array));
const cell = fc
  .record({
    row: bytes(20),
    family: bytes(3),
    qualifier: bytes(20),
    timestamp: fc.oneof(fc.nat(), fc.constant('latest' as const)),
    type: fc.constantFrom(CellType.put, CellType.delete, CellType.deleteFamily),
    value: bytes(50),
    tags: bytes(9),
  })
  .map((parts) => makeCell(parts));

describe('a log record', () => {
  it('of version 1 has the bytes it always had (golden file)', async () => {
    const hex = `${sample().toString('hex')}\n`;
    await expect(hex).toMatchFileSnapshot('testdata/log-record-1.hex');
  });

  it('gives back what it was built of, with "latest" replaced', () => {
    const decoded = decodeLogRecord(sample());
    expect(decoded).toMatchObject({ ...header, nonces: [nonce] });
    expect(readLogRecordHeader(sample())).toEqual(header);
    const [first, second] = decoded.cells;
    expect(first?.timestampApproximate).toBe(1_700_000_000_123);
    expect(first?.tagsLength).toBe(11);
    expect(second?.timestampApproximate).toBe(9);
    expect(second?.sequence).toBe(header.sequence);
  });

  it('is the same from a builder that built others before, whatever their size', () => {
    fc.assert(
      fc.property(fc.array(fc.array(cell, { maxLength: 5 }), { maxLength: 5 }), (records) => {
        const builder = new LogRecordBuilder();
        for (const cells of records) {
          builder.begin(header);
          for (const one of cells) builder.addCell(one, 77);
          const decoded = decodeLogRecord(builder.finish());
          expect(decoded.cells.map(({ value }) => value)).toEqual(cells.map(({ value }) => value));
          for (const [i, one] of decoded.cells.entries()) {
            const wanted =
              cells[i]?.isLatestTimestamp === true ? 77 : cells[i]?.timestampApproximate;
            expect(one.timestampApproximate).toBe(wanted);
          }
        }
      }),
    );
  });

  it('that is damaged is refused as corruption, whatever the bytes', () => {
    const refusesOrReads = (garbage: Buffer): void => {
      try {
        decodeLogRecord(garbage);
      } catch (error) {
        expect(error).toBeInstanceOf(CadastreError);
        expect((error as CadastreError).code).toBe('corruption');
      }
    };
    fc.assert(fc.property(bytes(200), refusesOrReads));
    const good = sample();
    for (let at = 0; at < good.length; at++) {
      refusesOrReads(good.subarray(0, at));
      for (const bit of [1, 128]) {
        const changed = Buffer.from(good);
        changed[at] = (changed[at] as number) ^ bit;
        refusesOrReads(changed);
      }
    }
  });
});
