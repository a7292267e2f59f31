import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cell, CellType, compareCells, compareKeys, makeCell, readCell } from '../base/cell.js';
import type { CellCursor } from './cell-cursor.js';
import { ClippedCursor } from './clipped-cursor.js';
import { MemstoreCursor } from './memstore-cursor.js';
import { Memstore } from './memstore.js';
import { advanceTo, mergeOf } from './merge-cursor.js';

const shortBytes = fc
  .array(fc.constantFrom(0, 97, 98, 255), { minLength: 1, maxLength: 3 })
  .map((bytes) => Buffer.from(bytes));
const cell = fc
  .record({
    row: shortBytes,
    qualifier: shortBytes,
    timestamp: fc.nat(3),
    type: fc.constantFrom(CellType.put, CellType.deleteColumn),
    value: shortBytes,
    sequence: fc.nat(9),
  })
  .map(({ sequence, ...parts }) => makeCell({ family: Buffer.from('f'), ...parts }, sequence));

function show(cell: Cell | undefined): string {
  return cell === undefined ? 'none' : `${cell.bytes.toString('latin1')}@${cell.sequence}`;
}

function current({ valid, buffer, offset, keyLength, valueLength, sequence }: CellCursor): string {
  return valid ? show(new Cell(buffer, offset, keyLength, valueLength, 0, sequence)) : 'none';
}

/** Sorted, of equal ones the last. */
function sorted(cells: readonly Cell[]): Cell[] {
  const kept = cells.filter(
    (one, i) => !cells.slice(i + 1).some((later) => compareCells(one, later) === 0),
  );
  return kept.sort(compareCells);
}

function filled(cells: readonly Cell[]): Memstore {
  const memstore = new Memstore();
  for (const one of cells) memstore.insert(one.buffer, one.offset, one.length, one.sequence);
  return memstore;
}

function checkCursor(cursor: CellCursor, expected: readonly Cell[], keys: readonly Cell[]): void {
  void cursor.seekToFirst();
  for (const one of expected) {
    expect(current(cursor)).toBe(show(one));
    void cursor.next();
  }
  expect(cursor.valid).toBe(false);
  for (const key of keys) {
    void cursor.seek(key);
    expect(current(cursor)).toBe(show(expected.find((one) => compareKeys(one, key) >= 0)));
    void cursor.seekBefore(key);
    expect(current(cursor)).toBe(show(expected.filter((one) => compareKeys(one, key) < 0).at(-1)));
  }
}

describe('a memstore', () => {
  it('holds its cells in order and finds them, whatever the order of inserting', () => {
    fc.assert(
      fc.property(
        fc.array(cell, { maxLength: 60 }),
        fc.array(cell, { maxLength: 5 }),
        (cells, keys) => {
          checkCursor(new MemstoreCursor(filled(cells)), sorted(cells), keys);
        },
      ),
    );
  });

  it('of thousands of cells splits its leaves and stays in order', () => {
    const cells = Array.from({ length: 5_000 }, (_, i) =>
      makeCell({
        row: Buffer.from(String((i * 7_919) % 5_000).padStart(5, '0')),
        family: Buffer.from('f'),
        qualifier: Buffer.from('q'),
        timestamp: 1,
        type: CellType.put,
        value: Buffer.alloc(i % 300),
      }),
    );
    checkCursor(new MemstoreCursor(filled(cells)), sorted(cells), cells.slice(0, 20));
  });

  it('holds cells larger than its chunks', () => {
    const value = Buffer.alloc(5 * 1024 * 1024, 'v');
    const large = makeCell({
      row: Buffer.from('r'),
      family: Buffer.from('f'),
      qualifier: Buffer.from('q'),
      timestamp: 1,
      type: CellType.put,
      value,
    });
    const memstore = filled([large, large]);
    const cursor = new MemstoreCursor(memstore);
    void cursor.seekToFirst();
    expect(readCell(cursor.buffer, cursor.offset, large.length).value.equals(value)).toBe(true);
    expect(memstore.count).toBe(1);
  });

  it('may be inserted into while it is read: what was there is seen once, in order', () => {
    fc.assert(
      fc.property(
        fc.array(cell, { minLength: 1, maxLength: 30 }),
        fc.array(cell, { maxLength: 60 }),
        (first, later) => {
          const memstore = filled(first);
          const cursor = new MemstoreCursor(memstore);
          void cursor.seekToFirst();
          const seen: string[] = [];
          const coming = [...later];
          while (cursor.valid) {
            seen.push(current(cursor));
            for (const one of coming.splice(0, 2)) {
              memstore.insert(one.buffer, one.offset, one.length, one.sequence + 100);
            }
            void cursor.next();
          }
          const old = seen.filter((text) => Number(text.split('@').at(-1)) < 100);
          expect(old).toEqual(sorted(first).map(show));
        },
      ),
    );
  });
});

describe('merged runs', () => {
  it('are one run in order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(cell, { maxLength: 20 }), { minLength: 1, maxLength: 4 }),
        fc.array(cell, { maxLength: 8 }),
        (runs, keys) => {
          const cursors = runs.map((cells) => new MemstoreCursor(filled(cells)));
          const merged = mergeOf(cursors);
          const all = runs.flatMap(sorted).sort(compareCells);
          void merged.seekToFirst();
          const seen: string[] = [];
          while (merged.valid) {
            const { buffer, offset, keyLength, valueLength, sequence } = merged;
            seen.push(show(new Cell(buffer, offset, keyLength, valueLength, 0, sequence)));
            void merged.next();
          }
          // Cells with everything equal may come in any order.
          expect([...seen].sort()).toEqual(all.map(show).sort());
          void merged.seekToFirst();
          for (const key of [...keys].sort(compareKeys)) {
            void advanceTo(merged, key);
            const wanted = all.find((one) => compareKeys(one, key) >= 0);
            expect(merged.valid).toBe(wanted !== undefined);
            const { buffer, offset, keyLength } = merged;
            if (wanted !== undefined) {
              expect(compareKeys(new Cell(buffer, offset, keyLength, 0), wanted)).toBe(0);
            }
          }
        },
      ),
    );
  });
});

describe('a clipped cursor', () => {
  it('sees the rows inside its clip and nothing else', () => {
    const bound = fc.oneof(fc.constant(Buffer.alloc(0)), shortBytes);
    fc.assert(
      fc.property(
        fc.array(cell, { maxLength: 40 }),
        bound,
        bound,
        fc.array(cell, { maxLength: 5 }),
        (cells, startKey, endKey, keys) => {
          const inside = sorted(cells).filter(
            ({ row }) =>
              row.compare(startKey) >= 0 && (endKey.length === 0 || row.compare(endKey) < 0),
          );
          const cursor = new ClippedCursor(new MemstoreCursor(filled(cells)), { startKey, endKey });
          checkCursor(cursor, inside, keys);
        },
      ),
    );
  });
});
