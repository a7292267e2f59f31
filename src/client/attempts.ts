// One operation's attempts: whether an error is worth another one, and how long to wait before it.
//
// Invariants:
// 1. Attempts end at the operation's deadline; the error then says so and carries the last cause.
// 2. Pauses grow, are capped, and are spread at random, so that crowds of clients do not come at once.

import { asCadastreError, CadastreError } from '../base/errors.js';
import type { ErrorCode, ErrorKind } from '../base/errors.js';
import type { Clock } from '../world/clock.js';
import type { Random } from '../world/random.js';
import { clientLimits } from './limits.js';

export type Reaction = 'give-up' | 'refresh-location' | 'retry';

/**
 * The server may be gone, and its regions with it. (`stopped` is what a server says of itself; when
 * it is this client that is closed, its attempts end before they look here.)
 */
const goneCodes: ReadonlySet<ErrorCode> = new Set([
  'connection-lost',
  'timed-out',
  'server-not-running',
  'stopped',
]);

const reactions: Readonly<Record<ErrorKind, Reaction>> = {
  retry: 'retry',
  wait: 'retry',
  'refresh-location': 'refresh-location',
  // A fenced server says that it is not the owner any more.
  fenced: 'refresh-location',
  'fix-request': 'give-up',
  'give-up': 'give-up',
};

/** What a client does about an error. */
export function reactionTo(error: CadastreError): Reaction {
  return goneCodes.has(error.code) ? 'refresh-location' : reactions[error.kind];
}

/** Whether the server may have done what failed with this error. */
export function mayBeDone(error: CadastreError): boolean {
  const isSilence = error.code === 'connection-lost' || error.code === 'timed-out';
  return isSilence && error.details['delivered'] !== 'no';
}

export interface AttemptsOptions {
  /** For the error, such as "put to t". */
  readonly what: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly timeoutMs: number;
  readonly isClosed: () => boolean;
}

export class Attempts {
  readonly #options: AttemptsOptions;
  #deadlineMs: number;
  #failures = 0;

  constructor(options: AttemptsOptions) {
    this.#options = options;
    this.#deadlineMs = options.clock.monotonic() + options.timeoutMs;
  }

  /** Milliseconds for the next call, of which it may not take more than `most`. */
  callTimeoutMs(most: number = clientLimits.callTimeoutMs): number {
    return Math.max(1, Math.min(most, this.#deadlineMs - this.#options.clock.monotonic()));
  }

  /** Something went well: the time and the pauses start anew. */
  progressed(): void {
    this.#failures = 0;
    this.#deadlineMs = this.#options.clock.monotonic() + this.#options.timeoutMs;
  }

  /** Waits before the next attempt; throws if there is to be none. */
  async after(thrown: unknown): Promise<void> {
    const error = asCadastreError(thrown);
    const { clock, random, isClosed } = this.#options;
    if (isClosed()) throw new CadastreError('stopped', 'this client is closed', { cause: error });
    if (reactionTo(error) === 'give-up') throw error;
    const { pauseFirstMs, pauseMostMs } = clientLimits;
    const grown = Math.min(pauseMostMs, pauseFirstMs * 2 ** Math.min(this.#failures, 10));
    // The first retry is quick: most often a location was old, and the new one is known.
    const pauseMs = (this.#failures === 0 ? pauseFirstMs / 5 : grown) * (0.5 + random.float() / 2);
    this.#failures += 1;
    if (clock.monotonic() + pauseMs >= this.#deadlineMs) throw this.#timedOut(error);
    await clock.sleep(pauseMs);
  }

  #timedOut(last: CadastreError): CadastreError {
    const { what, timeoutMs } = this.#options;
    const text = `${what} did not succeed within ${Math.round(timeoutMs)} ms; last: ${last.message}`;
    return new CadastreError('timed-out', text, {
      cause: last,
      details: { lastCode: last.code },
      nextStep: last.nextStep ?? 'See "cadastre status" for what the cluster waits for.',
    });
  }
}

/** Runs `attempt` until it succeeds or there is no use in another. */
export async function withAttempts<T>(
  attempts: Attempts,
  attempt: () => Promise<T>,
  onFailure: (error: CadastreError) => Promise<void> | void = () => undefined,
): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (thrown) {
      const error = asCadastreError(thrown);
      await onFailure(error);
      await attempts.after(error);
    }
  }
}
