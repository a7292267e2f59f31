// `cadastre bench NAME …`: runs one of the benches, each a program of its own with its own options.
//
// A process of its own, because a bench measures best what it does not share a heap with; and because
// nothing in src/ may depend on bench/.

import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CadastreError } from '../base/errors.js';
import { exitCodes } from './errors.js';

/** Stands there too, for `npm run demo`. */
const notBench = 'demo';
const directory = new URL('../../bench/', import.meta.url);

/** Sets the exit code to the bench's. Throws `bad-request` for a name that none has. */
export async function bench(name: string, args: readonly string[]): Promise<void> {
  const names = benchNames();
  if (!names.includes(name)) {
    throw new CadastreError('bad-request', `there is no bench ${name}`, {
      nextStep:
        names.length === 0 ? 'Run "npm run build" in the sources.' : `Take ${names.join(', ')}.`,
    });
  }
  const child = spawn(process.execPath, [programOf(name), ...args], { stdio: 'inherit' });
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? exitCodes.failed));
  });
}

function benchNames(): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).filter((name) => name !== notBench && existsSync(programOf(name)));
}

function programOf(name: string): string {
  return fileURLToPath(new URL(`${name}/main.js`, directory));
}
