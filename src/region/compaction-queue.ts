// Compactions of a server's regions, one after the other, at a bounded average rate.

import { CadastreError } from '../base/errors.js';
import type { Clock } from '../world/clock.js';
import type { CompactionKind } from './compactor.js';
import type { HostedRegion } from './hosted-region.js';
import { regionLimits } from './limits.js';

/** No compaction is followed by a longer rest. */
const restMsMax = 60_000;

interface Waiting {
  readonly region: HostedRegion;
  readonly what: CompactionKind;
  readonly ended: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class CompactionQueue {
  readonly #clock: Clock;
  readonly #stop: AbortSignal;
  #waiting: Waiting[] = [];
  #running: Waiting | undefined;

  constructor(parts: { readonly clock: Clock; readonly stop: AbortSignal }) {
    this.#clock = parts.clock;
    this.#stop = parts.stop;
  }

  get running(): number {
    return this.#running === undefined ? 0 : 1;
  }
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves when it was done; joins one that waits already. Rejects with the compaction's error. */
  add(region: HostedRegion, what: CompactionKind): Promise<void> {
    const same = this.#waiting.find(
      (other) =>
        other.region === region &&
        other.what.kind === what.kind &&
        other.what.family === what.family,
    );
    if (same !== undefined) return same.ended;
    let resolve: () => void = () => undefined;
    let reject: (error: unknown) => void = () => undefined;
    const ended = new Promise<void>((onDone, onError) => {
      resolve = onDone;
      reject = onError;
    });
    this.#waiting.push({ region, what, ended, resolve, reject });
    void this.#work();
    return ended;
  }

  remove(region: HostedRegion): void {
    const gone = this.#waiting.filter((other) => other.region === region);
    this.#waiting = this.#waiting.filter((other) => other.region !== region);
    for (const { reject } of gone) reject(new CadastreError('stopped', 'the region was closed'));
  }

  async #work(): Promise<void> {
    if (this.#running !== undefined) return;
    for (;;) {
      const next = this.#stop.aborted ? undefined : this.#waiting.shift();
      if (next === undefined) return;
      this.#running = next;
      const startedMs = this.#clock.monotonic();
      let bytes = 0;
      try {
        bytes = await next.region.compactNow(next.what);
        next.resolve();
      } catch (error) {
        next.reject(error);
      }
      await this.#rest(bytes, this.#clock.monotonic() - startedMs);
      this.#running = undefined;
    }
  }

  /** So that on average no more bytes are read and written than the limit says. */
  async #rest(bytes: number, tookMs: number): Promise<void> {
    const dueMs = (bytes / regionLimits.compactionBytesPerSecond) * 1000 - tookMs;
    if (dueMs < 1) return;
    try {
      await this.#clock.sleep(Math.min(dueMs, restMsMax), this.#stop);
    } catch {
      // Woken to stop.
    }
  }
}
