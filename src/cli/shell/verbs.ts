// What every verb of the shell is for; the verbs themselves are in data-verbs.ts and table-verbs.ts.

import type { Client } from '../../client/public.js';
import type { Arguments } from './arguments.js';

/** What a verb works with. */
export interface VerbContext {
  readonly client: Client;
  readonly isJson: boolean;
}

export interface Verb {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly example: string;
  /** What it takes in a map, for completion. */
  readonly keys?: readonly string[];
  run(args: Arguments, context: VerbContext): Promise<void>;
}
