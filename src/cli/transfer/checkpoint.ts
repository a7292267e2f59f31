// How far an import or export has come, in a file beside its own, so that it can go on there.
//
// Invariant: a checkpoint is replaced in one step, and says only what is done: what it names is on the
// servers (import) or in the file (export).

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { z } from 'zod';
import { CadastreError } from '../../base/errors.js';

export class CheckpointFile<T> {
  readonly path: string;
  readonly #schema: z.ZodType<T>;

  constructor(path: string, schema: z.ZodType<T>) {
    this.path = path;
    this.#schema = schema;
  }

  /** Undefined if there is none. Throws `bad-request` if it cannot be read. */
  read(): T | undefined {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      return this.#schema.parse(JSON.parse(text));
    } catch (cause) {
      throw new CadastreError('bad-request', `${this.path} is not a checkpoint`, {
        cause,
        nextStep: 'Give --restart to start anew, or remove the file.',
      });
    }
  }

  write(state: T): void {
    const fresh = `${this.path}.new`;
    writeFileSync(fresh, `${JSON.stringify(state)}\n`);
    renameSync(fresh, this.path);
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }
}
