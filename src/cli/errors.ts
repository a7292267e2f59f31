// How the command line says what went wrong: what was wrong, with the value, and what to do.

import { asCadastreError, CadastreError } from '../base/errors.js';

export const exitCodes = { done: 0, failed: 1, usage: 2, timedOut: 3 } as const;

/** What was typed is wrong: an option's value, a statement, a file's name. Exit code 2. */
export class UsageError extends CadastreError {
  constructor(message: string, nextStep: string) {
    super('bad-request', message, { nextStep });
  }
}

/** Prints the error on standard error and sets the exit code. */
export function reportError(thrown: unknown): void {
  const error = asCadastreError(thrown);
  process.stderr.write(`cadastre: ${error.message}\n`);
  if (error.nextStep !== undefined) process.stderr.write(`  ${error.nextStep}\n`);
  if (error.code === 'internal' && thrown instanceof Error && thrown.stack !== undefined) {
    process.stderr.write(`${thrown.stack}\n`);
  }
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: CadastreError): number {
  if (error instanceof UsageError) return exitCodes.usage;
  return error.code === 'timed-out' ? exitCodes.timedOut : exitCodes.failed;
}
