// Who is master: the highest entry of the election register.
//
// Invariants:
// 1. An entry is written only after the holder before it was seen to be over: provably gone, resigned,
//    or silent for 3 s by our own clock. This keeps a living master from being disturbed; it is not
//    what protects the data. That is the seal on the catalog logs of all lower epochs.
// 2. Who loses the register never tries a higher number, and stops (`onLost`).

import { present } from '../base/assert.js';
import { CadastreError, asCadastreError } from '../base/errors.js';
import type { Epoch, Timeline } from '../base/ids.js';
import type { Clock } from '../world/clock.js';
import type { Logger } from '../world/log.js';
import type { Address } from '../world/network.js';
import type { ProcessControl } from '../world/process.js';
import { HolderWatch, forgetLife, showLife } from './alive.js';
import type { ElectionEntry } from './election-entry.js';
import { electionRegister, encodeElectionEntry, parseElectionEntry } from './election-entry.js';
import { hasErrorCode } from './error-code.js';
import { electionLimits } from './limits.js';
import { catalogLogName } from './names.js';
import type { Register } from './register.js';
import type { Storage } from './storage.js';

/** Who wants to be master, and the parts of the world it needs. */
export interface Candidate {
  readonly storage: Storage;
  readonly clusterId: string;
  readonly clock: Clock;
  readonly process: ProcessControl;
  readonly log: Logger;
  readonly host: string;
  readonly addresses: Readonly<Record<string, Address>>;
}

/** A reign that this process has won. */
export interface Mastership {
  readonly epoch: Epoch;
  readonly entry: ElectionEntry;
  /** Called once, at once if it is so already, when another process has taken over. */
  onLost(handler: (error: CadastreError) => void): void;
  /** Forgets old reigns. Only once the catalog logs of all lower epochs are sealed (race A20). */
  trimHistory(): Promise<void>;
  /** Ends the reign, so that the next master need not wait. */
  resign(): Promise<void>;
}

/** The highest entry; undefined before the first master. */
export async function currentMaster(storage: Storage): Promise<ElectionEntry | undefined> {
  const entry = await storage.register(electionRegister).read();
  return entry && parseElectionEntry(entry);
}

/**
 * Takes the root over: at once if its last master is over, else after watching it for 3 s. Throws
 * `root-in-use` if it lives, or if another process takes over meanwhile.
 */
export async function takeOver(candidate: Candidate): Promise<Mastership> {
  const holder = await currentMaster(candidate.storage);
  if (holder !== undefined) {
    const watch = watchOf(candidate, holder);
    for (;;) {
      const seen = await watch.look();
      if (seen === 'over') break;
      if (seen === 'lives' || watch.isRunningHere) throw inUse(candidate, holder);
      await candidate.clock.sleep(electionLimits.lookEveryMs);
    }
  }
  const mastership = await succeed(candidate, holder);
  if (mastership !== undefined) return mastership;
  const winner = await currentMaster(candidate.storage);
  throw inUse(candidate, present(winner, 'who loses the register finds an entry in it'));
}

/** Stands by until this process is master; rejects with the signal's reason when it aborts. */
export async function campaign(candidate: Candidate, signal: AbortSignal): Promise<Mastership> {
  const { clock, log, storage } = candidate;
  for (;;) {
    try {
      const holder = await currentMaster(storage);
      if (holder !== undefined) await untilOver(candidate, watchOf(candidate, holder), signal);
      const mastership = await succeed(candidate, holder);
      if (mastership !== undefined) return mastership;
    } catch (error) {
      // What cannot be read is not silence. Everything else is not for us to judge.
      if (!hasErrorCode(error, 'storage-unavailable')) throw error;
      log.warn('the election cannot be read; standing by', {
        reason: asCadastreError(error).message,
      });
      await clock.sleep(electionLimits.lookEveryMs, signal);
    }
  }
}

function watchOf({ storage, clock, process }: Candidate, holder: ElectionEntry): HolderWatch {
  return new HolderWatch({ objects: storage.objects, clock, process }, holder);
}

