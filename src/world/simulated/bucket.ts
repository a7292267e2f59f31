// An S3-like store outside of all machines: it outlives every crash, answers slowly, and sometimes
// leaves a caller in the dark.
//
// A request that fails (see faults.ts) has had no effect, has had all of it (`whole`: the answer was
// lost), or will have it later (`partial`: a time-out of a request that is still on its way), but
// never half of it (invariant 3 of object-store.ts). A killed node's requests go on or get lost.

import { nestedKey } from '../local/keys.js';
import type { ObjectInfo } from '../object-store.js';
import { Faults, faultError } from './faults.js';
import type { SimLife } from './life.js';
import type { SimRandom } from './random.js';
import type { SimScheduler } from './scheduler.js';

export type BucketRequestKind = 'put' | 'create' | 'get' | 'head' | 'list' | 'delete';

export interface BucketRequest<Result> {
  readonly kind: BucketRequestKind;
  readonly key: string;
  readonly run: () => Result;
}

/** Requests that timed out for their caller may arrive so much later. */
const latestMs = 60_000;

export class SimBucket {
  readonly faults: Faults<BucketRequestKind>;
  /** How long each way takes, uniformly; a test may change it at any time. */
  delayMs: readonly [low: number, high: number] = [2, 30];
  readonly #scheduler: SimScheduler;
  readonly #random: SimRandom;
  readonly #objects = new Map<string, Buffer>();
  /** All keys, sorted. */
  readonly #keys: string[] = [];

  constructor(scheduler: SimScheduler, random: SimRandom) {
    this.#scheduler = scheduler;
    this.#random = random.fork('bucket');
    this.faults = new Faults(this.#random);
  }

  /** Sends a node's request; `done` is called in that node. */
  submit<Result>(
    life: SimLife,
    request: BucketRequest<Result>,
    done: (error: Error | undefined, result: Result | undefined) => void,
  ): void {
    if (life.isKilled) return;
    const label = `${request.kind} object ${request.key}`;
    this.#scheduler.schedule(this.#delay(), `${life.name}: ${label}`, () => {
      if (life.isKilled && this.#random.chance(0.5)) return;
      let error: Error | undefined;
      let result: Result | undefined;
      try {
        result = this.#perform(request);
      } catch (thrown) {
        error = thrown as Error;
      }
      life.schedule(this.#delay(), `${label} is answered`, () => done(error, result));
    });
  }

  find(key: string): Buffer | undefined {
    return this.#objects.get(key);
  }

  /** Sets an object; throws `bad-request` if its key is a path prefix of another, or the reverse. */
  set(key: string, bytes: Buffer): void {
    if (!this.#objects.has(key)) {
      this.#checkNesting(key);
      this.#keys.splice(this.#indexOf(key), 0, key);
    }
    this.#objects.set(key, bytes);
  }

  remove(key: string): void {
    if (this.#objects.delete(key)) this.#keys.splice(this.#indexOf(key), 1);
  }

  list(prefix: string, after: string, limit: number): readonly ObjectInfo[] {
    const infos: ObjectInfo[] = [];
    for (
      let index = this.#indexOf(after > prefix ? after : prefix);
      infos.length < limit;
      index++
    ) {
      const key = this.#keys[index];
      if (key === undefined || !key.startsWith(prefix)) break;
      if (key > after) infos.push({ key, bytes: this.#objects.get(key)?.length ?? 0 });
    }
    return infos;
  }

  #perform<Result>(request: BucketRequest<Result>): Result {
    const { kind, key } = request;
    const fault = this.faults.take(kind, key);
    if (fault === undefined) return request.run();
    if (fault.effect === 'whole') this.#runUnheard(request);
    else if (fault.effect === 'partial') {
      this.#scheduler.schedule(
        this.#random.between(0, latestMs),
        `late ${kind} object ${key}`,
        () => this.#runUnheard(request),
      );
    }
    throw faultError(fault, kind, key);
  }

  #runUnheard(request: BucketRequest<unknown>): void {
    try {
      request.run();
    } catch {
      // Refused, and its caller was already told that the outcome is unknown.
    }
  }

  #delay(): number {
    return this.#random.between(...this.delayMs);
  }

  #checkNesting(key: string): void {
    for (let end = key.indexOf('/'); end >= 0; end = key.indexOf('/', end + 1)) {
      const above = key.slice(0, end);
      if (this.#objects.has(above)) throw nestedKey(key, above);
    }
    const below = this.#keys[this.#indexOf(`${key}/`)];
    if (below?.startsWith(`${key}/`) === true) throw nestedKey(key, below);
  }

  /** Index of the first key that is not before `key`. */
  #indexOf(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] ?? '') < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
