// Node's file system errors as the few that the Disk interface promises.

import { CadastreError, type ErrorCode } from '../../base/errors.js';

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  ENOENT: 'object-missing',
  EEXIST: 'object-exists',
  EACCES: 'root-unusable',
  EPERM: 'root-unusable',
  EROFS: 'root-unusable',
};

const nextSteps: Partial<Record<ErrorCode, string>> = {
  'disk-full': 'Free space on the file system, or raise its quota.',
  'root-unusable': 'Give this user the right to write there, or choose another root.',
};

/** The system's error name, such as `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** A CadastreError for what the file system reported; `doing` names the operation and the path. */
export function diskError(error: NodeJS.ErrnoException, doing: string): CadastreError {
  const code = codes[error.code ?? ''] ?? 'storage-unavailable';
  const nextStep = nextSteps[code];
  return new CadastreError(code, `${doing} failed: ${error.message}`, {
    cause: error,
    ...(nextStep === undefined ? {} : { nextStep }),
  });
}
