// Asks before something is destroyed.

import { createInterface } from 'node:readline/promises';
import { UsageError } from './errors.js';

/** Returns if `--yes` was given or the person at the terminal agrees; throws `bad-request` otherwise. */
export async function confirm(question: string, isAgreed: boolean | undefined): Promise<void> {
  if (isAgreed === true) return;
  if (process.stdin.isTTY && process.stderr.isTTY) {
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    const answer = await terminal.question(`${question} Type "yes" to go on: `);
    terminal.close();
    if (answer.trim().toLowerCase() === 'yes') return;
  }
  throw new UsageError(
    `not done: ${question.replace(/\?$/, '')} was not agreed to`,
    'Give --yes if that is meant.',
  );
}
