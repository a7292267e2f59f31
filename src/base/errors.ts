// The errors a caller meets. What matters to a caller is what to do next, so that is the kind; the
// code names the case, and is what programs compare (never the text).

/** What the caller should do. */
export type ErrorKind =
  'retry' | 'refresh-location' | 'fix-request' | 'wait' | 'give-up' | 'fenced';

const kinds = {
  // requests that must be changed
  'bad-request': 'fix-request',
  'table-not-found': 'fix-request',
  'table-exists': 'fix-request',
  'table-not-disabled': 'fix-request',
  'table-not-enabled': 'fix-request',
  'family-not-found': 'fix-request',
  'invalid-family': 'fix-request',
  'namespace-not-found': 'fix-request',
  'namespace-exists': 'fix-request',
  'constraint-violated': 'fix-request',
  'row-outside-region': 'fix-request',
  'cell-too-large': 'fix-request',
  'request-too-big': 'fix-request',
  'unknown-method': 'fix-request',
  'not-supported': 'fix-request',
  'unknown-setting': 'fix-request',
  'nonce-reused': 'fix-request',
  'access-denied': 'fix-request',
  refused: 'fix-request',
  'procedure-not-found': 'fix-request',
  'concurrent-table-change': 'fix-request',
  'unknown-scanner': 'retry',
  'out-of-order-scanner': 'retry',
  'scanner-reset': 'retry',
  // locations
  'region-not-serving': 'refresh-location',
  'region-moved': 'refresh-location',
  'region-opening': 'refresh-location',
  'wrong-region': 'refresh-location',
  'server-stopped': 'refresh-location',
  // load and start-up
  'region-too-busy': 'retry',
  'call-queue-too-big': 'retry',
  'server-not-running': 'wait',
  'please-hold': 'wait',
  'connection-lost': 'retry',
  'timed-out': 'retry',
  // storage
  'storage-unavailable': 'retry',
  'disk-full': 'wait',
  'object-exists': 'give-up',
  'object-missing': 'give-up',
  corruption: 'give-up',
  'root-in-use': 'fix-request',
  'root-unusable': 'fix-request',
  'root-format-newer': 'fix-request',
  'port-taken': 'fix-request',
  // fencing
  sealed: 'fenced',
  'stale-epoch': 'fenced',
  'stale-incarnation': 'fenced',
  'stale-generation': 'fenced',
  // procedures
  'procedure-failed': 'give-up',
  'procedure-cancelled': 'give-up',
  stopped: 'give-up',
  internal: 'give-up',
} as const satisfies Record<string, ErrorKind>;

/** The case, stable for programs. */
export type ErrorCode = keyof typeof kinds;

export interface CadastreErrorOptions {
  /** What the reader can do about it, one sentence. */
  readonly nextStep?: string;
  readonly cause?: unknown;
  /** Values programs need, such as where a region moved to. */
  readonly details?: Readonly<Record<string, string | number>>;
}

/** An error with a code, a sentence holding the values, and the next step. */
export class CadastreError extends Error {
  override readonly name = 'CadastreError';
  readonly code: ErrorCode;
  readonly nextStep: string | undefined;
  readonly details: Readonly<Record<string, string | number>>;

  constructor(code: ErrorCode, message: string, options: CadastreErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.nextStep = options.nextStep;
    this.details = options.details ?? {};
  }

  get kind(): ErrorKind {
    return kinds[this.code];
  }
}

/** Whether a text is one of our codes (it may have come over the wire). */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(kinds, text);
}

/** `error` itself if it is one of ours, else an `internal` one that carries it as the cause. */
export function asCadastreError(error: unknown): CadastreError {
  if (error instanceof CadastreError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new CadastreError('internal', text, { cause: error });
}
