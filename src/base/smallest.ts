// The smallest few of many values that come in any order: a page of a list that nobody keeps sorted.

/** Keeps the `limit` smallest of what was added. Adding is O(1) for what is larger than all kept. */
export class Smallest<T> {
  readonly #limit: number;
  readonly #compare: (a: T, b: T) => number;
  readonly #kept: T[] = [];

  constructor(limit: number, compare: (a: T, b: T) => number) {
    this.#limit = limit;
    this.#compare = compare;
  }

  add(value: T): void {
    const kept = this.#kept;
    const last = kept[kept.length - 1];
    if (last !== undefined && kept.length >= this.#limit && this.#compare(value, last) >= 0) return;
    kept.splice(this.#place(value), 0, value);
    if (kept.length > this.#limit) kept.pop();
  }

  /** Ascending. */
  get values(): readonly T[] {
    return this.#kept;
  }

  #place(value: T): number {
    let low = 0;
    let high = this.#kept.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const there = this.#kept[middle];
      if (there !== undefined && this.#compare(there, value) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
