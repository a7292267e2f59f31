// The sign of life of a reign, `alive/<epoch>`: what the holder writes, and what others make of it.
//
// Invariant: only the time in which a watcher itself looked and saw no change counts as silence. So
// neither a clock's jump nor a suspension of the watcher makes a living holder look dead.

import { z } from 'zod';
import type { Epoch } from '../base/ids.js';
import type { Clock } from '../world/clock.js';
import type { ObjectStore } from '../world/object-store.js';
import type { ProcessControl } from '../world/process.js';
import type { ElectionEntry } from './election-entry.js';
import { hasErrorCode } from './error-code.js';
import { electionLimits } from './limits.js';

const alivePrefix = 'alive/';
const epochDigits = 20;

const signSchema = z.object({ beat: z.int(), hasResigned: z.boolean() });
export type SignOfLife = z.infer<typeof signSchema>;

function aliveKey(epoch: Epoch): string {
  return `${alivePrefix}${String(epoch).padStart(epochDigits, '0')}`;
}

export async function showLife(
  objects: ObjectStore,
  epoch: Epoch,
  sign: SignOfLife,
): Promise<void> {
  await objects.put(aliveKey(epoch), Buffer.from(JSON.stringify(sign)));
}

/** Undefined while there is none, or none that can be read: a living holder soon writes the next. */
async function seeLife(objects: ObjectStore, epoch: Epoch): Promise<SignOfLife | undefined> {
  try {
    const bytes = await objects.get(aliveKey(epoch));
    return signSchema.safeParse(JSON.parse(bytes.toString('utf8'))).data;
  } catch (error) {
    if (hasErrorCode(error, 'object-missing') || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Deletes the signs of life of reigns before `epoch`. */
export async function forgetLife(objects: ObjectStore, epoch: Epoch): Promise<void> {
  const signs = await objects.list(alivePrefix);
  const old = signs.map(({ key }) => key).filter((key) => key < aliveKey(epoch));
  await objects.delete(old);
}

/** Watches one holder. */
export class HolderWatch {
  readonly #objects: ObjectStore;
  readonly #clock: Clock;
  readonly #process: ProcessControl;
  readonly #holder: ElectionEntry;
  #beat: number | undefined;
  #lookedAtMs: number | undefined;
  #silentMs = 0;

  constructor(
    world: {
      readonly objects: ObjectStore;
      readonly clock: Clock;
      readonly process: ProcessControl;
    },
    holder: ElectionEntry,
  ) {
    this.#objects = world.objects;
    this.#clock = world.clock;
    this.#process = world.process;
    this.#holder = holder;
  }

  /** Proof, from the process table of this machine. */
  get isRunningHere(): boolean {
    return this.#process.look(this.#holder.process) === 'running';
  }

  /** `over`: the holder may be succeeded. `lives`: it has shown since the last look. */
  async look(): Promise<'over' | 'lives' | 'unsure'> {
    if (this.#process.look(this.#holder.process) === 'gone') return 'over';
    const sign = await seeLife(this.#objects, this.#holder.epoch);
    if (sign?.hasResigned === true) return 'over';
    const now = this.#clock.monotonic();
    const before = this.#lookedAtMs;
    this.#lookedAtMs = now;
    if (before !== undefined && sign?.beat !== this.#beat) {
      this.#beat = sign?.beat;
      this.#silentMs = 0;
      return 'lives';
    }
    this.#beat = sign?.beat;
    // Longer than two looks apart, we were not looking: suspended, perhaps together with the holder.
    this.#silentMs += Math.min(now - (before ?? now), 2 * electionLimits.lookEveryMs);
    return this.#silentMs >= electionLimits.silenceMs ? 'over' : 'unsure';
  }
}
