// Why an object is there, or not: who refers to it, what holds it, which cycle deleted it.

import type { Revision } from '../../base/ids.js';
import type { Catalog } from '../../catalog/api.js';
import type { CandidateRecord } from '../../catalog/records/deletion.js';
import { candidateKind, objectCandidate } from '../../catalog/records/deletion.js';
import { allKinds } from '../../catalog/records/kinds.js';
import { encodeTuple, formatKey } from '../../catalog/tuple.js';
import type { Clock } from '../../world/clock.js';
import type { Horizon } from './horizon.js';
import { deletionsRemembered, recordsPerTurn } from './limits.js';

export interface DeletionNote {
  readonly cycle: number;
  /** Wall-clock milliseconds. */
  readonly atMs: number;
  /** The revision that dropped the last reference. */
  readonly death: Revision;
}

/** The last deletions, the oldest forgotten first. */
export class Deletions {
  readonly #notes = new Map<string, DeletionNote>();

  add(name: string, note: DeletionNote): void {
    this.#notes.delete(name);
    this.#notes.set(name, note);
    if (this.#notes.size <= deletionsRemembered) return;
    for (const oldest of this.#notes.keys()) {
      this.#notes.delete(oldest);
      break;
    }
  }

  get(name: string): DeletionNote | undefined {
    return this.#notes.get(name);
  }
}

export interface Explanation {
  readonly object: string;
  /** The records that refer to it. */
  readonly referredToBy: readonly string[];
  readonly candidate: CandidateRecord | undefined;
  readonly deletion: DeletionNote | undefined;
  /** All of it in one sentence. */
  readonly text: string;
}

/** Looks through all records with references: for people, not for programs. */
export async function explainObject(
  object: string,
  known: {
    readonly catalog: Pick<Catalog, 'durable'>;
    readonly clock: Clock;
    readonly horizon: Horizon | undefined;
    readonly deletion: DeletionNote | undefined;
  },
): Promise<Explanation> {
  const { catalog, clock, horizon, deletion } = known;
  const referredToBy: string[] = [];
  let seen = 0;
  for (const kind of allKinds) {
    if (kind.references === undefined) continue;
    for (const { key, value } of catalog.durable.scan(kind)) {
      if (kind.references(value).some((reference) => reference.object === object)) {
        referredToBy.push(formatKey(encodeTuple([kind.name, ...key])));
      }
      if (++seen % recordsPerTurn === 0) await clock.yield();
    }
  }
  const candidate = catalog.durable.get(candidateKind, objectCandidate(object));
  const text = sentence(object, { referredToBy, candidate, deletion, horizon });
  return { object, referredToBy, candidate, deletion, text };
}

function sentence(
  object: string,
  {
    referredToBy,
    candidate,
    deletion,
    horizon,
  }: Pick<Explanation, 'referredToBy' | 'candidate' | 'deletion'> & {
    readonly horizon: Horizon | undefined;
  },
): string {
  if (referredToBy.length > 0) return `${object} is kept by ${referredToBy.join(', ')}`;
  if (candidate?.state === 'deleting') return `${object} is being deleted`;
  if (candidate !== undefined) {
    const since = `nothing has referred to ${object} since revision ${candidate.death}`;
    if (horizon === undefined || candidate.death <= horizon.revision) {
      return `${since}; the next cycle deletes it`;
    }
    return `${since}; ${horizon.holder} holds revision ${horizon.revision}`;
  }
  if (deletion !== undefined) {
    return `cycle ${deletion.cycle} deleted ${object}, which died at revision ${deletion.death}`;
  }
  return `the catalog knows nothing of ${object}`;
}
