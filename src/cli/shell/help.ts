// The shell's help: all verbs, or one.

import { printLine, printTable } from '../output.js';
import { dataVerbs } from './data-verbs.js';
import { tableVerbs } from './table-verbs.js';
import type { Verb } from './verbs.js';
import { UsageError } from '../errors.js';

export const verbs: readonly Verb[] = [...tableVerbs, ...dataVerbs];

/** Throws `bad-request` for a verb that is not known. */
export function verbNamed(name: string): Verb {
  const verb = verbs.find((candidate) => candidate.name === name);
  if (verb !== undefined) return verb;
  throw new UsageError(`"${name}" is not a verb`, 'Type "help" for all of them.');
}

export async function printHelp(name: string | undefined): Promise<void> {
  if (name !== undefined) {
    const { usage, summary, example } = verbNamed(name);
    await printLine(summary);
    await printLine(`  ${usage}`);
    await printLine(`Example:`);
    await printLine(`  ${example}`);
    return;
  }
  await printTable([
    ...verbs.map((verb) => [verb.name, verb.summary]),
    ['help', "This, or with a verb how it is written: help 'scan'"],
    ['exit', 'Leave.'],
  ]);
}
