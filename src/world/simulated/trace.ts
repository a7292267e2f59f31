// The trace of a simulation: a running digest of everything that happened, by which two runs of one
// seed are compared, and the latest lines for a person who looks into a failure.

import { crc32 } from '../../base/hash.js';

const keptLines = 2_000;

export class Trace {
  readonly #lines: string[] = [];
  #next = 0;
  #low = 0;
  #high = 0x5bd1e995;

  /** Adds a line to the digest, and to the latest lines. */
  add(line: string): void {
    const bytes = Buffer.from(line);
    this.#low = crc32(bytes, this.#low);
    this.#high = Math.imul(this.#high ^ this.#low, 0x01000193) >>> 0;
    this.#lines[this.#next % keptLines] = line;
    this.#next++;
  }

  /** Lines so far. */
  get count(): number {
    return this.#next;
  }

  /** Sixteen hexadecimal digits; the same seed and code give the same ones. */
  digest(): string {
    return [this.#high, this.#low].map((word) => word.toString(16).padStart(8, '0')).join('');
  }

  /** The latest lines, oldest first. */
  lines(count = keptLines): readonly string[] {
    const start = this.#next > keptLines ? this.#next % keptLines : 0;
    const inOrder = [...this.#lines.slice(start), ...this.#lines.slice(0, start)];
    return inOrder.slice(-count);
  }
}
