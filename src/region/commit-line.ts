// Commits of one region to the catalog, one after the other under rising numbers.
//
// Invariant: number n + 1 is sent only when the outcome of n is known. The master takes a number it
// has passed for a repetition and ignores it (races W14, W18), so an overtaken commit would be lost.
// An unknown outcome is asked for again with the same number and the same content.

import type { Generation, RegionId } from '../base/ids.js';
import type { StoreCommit } from '../base/store-file.js';
import type { CommitOutcome, StoreCommitter } from './api.js';
import type { Retry } from './retry.js';

export class CommitLine {
  readonly #committer: StoreCommitter;
  readonly #region: RegionId;
  readonly #generation: Generation;
  readonly #retry: Retry;
  #number = 0;
  #last: Promise<unknown> = Promise.resolve();
  #running = 0;

  constructor(committer: StoreCommitter, region: RegionId, generation: Generation, retry: Retry) {
    this.#committer = committer;
    this.#region = region;
    this.#generation = generation;
    this.#retry = retry;
  }

  /** Whether a commit's outcome is not known yet. */
  get isBusy(): boolean {
    return this.#running > 0;
  }

  /** Rejects with `stopped` if the region ends before the outcome is known. */
  async commit(commit: StoreCommit): Promise<CommitOutcome> {
    this.#running++;
    const sending = this.#last.then(() => this.#send(commit));
    // The next one waits for this one, whatever became of it.
    this.#last = sending.catch(() => undefined);
    try {
      return await sending;
    } finally {
      this.#running--;
    }
  }

  #send(commit: StoreCommit): Promise<CommitOutcome> {
    const number = ++this.#number;
    return this.#retry.run(`commit ${number} of region ${this.#region}`, () =>
      this.#committer.commit(this.#region, this.#generation, number, commit),
    );
  }
}
