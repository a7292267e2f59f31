import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CellType, cellLength, compareCells, makeCell, readCell, type CellParts } from './cell.js';

const bytes = (max: number) => fc.uint8Array({ maxLength: max }).map((b) => Buffer.from(b));
const parts: fc.Arbitrary<CellParts> = fc.record({
  row: bytes(40),
  family: bytes(5),
  qualifier: bytes(40),
  timestamp: fc.oneof(
    fc.maxSafeNat(),
    fc.constant('latest' as const),
    fc.record({ high: fc.nat({ max: 0x7fffffff }), low: fc.nat({ max: 0xffffffff }) }),
  ),
  type: fc.constantFrom(
    CellType.put,
    CellType.delete,
    CellType.deleteColumn,
    CellType.deleteFamily,
  ),
  value: bytes(50),
  tags: bytes(9),
});

describe('a cell', () => {
  it('gives back the parts it was made of', () => {
    fc.assert(
      fc.property(parts, (made) => {
        const cell = makeCell(made);
        expect(cell.length).toBe(cellLength(made));
        expect(cell.row.equals(made.row)).toBe(true);
        expect(cell.family.equals(made.family)).toBe(true);
        expect(cell.qualifier.equals(made.qualifier)).toBe(true);
        expect(cell.value.equals(made.value)).toBe(true);
        expect(cell.tags.equals(made.tags ?? Buffer.alloc(0))).toBe(true);
        expect(cell.type).toBe(made.type);
        if (typeof made.timestamp === 'number') {
          expect(cell.timestampApproximate).toBe(made.timestamp);
        }
        expect(cell.isLatestTimestamp || made.timestamp !== 'latest').toBe(true);
      }),
    );
  });

  it('is read back from its bytes, wherever they stand', () => {
    fc.assert(
      fc.property(parts, fc.nat({ max: 9 }), (made, offset) => {
        const cell = makeCell(made);
        const buffer = Buffer.concat([Buffer.alloc(offset), cell.bytes, Buffer.alloc(3)]);
        const read = readCell(buffer, offset, cell.length);
        expect(compareCells(read, cell)).toBe(0);
        expect(read.value.equals(cell.value)).toBe(true);
      }),
    );
  });

  it('is refused when its lengths do not agree, whatever the bytes', () => {
    fc.assert(
      fc.property(bytes(60), (garbage) => {
        try {
          const cell = readCell(garbage, 0, garbage.length);
          expect(cell.length).toBe(garbage.length);
          expect(cell.qualifierLength).toBeGreaterThanOrEqual(0);
        } catch (error) {
          expect(error).toMatchObject({ code: 'corruption' });
        }
      }),
    );
  });
});

describe('the order of cells', () => {
  const at = (changes: Partial<CellParts>, sequence = 0) =>
    makeCell(
      {
        row: Buffer.from('r'),
        family: Buffer.from('f'),
        qualifier: Buffer.from('q'),
        timestamp: 5,
        type: CellType.put,
        value: Buffer.alloc(0),
        ...changes,
      },
      sequence,
    );

  it('puts newer timestamps, larger types and later sequences first', () => {
    expect(compareCells(at({ timestamp: 6 }), at({}))).toBeLessThan(0);
    expect(compareCells(at({ type: CellType.deleteColumn }), at({}))).toBeLessThan(0);
    expect(compareCells(at({}, 9), at({}, 8))).toBeLessThan(0);
  });

  it('compares timestamps beyond 2^53 exactly', () => {
    const high = 0x20000000;
    const older = at({ timestamp: { high, low: 1 } });
    const newer = at({ timestamp: { high, low: 2 } });
    expect(compareCells(newer, older)).toBeLessThan(0);
  });

  it('compares rows as unsigned bytes, a prefix first, short and long ones alike', () => {
    const long = Buffer.alloc(50, 7);
    expect(
      compareCells(at({ row: Buffer.from([0x7f]) }), at({ row: Buffer.from([0x80]) })),
    ).toBeLessThan(0);
    expect(
      compareCells(at({ row: Buffer.from('a') }), at({ row: Buffer.from('ab') })),
    ).toBeLessThan(0);
    expect(compareCells(at({ row: long }), at({ row: Buffer.concat([long, long]) }))).toBeLessThan(
      0,
    );
  });

  it('is antisymmetric and transitive', () => {
    fc.assert(
      fc.property(parts, parts, parts, (a, b, c) => {
        const cells = [makeCell(a), makeCell(b), makeCell(c)].sort(compareCells);
        for (let i = 1; i < cells.length; i++) {
          const [x, y] = [cells[i - 1], cells[i]];
          if (x === undefined || y === undefined) continue;
          expect(compareCells(x, y)).toBeLessThanOrEqual(0);
          expect(compareCells(y, x)).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
