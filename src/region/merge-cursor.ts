// Several sorted runs seen as one. The runs that still have cells are kept sorted by their current
// cell; moving the first one past the second is the only case that costs more than one comparison.

import type { Cell } from '../base/cell.js';
import type { CellCursor, Moving } from './cell-cursor.js';
import { compareKeyBytes } from './hfile/key.js';

/** What a scan needs of its source; reverse scans go back on the runs themselves. */
export type CellSource = Omit<CellCursor, 'seekBefore'>;

const noBytes = Buffer.alloc(0);

/** A source over the runs; a single one is its own source. */
export function mergeOf(runs: readonly CellCursor[]): CellSource {
  const only = runs[0];
  return only !== undefined && runs.length === 1 ? only : new MergeCursor(runs);
}

/** Goes forward to the first cell at or after `key`; the source stands before it. */
export function advanceTo(source: CellSource, key: Cell): Moving {
  return source instanceof MergeCursor ? source.advanceTo(key) : source.seek(key);
}

/** Compares the cells two cursors stand on, as `compareCells`. */
function compareCurrent(a: CellSource, b: CellSource): number {
  const order = compareKeyBytes(
    a.buffer,
    a.offset + 8,
    a.keyLength,
    b.buffer,
    b.offset + 8,
    b.keyLength,
  );
  return order === 0 ? b.sequence - a.sequence : order;
}

class MergeCursor implements CellSource {
  valid = false;
  buffer: Buffer = noBytes;
  offset = 0;
  keyLength = 0;
  valueLength = 0;
  tagsLength = 0;
  sequence = 0;
  readonly #runs: readonly CellCursor[];
  /** Runs that stand on a cell, by it. */
  readonly #live: CellCursor[] = [];

  constructor(runs: readonly CellCursor[]) {
    this.#runs = runs;
  }

  seekToFirst(): Moving {
    return this.#moveAll((run) => run.seekToFirst());
  }

  seek(key: Cell): Moving {
    return this.#moveAll((run) => run.seek(key));
  }

  next(): Moving {
    const moving = (this.#live[0] as CellCursor).next();
    if (moving !== undefined) return this.#after(moving, () => this.#settleFirst());
    this.#settleFirst();
    return undefined;
  }

  /** Moves only the runs that stand before `key`. */
  advanceTo(key: Cell): Moving {
    for (;;) {
      const first = this.#live[0];
      if (first === undefined || !standsBefore(first, key)) {
        this.#show();
        return undefined;
      }
      const moving = first.seek(key);
      if (moving !== undefined) {
        return this.#after(moving, () => {
          this.#settleFirst();
          return this.advanceTo(key);
        });
      }
      this.#settleFirst();
    }
  }

  close(): void {
    this.valid = false;
    this.buffer = noBytes;
    this.#live.length = 0;
    for (const run of this.#runs) run.close();
  }

  #moveAll(move: (run: CellCursor) => Moving): Moving {
    const moving: Promise<void>[] = [];
    for (const run of this.#runs) {
      const moved = move(run);
      if (moved !== undefined) moving.push(moved);
    }
    if (moving.length === 0) {
      this.#settleAll();
      return undefined;
    }
    // Every read is awaited before an error is passed on: a cursor that still reads must not be moved.
    const all = Promise.allSettled(moving).then((outcomes) => {
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    });
    return this.#after(all, () => this.#settleAll());
  }

  #after(moving: Promise<void>, then: () => Moving | void): Promise<void> {
    this.valid = false;
    return moving.then(then);
  }

  #settleAll(): void {
    this.#live.length = 0;
    for (const run of this.#runs) if (run.valid) this.#live.push(run);
    this.#live.sort(compareCurrent);
    this.#show();
  }

  /** Brings the run that was moved, the first, to its place. */
  #settleFirst(): void {
    const live = this.#live;
    const moved = live[0] as CellCursor;
    if (!moved.valid) {
      live.shift();
    } else {
      let at = 0;
      for (; at + 1 < live.length; at++) {
        const next = live[at + 1] as CellCursor;
        if (compareCurrent(moved, next) <= 0) break;
        live[at] = next;
      }
      live[at] = moved;
    }
    this.#show();
  }

  /** Copies the first run's window, so that whoever reads it meets one kind of object. */
  #show(): void {
    const first = this.#live[0];
    this.valid = first !== undefined;
    if (first === undefined) return;
    this.buffer = first.buffer;
    this.offset = first.offset;
    this.keyLength = first.keyLength;
    this.valueLength = first.valueLength;
    this.tagsLength = first.tagsLength;
    this.sequence = first.sequence;
  }
}

function standsBefore(run: CellCursor, key: Cell): boolean {
  return (
    compareKeyBytes(
      run.buffer,
      run.offset + 8,
      run.keyLength,
      key.buffer,
      key.offset + 8,
      key.keyLength,
    ) < 0
  );
}
