// Small things that tests of logs need.

import type { LogPosition, LogReadOptions, LogStore, LogWriter } from '../log.js';

/** Appends, and resolves with the numbers once all are durable; rejects if the writer fails. */
export function appendDurably(
  writer: LogWriter,
  payloads: readonly (string | Buffer)[],
): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const numbers = payloads.map((payload) => writer.append(Buffer.from(payload)));
    const last = numbers.at(-1);
    if (last === undefined) {
      resolve(numbers);
      return;
    }
    writer.onFailure(reject);
    writer.whenDurable(last, () => resolve(numbers));
  });
}

/** All payloads, as text. */
export async function readTexts(
  logs: LogStore,
  name: string,
  options?: LogReadOptions,
): Promise<string[]> {
  const texts: string[] = [];
  for await (const record of logs.read(name, options)) texts.push(record.payload.toString('utf8'));
  return texts;
}

/** Where each record starts, by its number: the first one at `start`. */
export async function readPositions(
  logs: LogStore,
  name: string,
): Promise<ReadonlyMap<number, LogPosition>> {
  const positions = new Map<number, LogPosition>();
  for await (const record of logs.read(name)) positions.set(record.next.sequence, record.next);
  return positions;
}

/** The error that `work` fails with; throws if it does not. */
export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('it was expected to fail');
}

/** `count` texts of assorted lengths. */
export function someTexts(count: number, lengthMax = 60): string[] {
  return Array.from({ length: count }, (_, i) => `${i}:`.padEnd((i * 37) % lengthMax, 'x'));
}
