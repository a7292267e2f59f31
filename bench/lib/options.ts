// Options of benches, checked once: a bench that misreads an option measures something else.

import { CadastreError } from '../../src/base/errors.js';
import type { Address } from '../../src/world/network.js';

export function wholeNumber(option: string, text: string, least = 1): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw wrong(option, text, `a whole number from ${least} on`);
}

export function seconds(option: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw wrong(option, text, 'a number of seconds above 0');
}

export function wholeNumbers(option: string, text: string): readonly number[] {
  return text.split(',').map((part) => wholeNumber(option, part));
}

/** A comma-separated choice out of `known`. */
export function choices<T extends string>(
  option: string,
  text: string,
  known: readonly T[],
): readonly T[] {
  return text.split(',').map((part) => {
    const found = known.find((one) => one === part);
    if (found === undefined) throw wrong(option, part, `one of ${known.join(', ')}`);
    return found;
  });
}

export function address(option: string, text: string): Address {
  const colon = text.lastIndexOf(':');
  const port = Number(text.slice(colon + 1));
  if (colon > 0 && Number.isInteger(port) && port > 0) return { host: text.slice(0, colon), port };
  throw wrong(option, text, 'host:port');
}

function wrong(option: string, text: string, wanted: string): CadastreError {
  return new CadastreError('bad-request', `--${option} takes ${wanted}, not "${text}"`);
}

/** Runs a bench; what it throws is told in one sentence, with the next step. */
export async function runBench(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (thrown) {
    const { message, stack } = thrown instanceof Error ? thrown : new Error(String(thrown));
    process.stderr.write(
      thrown instanceof CadastreError ? `${message} ${thrown.nextStep ?? ''}\n` : `${stack}\n`,
    );
    process.exitCode = 1;
  }
}
