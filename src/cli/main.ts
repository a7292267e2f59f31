// The command line. Each command's module is loaded only when it is asked for, so that `start` starts
// quickly.

import { CommanderError } from 'commander';
import { exitCodes, reportError } from './errors.js';
import { program } from './program.js';

/** Runs one command. Sets the exit code: 0 done, 1 failed, 2 usage, 3 timed out. */
export async function main(args: readonly string[]): Promise<void> {
  // Who reads our output may have seen enough, as `head` does: that is an end, not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.done);
    throw error;
  });
  try {
    await program().parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    } else reportError(error);
  }
}
