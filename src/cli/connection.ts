// Runs a command on a client of the cluster that its options name.

import { connect } from '../client/node.js';
import type { Client } from '../client/node.js';
import { clusterAddresses } from './cluster-address.js';
import { readVersion } from './version.js';
import { UsageError } from './errors.js';

/** Options that every command on a cluster takes. */
export interface ClusterOptions {
  readonly connect?: string;
  readonly json?: boolean;
  /** Seconds, as text. */
  readonly timeout?: string;
}

export async function withClient<T>(
  options: ClusterOptions,
  run: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connect({
    bootstrap: await clusterAddresses(options.connect),
    softwareVersion: readVersion(),
    ...(options.timeout === undefined ? {} : { operationTimeoutMs: timeoutMs(options.timeout) }),
  });
  try {
    return await run(client);
  } finally {
    client.close();
  }
}

function timeoutMs(text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && Number.isFinite(seconds)) return seconds * 1000;
  throw new UsageError(
    `--timeout "${text}" is not a number of seconds`,
    'Give a number above 0, such as 30.',
  );
}

/** A whole number from 1 on. Throws `bad-request` naming option and value. */
export function wholeOption(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new UsageError(`${option} "${text}" is not a whole number from 1 on`, 'See --help.');
}
