// What passes between a process and its worker threads.

import { CadastreError, isErrorCode } from '../../base/errors.js';

/** Where a worker finds the objects. */
export interface WorkerStart {
  readonly directory: string;
}

export interface WorkerJob {
  /** The module that exports the task as `task`. */
  readonly url: string;
  readonly input: unknown;
}

/** Exceptions lose their class on the way, so errors go as their parts. */
export interface SentError {
  readonly code: string;
  readonly message: string;
  readonly nextStep: string | undefined;
  readonly details: Readonly<Record<string, string | number>>;
}

export type WorkerReply =
  | { readonly kind: 'done'; readonly output: unknown }
  | { readonly kind: 'failed'; readonly error: SentError };

export function sentError(error: CadastreError): SentError {
  const { code, message, nextStep, details } = error;
  return { code, message, nextStep, details };
}

export function receivedError(sent: SentError): CadastreError {
  const code = isErrorCode(sent.code) ? sent.code : 'internal';
  return new CadastreError(code, sent.message, {
    details: sent.details,
    ...(sent.nextStep === undefined ? {} : { nextStep: sent.nextStep }),
  });
}
