// What the parts of one client share.

import type { Nonce } from '../base/operations.js';
import type { Clock } from '../world/clock.js';
import type { Random } from '../world/random.js';
import type { RpcClient } from '../wire/rpc-client.js';
import { formatUint64 } from '../wire/uint64.js';
import { Attempts } from './attempts.js';
import type { Locator } from './locator.js';
import type { Registry } from './registry.js';

export interface ClientContext {
  readonly rpc: RpcClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly registry: Registry;
  readonly locator: Locator;
  /** Of one operation, all attempts together. */
  readonly operationTimeoutMs: number;
  /** Of one procedure of the master. */
  readonly procedureTimeoutMs: number;
  /** The same for all of this client's nonces. */
  readonly nonceGroup: string;
  readonly isClosed: () => boolean;
}

/** Attempts of one operation; `what` names it in errors. */
export function attemptsOf(
  context: ClientContext,
  what: string,
  timeoutMs = context.operationTimeoutMs,
): Attempts {
  const { clock, random, isClosed } = context;
  return new Attempts({ what, clock, random, timeoutMs, isClosed });
}

/** A nonce nobody has used. */
export function newNonce({ random, nonceGroup }: ClientContext): Nonce {
  return { group: nonceGroup, nonce: randomUint64(random) };
}

/** Decimal digits of 64 random bits; not 0, which means "none" on the wire. */
export function randomUint64(random: Random): string {
  return formatUint64(random.u32(), Math.max(1, random.u32()));
}
