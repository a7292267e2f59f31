// `shell`: HBase's verbs, from `-e`, from a script on standard input, or typed at a terminal with
// history and completion.
//
// A statement that fails ends a script with its exit code; at a terminal it is only told.

import { appendFileSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text as textOf } from 'node:stream/consumers';
import { withClient } from '../connection.js';
import type { ClusterOptions } from '../connection.js';
import { reportError } from '../errors.js';
import { Arguments } from './arguments.js';
import { completer } from './completion.js';
import { printHelp, verbNamed } from './help.js';
import { ShellSyntaxError } from './lexer.js';
import { parseStatements } from './parser.js';
import type { Statement } from './parser.js';
import type { VerbContext } from './verbs.js';

const historyLines = 1_000;

export async function shell(
  options: ClusterOptions & { readonly execute: readonly string[] },
): Promise<void> {
  const { execute } = options;
  const isTyped = execute.length === 0 && process.stdin.isTTY;
  // Read and understood before anything is done: a script with a mistake does nothing.
  const statements = isTyped
    ? []
    : parseStatements(execute.length > 0 ? execute.join('\n') : await textOf(process.stdin));
  await withClient(options, async (client) => {
    const context = { client, isJson: options.json === true };
    if (isTyped) await converse(context);
    else await runAll(statements, context);
  });
}

async function runAll(statements: readonly Statement[], context: VerbContext): Promise<void> {
  for (const statement of statements) if ((await run(statement, context)) === 'leave') return;
}

async function run(statement: Statement, context: VerbContext): Promise<'leave' | 'stay'> {
  const { verb } = statement;
  if (verb === 'exit' || verb === 'quit') return 'leave';
  if (verb === 'help') {
    await printHelp(new Arguments(statement, "help ['verb']").optionalText('the verb'));
    return 'stay';
  }
  const known = verbNamed(verb);
  await known.run(new Arguments(statement, known.usage), context);
  return 'stay';
}

async function converse(context: VerbContext): Promise<void> {
  const path = join(homedir(), '.cadastre_history');
  const terminal = createInterface({
    input: process.stdin,
    output: process.stdout,
    history: readHistory(path),
    historySize: historyLines,
    completer: completer(context.client),
    prompt: 'cadastre> ',
  });
  terminal.prompt();
  let input = '';
  for await (const line of terminal) {
    input += input === '' ? line : `\n${line}`;
    const outcome = await understand(input, context);
    if (outcome === 'leave') break;
    if (outcome === 'more') {
      terminal.setPrompt('      .. ');
    } else {
      remember(path, input);
      input = '';
      terminal.setPrompt('cadastre> ');
    }
    terminal.prompt();
  }
  terminal.close();
}

async function understand(input: string, context: VerbContext): Promise<'leave' | 'more' | 'done'> {
  try {
    for (const statement of parseStatements(input)) {
      if ((await run(statement, context)) === 'leave') return 'leave';
    }
  } catch (error) {
    // An empty line gives an incomplete statement up.
    if (error instanceof ShellSyntaxError && error.isIncomplete && !input.endsWith('\n')) {
      return 'more';
    }
    reportError(error);
    process.exitCode = 0; // told to the person; the shell itself goes on well
  }
  return 'done';
}

/** Newest first, as readline wants it. */
function readHistory(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-historyLines).reverse();
  } catch {
    return []; // no history yet, or none that may be read: the shell works without
  }
}

function remember(path: string, input: string): void {
  if (input.trim() === '') return;
  try {
    appendFileSync(path, `${input.replaceAll('\n', ' ')}\n`, { mode: 0o600 });
  } catch {
    // The history is a convenience: without a home that can be written, it lasts for this shell.
  }
}
