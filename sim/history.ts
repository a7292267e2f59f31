// What clients saw: every operation on a row with the moments between which it took effect, if it did.
//
// Moments are a counter of beginnings and ends, not times: two operations are ordered exactly if one
// ended before the other began. An operation whose outcome is unclear has no end: it may take effect
// at any time after its beginning, or never.

/** What a row holds; undefined: it is not there. */
export type RowValue = string | undefined;

export type RowEffect =
  /** Sets the row (a delete sets it to undefined). */
  | { readonly kind: 'write'; readonly value: RowValue }
  /** Sets it if it holds `expected`; `processed` is what the client was told. */
  | {
      readonly kind: 'check-and-write';
      readonly expected: RowValue;
      readonly value: RowValue;
      readonly processed: boolean | undefined;
    }
  | { readonly kind: 'read'; readonly value: RowValue };

export interface RowOperation {
  readonly began: number;
  /** Infinity: unclear. */
  readonly ended: number;
  readonly effect: RowEffect;
  /** For a report. */
  readonly by: string;
}

/** An increment by one; `result` is what the client was told. */
export interface CountOperation {
  readonly began: number;
  readonly ended: number;
  readonly result: number | undefined;
  /** False if a repeated request was answered: its result counts later increments too. */
  readonly isExact: boolean;
  readonly by: string;
}

/** The history of one life of one table. */
export class TableHistory {
  readonly name: string;
  readonly #rows = new Map<string, RowOperation[]>();
  readonly #counters = new Map<string, CountOperation[]>();
  readonly #moment: () => number;

  constructor(name: string, moment: () => number) {
    this.name = name;
    this.#moment = moment;
  }

  begin(): number {
    return this.#moment();
  }

  /** An operation that ended now, or (`isUnclear`) may still take effect. */
  add(row: string, began: number, effect: RowEffect, by: string, isUnclear = false): void {
    const ended = isUnclear ? Infinity : this.#moment();
    listIn(this.#rows, row).push({ began, ended, effect, by });
  }

  addCount(row: string, operation: Omit<CountOperation, 'ended'>): void {
    const ended = operation.result === undefined ? Infinity : this.#moment();
    listIn(this.#counters, row).push({ ...operation, ended });
  }

  get rows(): ReadonlyMap<string, readonly RowOperation[]> {
    return this.#rows;
  }

  get counters(): ReadonlyMap<string, readonly CountOperation[]> {
    return this.#counters;
  }
}

function listIn<T>(lists: Map<string, T[]>, key: string): T[] {
  let list = lists.get(key);
  if (list === undefined) {
    list = [];
    lists.set(key, list);
  }
  return list;
}
