// The token file of a root: who can read it may operate the cluster.
//
// Invariant: it is only ever there whole, with mode 0600. It is made once and kept, so that a start that
// is refused changes nothing for the master that runs.

import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { CadastreError } from '../base/errors.js';

const fileName = 'admin-token';
const tokenBytes = 32;
const tokenPattern = /^[0-9a-f]{64}$/;
/** Permissions of group and others. */
const foreignModes = 0o077;

export function tokenPath(root: string): string {
  return path.join(root, fileName);
}

/** The token of an opened root, made if there is none. Throws `root-unusable` if others could read it. */
export async function openToken(root: string): Promise<string> {
  const file = tokenPath(root);
  const temporaries = path.join(root, 'tmp');
  const temporary = path.join(temporaries, `${fileName}-${randomBytes(8).toString('hex')}`);
  const isThere = await fs.stat(file).then(
    () => true,
    (error: unknown) => onlyMissing(error),
  );
  if (!isThere) {
    await fs.mkdir(temporaries, { recursive: true });
    const text = `${randomBytes(tokenBytes).toString('hex')}\n`;
    await fs.writeFile(temporary, text, { flag: 'wx', mode: 0o600, flush: true });
    try {
      await fs.link(temporary, file);
    } catch (error) {
      // Another process was first; its token is as good.
      if (codeOf(error) !== 'EEXIST') throw error;
    } finally {
      await fs.unlink(temporary);
    }
  }
  await refuseReadable(file);
  return readToken(file);
}

/** What a token file says. Throws `access-denied` if it cannot be read, or is none. */
export async function readToken(file: string): Promise<string> {
  let text: string;
  try {
    text = (await fs.readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new CadastreError('access-denied', `the token file ${file} cannot be read`, {
      nextStep: 'Run this as the user that runs the master, or give --token-file.',
      cause,
    });
  }
  if (tokenPattern.test(text)) return text;
  throw new CadastreError('access-denied', `${file} does not hold a token`, {
    nextStep: 'Delete it and restart the master: it makes a new one.',
  });
}

async function refuseReadable(file: string): Promise<void> {
  const mode = (await fs.stat(file)).mode & 0o777;
  if ((mode & foreignModes) === 0) return;
  throw new CadastreError(
    'root-unusable',
    `the token file ${file} has mode ${mode.toString(8)}: others may have read it`,
    { nextStep: 'Delete it; the next start makes a new one.' },
  );
}

function onlyMissing(error: unknown): false {
  if (codeOf(error) === 'ENOENT') return false;
  throw error;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
