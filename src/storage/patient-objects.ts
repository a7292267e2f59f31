// An object store with patience: what fails as `storage-unavailable` is tried again, a bounded number
// of times, and the unclear outcome of a create is read back, never guessed (page 1, race W8).

import type { Clock } from '../world/clock.js';
import type { ObjectInfo, ObjectStore } from '../world/object-store.js';
import type { Random } from '../world/random.js';
import { hasErrorCode } from './error-code.js';
import { retryLimits } from './limits.js';

export interface PatientObjectsOptions {
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
}

export class PatientObjects {
  readonly #objects: ObjectStore;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor({ objects, clock, random }: PatientObjectsOptions) {
    this.#objects = objects;
    this.#clock = clock;
    this.#random = random;
  }

  /** Sixteen bytes that tell one writer's attempts from all others'. */
  newWriterId(): Buffer {
    return this.#random.bytes(16);
  }

  /**
   * Creates the object. True if the key now holds `bytes`, by this attempt or an earlier one; false
   * if it holds something else. So `bytes` must carry an id that no other writer uses.
   */
  createOnce(key: string, bytes: Uint8Array): Promise<boolean> {
    return this.#retry(async () => {
      try {
        await this.#objects.create(key, bytes);
        return true;
      } catch (error) {
        if (!isUnclear(error) && !hasErrorCode(error, 'object-exists')) throw error;
        const found = await this.#find(key);
        if (found !== undefined) return found.equals(bytes);
        if (isUnclear(error)) throw error; // it is not there, so it may be tried again
        return false; // it was there, and has been deleted since
      }
    });
  }

  /** The object, or undefined if there is none. */
  get(key: string): Promise<Buffer | undefined> {
    return this.#retry(() => this.#find(key));
  }

  async #find(key: string): Promise<Buffer | undefined> {
    try {
      return await this.#objects.get(key);
    } catch (error) {
      if (hasErrorCode(error, 'object-missing')) return undefined;
      throw error;
    }
  }

  /** Everything under the prefix, in key order. Pages are followed by the last key seen. */
  async *list(prefix: string, after?: string): AsyncGenerator<ObjectInfo> {
    let last = after;
    for (;;) {
      const page = await this.#retry(() => this.#objects.list(prefix, last));
      if (page.length === 0) return;
      yield* page;
      last = page.at(-1)?.key;
    }
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#retry(() => this.#objects.delete(keys));
  }

  async #retry<Result>(run: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await run();
      } catch (error) {
        if (!isUnclear(error) || attempt === retryLimits.attemptsMax) throw error;
        const pause = Math.min(retryLimits.pauseMaxMs, retryLimits.pauseMs * 2 ** (attempt - 1));
        await this.#clock.sleep(pause * (0.5 + this.#random.float() / 2));
      }
    }
  }
}

function isUnclear(error: unknown): boolean {
  return hasErrorCode(error, 'storage-unavailable');
}
