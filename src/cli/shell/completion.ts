// Completion in the shell: verbs, keys of their maps, and names of tables within quotes.

import type { Client } from '../../client/public.js';
import { verbs } from './help.js';

type Completions = [string[], string];

/** As readline wants it: what `line` could go on with, and the part of it that is completed. */
export function completer(client: Client) {
  return (line: string, done: (error: null, completions: Completions) => void): void => {
    completionsOf(line, () => client.admin.listTables()).then(
      (completions) => done(null, completions),
      // No completion is better than an error in the middle of a line.
      () => done(null, [[], line]),
    );
  };
}

export async function completionsOf(
  line: string,
  tables: () => Promise<readonly string[]>,
): Promise<Completions> {
  const quoted = /^\s*\w+\s*\(?\s*(?<quote>['"])(?<name>[^'"]*)$/.exec(line)?.groups;
  if (quoted !== undefined) {
    const { quote = '', name = '' } = quoted;
    const names = (await tables()).filter((table) => table.startsWith(name));
    return [names.map((table) => `${quote}${table}${quote}`), `${quote}${name}`];
  }
  const word = /\w*$/.exec(line)?.[0] ?? '';
  const verb = /^\s*(?<verb>\w+)\s/.exec(line)?.groups?.['verb'];
  const candidates =
    verb === undefined
      ? [...verbs.map(({ name }) => name), 'help', 'exit']
      : (verbs.find(({ name }) => name === verb)?.keys ?? []).map((key) => `${key} => `);
  return [candidates.filter((candidate) => candidate.startsWith(word)), word];
}