async function untilOver(
  { clock }: Candidate,
  watch: HolderWatch,
  signal: AbortSignal,
): Promise<void> {
  while ((await watch.look()) !== 'over') await clock.sleep(electionLimits.lookEveryMs, signal);
}

/** Writes the next entry; undefined if another process was faster. */
async function succeed(
  candidate: Candidate,
  holder: ElectionEntry | undefined,
): Promise<Mastership | undefined> {
  const epoch = ((holder?.epoch ?? 0) + 1) as Epoch;
  const entry: ElectionEntry = {
    epoch,
    timeline: holder?.timeline ?? (1 as Timeline),
    catalogLog: catalogLogName(epoch),
    clusterId: candidate.clusterId,
    host: candidate.host,
    addresses: candidate.addresses,
    process: candidate.process.identity(),
    sinceMs: candidate.clock.now(),
  };
  const register = candidate.storage.register(electionRegister);
  if (!(await register.write(epoch - 1, encodeElectionEntry(entry)))) return undefined;
  candidate.log.info('this process is master', { epoch });
  return new Reign(candidate, register, entry);
}

class Reign implements Mastership {
  readonly entry: ElectionEntry;
  readonly #candidate: Candidate;
  readonly #register: Register;
  readonly #stop = new AbortController();
  readonly #handlers: ((error: CadastreError) => void)[] = [];
  readonly #beating: Promise<void>;
  #beat = 0;
  #lost: CadastreError | undefined;

  constructor(candidate: Candidate, register: Register, entry: ElectionEntry) {
    this.#candidate = candidate;
    this.#register = register;
    this.entry = entry;
    this.#beating = this.#keepBeating();
  }

  get epoch(): Epoch {
    return this.entry.epoch;
  }

  onLost(handler: (error: CadastreError) => void): void {
    if (this.#lost === undefined) this.#handlers.push(handler);
    else handler(this.#lost);
  }

  async trimHistory(): Promise<void> {
    await this.#register.trim();
    const [oldest] = await this.#register.history();
    if (oldest === undefined) return;
    await forgetLife(this.#candidate.storage.objects, oldest.number as Epoch);
  }

  async resign(): Promise<void> {
    this.#stop.abort();
    await this.#beating;
    if (this.#lost === undefined) await this.#show(true);
  }

  /** Never rejects. */
  async #keepBeating(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted && this.#lost === undefined) {
      try {
        await this.#show(false);
        const highest = await this.#register.read();
        if (highest?.number !== this.epoch) this.#lose(highest?.number);
      } catch (error) {
        // Not to be seen for a while costs the reign at worst; another master then says so.
        this.#candidate.log.warn('the sign of life cannot be written', {
          epoch: this.epoch,
          reason: asCadastreError(error).message,
        });
      }
      await this.#candidate.clock.sleep(electionLimits.aliveEveryMs, signal).catch(() => undefined); // only the stop rejects it, and the loop sees that
    }
  }

  #show(hasResigned: boolean): Promise<void> {
    this.#beat += 1;
    const sign = { beat: this.#beat, hasResigned };
    return showLife(this.#candidate.storage.objects, this.epoch, sign);
  }

  #lose(number: number | undefined): void {
    const successor = number === undefined ? 'the election is empty' : `epoch ${number} reigns`;
    const error = new CadastreError(
      'stale-epoch',
      `this process is master of epoch ${this.epoch} no longer: ${successor}`,
      { nextStep: 'Stop; the new master has taken over.' },
    );
    this.#lost = error;
    for (const handler of this.#handlers.splice(0)) handler(error);
  }
}

function inUse(candidate: Candidate, holder: ElectionEntry): CadastreError {
  const { epoch, host, process } = holder;
  const seconds = Math.max(0, Math.round((candidate.clock.now() - holder.sinceMs) / 1_000));
  return new CadastreError(
    'root-in-use',
    `the storage root is in use by the master on ${host}, process ${process.pid}, ` +
      `for ${seconds} s (epoch ${epoch})`,
    {
      nextStep: 'Stop that process first, or choose another root with --root.',
      details: { host, pid: process.pid, epoch, sinceMs: holder.sinceMs },
    },
  );
}
