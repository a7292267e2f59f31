// Speaks to the operator API: finds it through the election of a root, and carries the root's token.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { z } from 'zod';
import { apiError } from '../../admin/schemas.js';
import { CadastreError, isErrorCode } from '../../base/errors.js';
import { electionRegister, parseElectionEntry } from '../../storage/election-entry.js';
import { ObjectRegister } from '../../storage/object-register.js';
import type { Address } from '../../world/network.js';
import { LocalObjectStore } from '../../world/local/object-store.js';
import { NodeClock } from '../../world/real/clock.js';
import { NodeDisk } from '../../world/real/disk.js';
import { NodeRandom } from '../../world/real/random.js';
import { readToken, tokenPath } from '../admin-token.js';
import { parseAddresses } from '../cluster-address.js';
import { UsageError } from '../errors.js';
import { readOnly } from './read-only-disk.js';

/** Options that every operator's command takes. */
export interface AdminOptions {
  readonly root: string;
  readonly admin?: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

export type QueryValue = string | number | boolean | undefined;

/** Longer than any answer takes, long polls included. */
const answerWithinMs = 120_000;

export class AdminClient {
  readonly #base: string;
  readonly #token: string;

  private constructor({ host, port }: Address, token: string) {
    this.#base = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
    this.#token = token;
  }

  /** Throws {@link UsageError} if there is no cluster, `access-denied` without its token. */
  static async open(options: AdminOptions): Promise<AdminClient> {
    const address = await addressOf(options);
    return new AdminClient(address, await readToken(options.tokenFile ?? tokenPath(options.root)));
  }

  get<Answer extends z.ZodType>(
    path: string,
    answer: Answer,
    query: Readonly<Record<string, QueryValue>> = {},
  ): Promise<z.output<Answer>> {
    const given = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)] as [string, string]],
    );
    const text = new URLSearchParams(given).toString();
    return this.#ask(text === '' ? path : `${path}?${text}`, answer, {});
  }

  post<Answer extends z.ZodType>(
    path: string,
    answer: Answer,
    body: object = {},
  ): Promise<z.output<Answer>> {
    return this.#ask(path, answer, { method: 'POST', body: JSON.stringify(body) });
  }

  async #ask<Answer extends z.ZodType>(
    target: string,
    answer: Answer,
    request: RequestInit,
  ): Promise<z.output<Answer>> {
    const response = await this.#fetch(target, request);
    const value = await jsonOf(response);
    if (!response.ok) throw errorOf(value, response.status);
    const parsed = answer.safeParse(value);
    if (parsed.success) return parsed.data;
    throw new CadastreError('internal', `the answer to ${target} is of another shape`, {
      nextStep: 'Use the version of Cadastre that the master has.',
    });
  }

  async #fetch(target: string, request: RequestInit): Promise<Response> {
    try {
      return await fetch(`${this.#base}${target}`, {
        ...request,
        headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
        signal: AbortSignal.timeout(answerWithinMs),
      });
    } catch (cause) {
      throw new CadastreError('connection-lost', `no master answers at ${this.#base}`, {
        nextStep: 'Is it running? "cadastre start" starts one.',
        cause,
      });
    }
  }
}

async function addressOf({ root, admin }: AdminOptions): Promise<Address> {
  if (admin !== undefined) {
    const [address] = parseAddresses(admin, '--admin');
    if (address !== undefined) return address;
  }
  const address = await announced(root);
  if (address !== undefined) return address;
  throw new UsageError(
    `no master has told in ${root} where its operator API is`,
    'Give --root of a running cluster, or --admin host:port and --token-file.',
  );
}

async function announced(root: string): Promise<Address | undefined> {
  if (!existsSync(root)) return undefined;
  const random = new NodeRandom();
  const objects = new LocalObjectStore(readOnly(new NodeDisk()), resolve(root), random);
  const parts = { objects, clock: new NodeClock(), random };
  const entry = await new ObjectRegister(electionRegister, parts).read();
  return entry && parseElectionEntry(entry).addresses['http'];
}

async function jsonOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (cause) {
    throw new CadastreError('connection-lost', 'what answers is not a Cadastre master', {
      nextStep: 'Is the address that of the operator API?',
      cause,
    });
  }
}

function errorOf(value: unknown, status: number): CadastreError {
  const parsed = apiError.safeParse(value);
  if (!parsed.success) return new CadastreError('internal', `the master answers HTTP ${status}`);
  const { code, message, nextStep } = parsed.data;
  const options = nextStep === undefined ? {} : { nextStep };
  if (code === 'bad-request' && nextStep !== undefined) return new UsageError(message, nextStep);
  return new CadastreError(isErrorCode(code) ? code : 'procedure-failed', message, options);
}
