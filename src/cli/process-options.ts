// The options of `start`, `master` and `server`, checked once.

import { z } from 'zod';
import { asCadastreError } from '../base/errors.js';
import { Settings } from '../base/settings.js';
import { UsageError } from './errors.js';
import type { LogLevel } from '../world/real/logger.js';

const levels = ['debug', 'info', 'warn', 'error', 'silent'] as const satisfies readonly LogLevel[];

function wholeNumber(min: number, max: number) {
  const wanted = `give a whole number from ${min} to ${max}`;
  return z.coerce.number({ error: wanted }).int(wanted).min(min, wanted).max(max, wanted);
}

const schema = z.object({
  root: z.string().min(1),
  host: z.string().min(1),
  port: wholeNumber(0, 65_535).optional(),
  adminPort: wholeNumber(0, 65_535).optional(),
  startPaused: z.boolean().optional(),
  servers: wholeNumber(1, 64).optional(),
  set: z.array(z.string()),
  logLevel: z.enum(levels),
  logJson: z.boolean().optional(),
  insecure: z.boolean().optional(),
  oneProcess: z.boolean().optional(),
  json: z.boolean().optional(),
  child: z.boolean().optional(),
});

export type ProcessOptions = Omit<z.infer<typeof schema>, 'set'> & {
  readonly settings: Settings;
};

/** Throws {@link UsageError} naming the option, its value, and what it may be. */
export function parseProcessOptions(given: unknown): ProcessOptions {
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw usageError(given, parsed.error.issues[0]);
  const { set, ...rest } = parsed.data;
  checkHost(rest.host, rest.insecure === true);
  return { ...rest, settings: parseSettings(set) };
}

function usageError(given: unknown, issue: z.core.$ZodIssue | undefined): UsageError {
  const name = String(issue?.path[0] ?? '');
  const option = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const value = (given as Readonly<Record<string, unknown>>)[name];
  return new UsageError(
    `--${option} ${String(value)}: ${issue?.message ?? 'not a value for it'}`,
    'See "cadastre start --help".',
  );
}

function parseSettings(set: readonly string[]): Settings {
  try {
    return Settings.parse(Object.fromEntries(set.map(nameAndValue)));
  } catch (thrown) {
    const { message, nextStep = '' } = asCadastreError(thrown);
    throw new UsageError(`--set: ${message}`, nextStep);
  }
}

function nameAndValue(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new UsageError(`${text} has no "="`, 'Write it as --set name=value.');
}

/** Nothing is encrypted yet, so other addresses than loopback must be wanted in so many words. */
function checkHost(host: string, isInsecure: boolean): void {
  if (isInsecure || host === 'localhost' || host === '::1' || host.startsWith('127.')) return;
  throw new UsageError(
    `--host ${host} is not a loopback address`,
    'Connections are not encrypted: give --insecure if the network is trusted.',
  );
}
