// Rows that a test writes while things are killed, and what of them was acknowledged.

import type { Client } from '../../src/client/client.js';

export const table = 't';

/** Writes rows one after the other on several lines of work, until stopped. */
export class Writer {
  /** Value of each row whose write was acknowledged. */
  readonly acknowledged = new Map<string, string>();
  readonly #client: Client;
  #isStopped = false;
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  #rows = 0;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Resolves once all lines of work have stopped. What fails is not acknowledged, and is no fault. */
  async run(lines = 8): Promise<void> {
    const line = async (): Promise<void> => {
      while (!this.#isStopped) await this.#writeOne();
    };
    await Promise.all(Array.from({ length: lines }, line));
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Resolves once so many rows are acknowledged. */
  reached(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ count, resolve });
      this.#look();
    });
  }

  async #writeOne(): Promise<void> {
    const number = this.#rows++;
    // Spread over the regions: the last digit comes first.
    const row = `${number % 10}-${String(number).padStart(8, '0')}`;
    const value = `value of ${row}`;
    try {
      await this.#client.table(table).put(row, { 'f:v': value });
    } catch {
      return; // not acknowledged
    }
    this.acknowledged.set(row, value);
    this.#look();
  }

  #look(): void {
    const size = this.acknowledged.size;
    for (const { count, resolve } of this.#waiting) if (size >= count) resolve();
    this.#waiting = this.#waiting.filter(({ count }) => size < count);
  }
}

/** A table of four regions. */
export async function createTable(client: Client): Promise<void> {
  await client.admin.createTable({ name: table, families: ['f'], splits: ['2', '5', '8'] });
}

/** Acknowledged rows that are not there with their value. */
export async function missing(
  client: Client,
  acknowledged: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const found = new Map<string, string | undefined>();
  for await (const row of client.table(table).scan()) {
    found.set(row.key.toString('utf8'), row.text('f', 'v'));
  }
  return [...acknowledged].flatMap(([row, value]) => (found.get(row) === value ? [] : [row]));
}
