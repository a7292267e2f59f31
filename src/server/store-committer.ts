// Brings flushes and compactions of all regions here to the master, gathered into calls, and with them
// from where on this server's log is still needed.
//
// Invariants:
// 1. A region's commits keep their order; one call is under way at a time.
// 2. A commit is repeated under its own number until it is known to be taken or refused: a repeat has
//    no effect (race W14).

import type { CommitOutcome, StoreCommitter } from '../region/api.js';
import { present } from '../base/assert.js';
import type { Generation, Incarnation, RegionId, Revision } from '../base/ids.js';
import type { StoreCommit } from '../base/store-file.js';
import type { LogPosition } from '../storage/log.js';
import { ServerStatusService } from '../wire/generated/cadastre/internal_pb.js';
import { logPositionToMessage, storeCommitToMessage } from '../wire/internal-codec.js';
import { serverLimits } from './limits.js';
import type { MasterLink } from './master-link.js';

interface Pending {
  readonly region: RegionId;
  readonly generation: Generation;
  readonly number: number;
  readonly commit: StoreCommit;
  readonly resolve: (outcome: CommitOutcome) => void;
  readonly reject: (error: unknown) => void;
}

export class MasterCommitter implements StoreCommitter {
  readonly #link: MasterLink;
  readonly #incarnation: Incarnation;
  readonly #logLow: () => LogPosition;
  readonly #queue: Pending[] = [];
  #sending: Promise<void> | undefined;
  #isReleaseDue = false;
  #lowTold = 0;

  constructor(link: MasterLink, incarnation: Incarnation, logLow: () => LogPosition) {
    this.#link = link;
    this.#incarnation = incarnation;
    this.#logLow = logLow;
  }

  commit(
    region: RegionId,
    generation: Generation,
    number: number,
    commit: StoreCommit,
  ): Promise<CommitOutcome> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ region, generation, number, commit, resolve, reject });
      void this.#send();
    });
  }

  /**
   * Tells the master that less of the log is needed, if that is news. Never rejects: what did not come
   * through is news again at the next call.
   */
  async releaseLog(): Promise<void> {
    if (this.#logLow().sequence <= this.#lowTold) return;
    this.#isReleaseDue = true;
    await this.#send();
  }

  /** Resolves when nothing is left to be sent; never rejects. */
  #send(): Promise<void> {
    this.#sending ??= this.#sendAll();
    return this.#sending;
  }

  async #sendAll(): Promise<void> {
    // What else is asked for in this turn goes along.
    await Promise.resolve();
    while (this.#queue.length > 0 || this.#isReleaseDue) {
      this.#isReleaseDue = false;
      await this.#sendBatch(this.#queue.splice(0, serverLimits.commitsPerCallMax));
    }
    // In the turn of the last look at the queue: what comes later starts anew, and is not forgotten.
    this.#sending = undefined;
  }

  async #sendBatch(batch: readonly Pending[]): Promise<void> {
    try {
      const low = this.#logLow();
      const { answers } = await this.#link.call(ServerStatusService.method.commitStores, () => ({
        incarnation: BigInt(this.#incarnation),
        commits: batch.map(({ region, generation, number, commit }) => ({
          regionId: BigInt(region),
          generation: BigInt(generation),
          number: BigInt(number),
          commit: storeCommitToMessage(commit),
        })),
        logNeededFrom: logPositionToMessage(low),
      }));
      batch.forEach(({ resolve }, index) => {
        const { taken, revision, reason } = present(answers[index], 'each commit is answered');
        resolve(
          taken
            ? { kind: 'taken', revision: Number(revision) as Revision }
            : { kind: 'refused', reason },
        );
      });
      // The master takes the position only together with all of the commits.
      if (answers.every(({ taken }) => taken)) this.#lowTold = low.sequence;
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
