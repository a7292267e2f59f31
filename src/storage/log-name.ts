// Names of logs, and the folder each of them has, on a disk as in an object store.
//
// Invariant: different names have different folders, and no folder lies inside another one. So `/`
// becomes `__`, and `_` is not allowed in names.

import { CadastreError } from '../base/errors.js';

const namePattern = /^[A-Za-z0-9][A-Za-z0-9.-]*(\/[A-Za-z0-9][A-Za-z0-9.-]*)*$/;
const nameBytesMax = 200;

/** The folder of a log, below `log/`. Throws `bad-request` for what is not a name. */
export function logFolder(name: string): string {
  if (name.length > nameBytesMax || !namePattern.test(name)) {
    throw new CadastreError('bad-request', `"${name}" is not a name for a log`, {
      nextStep: `Use parts of letters, digits, "." and "-", joined by "/", at most ${nameBytesMax} bytes.`,
    });
  }
  return name.replaceAll('/', '__');
}

/** The name of the log in a folder; undefined if no log has that folder. */
export function logNameOfFolder(folder: string): string | undefined {
  const name = folder.replaceAll('__', '/');
  return namePattern.test(name) ? name : undefined;
}
