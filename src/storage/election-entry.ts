// What an entry of the election register says: who reigns, since when, and where the catalog is.

import { z } from 'zod';
import { CadastreError } from '../base/errors.js';
import type { Epoch, Timeline } from '../base/ids.js';
import type { Address } from '../world/network.js';
import type { ProcessIdentity } from '../world/process.js';
import type { RegisterEntry } from './register.js';
import type { Storage } from './storage.js';

export const electionRegister = 'election';

/** One reign. Its epoch is the number of its register entry. */
export interface ElectionEntry {
  readonly epoch: Epoch;
  readonly timeline: Timeline;
  /** The catalog log of this reign. */
  readonly catalogLog: string;
  readonly clusterId: string;
  /** The machine's name, for people. */
  readonly host: string;
  /** Where the master is reached, by purpose, such as `rpc` and `http`. */
  readonly addresses: Readonly<Record<string, Address>>;
  readonly process: ProcessIdentity;
  /** Wall-clock milliseconds of the take-over, for people. */
  readonly sinceMs: number;
}

const entrySchema = z.object({
  epoch: z.int().positive(),
  timeline: z.int().positive(),
  catalogLog: z.string(),
  clusterId: z.string(),
  host: z.string(),
  addresses: z.record(z.string(), z.object({ host: z.string(), port: z.int() })),
  process: z.object({
    bootId: z.string(),
    pidNamespace: z.string(),
    pid: z.int(),
    startTime: z.string(),
  }),
  sinceMs: z.number(),
});

export function encodeElectionEntry(entry: ElectionEntry): Buffer {
  return Buffer.from(JSON.stringify(entry));
}

/** Throws `corruption` if the entry is not one. */
export function parseElectionEntry({ number, value }: RegisterEntry): ElectionEntry {
  let json: unknown;
  try {
    json = JSON.parse(value.toString('utf8'));
  } catch {
    json = undefined; // reported below, with the entry's number
  }
  const parsed = entrySchema.safeParse(json);
  if (parsed.success && parsed.data.epoch === number) {
    const { epoch, timeline } = parsed.data;
    return { ...parsed.data, epoch: epoch as Epoch, timeline: timeline as Timeline };
  }
  const reason = parsed.error?.issues[0]?.message ?? 'it names another epoch';
  throw new CadastreError(
    'corruption',
    `entry ${number} of the election cannot be read: ${reason}`,
    {
      nextStep: 'Use the Cadastre version that wrote it, or restore the object from a copy.',
    },
  );
}

/**
 * All reigns still recorded, lowest epoch first. A new master seals the catalog logs of all lower
 * ones, in order, before it reads them (race A20); sealing also stops a reign that has no log yet.
 */
export async function electionHistory(storage: Storage): Promise<readonly ElectionEntry[]> {
  const entries = await storage.register(electionRegister).history();
  return entries.map(parseElectionEntry);
}
