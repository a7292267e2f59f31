// What was acknowledged, and a digest of it: the demo's proof that nothing is lost.

import { createHash } from 'node:crypto';
import type { Row } from '../../src/client/public.js';
import type { FeatureRow } from './browser-data.js';

/** A cell as one line; the digest is over all of them, sorted. */
function lineOf(row: string, qualifier: string, timestamp: number, value: string): string {
  return JSON.stringify([row, qualifier, timestamp, value]);
}

/** A set of cells. */
export class Ledger {
  readonly #lines = new Set<string>();

  get size(): number {
    return this.#lines.size;
  }

  add({ row, cells }: FeatureRow): void {
    for (const { qualifier, timestamp, value } of cells) {
      this.#lines.add(lineOf(row, qualifier, timestamp, value));
    }
  }

  addRead(row: Row): void {
    for (const cell of row.cells) {
      this.#lines.add(
        lineOf(
          row.key.toString(),
          cell.qualifier.toString(),
          cell.timestampApproximate,
          cell.value.toString(),
        ),
      );
    }
  }

  /** Those cells of this set that are in `other` too. */
  within(other: Ledger): Ledger {
    const both = new Ledger();
    for (const line of this.#lines) if (other.#lines.has(line)) both.#lines.add(line);
    return both;
  }

  /** SHA-256 over the sorted cells. */
  digest(): string {
    const hash = createHash('sha256');
    for (const line of [...this.#lines].sort()) hash.update(line).update('\n');
    return hash.digest('hex');
  }
}
