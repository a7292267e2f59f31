// Which regions are flushed next: in order of asking, those that must release the log first.

import { asCadastreError } from '../base/errors.js';
import type { Clock } from '../world/clock.js';
import type { Logger } from '../world/log.js';
import type { HostedRegion } from './hosted-region.js';
import { regionLimits } from './limits.js';

interface QueueParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly stop: AbortSignal;
  /** Called whenever a flush ended. */
  onEnd(): void;
}

interface Waiting {
  readonly region: HostedRegion;
  readonly since: number;
}

export class FlushQueue {
  readonly #parts: QueueParts;
  #waiting: Waiting[] = [];
  readonly #running = new Set<HostedRegion>();
  #isLooking = false;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Running and waiting. */
  get pending(): number {
    return this.#running.size + this.#waiting.length;
  }

  has(region: HostedRegion): boolean {
    return this.#running.has(region) || this.#waiting.some((other) => other.region === region);
  }

  /** `isUrgent`: before all others. A region that is queued already keeps its place, unless urgent. */
  add(region: HostedRegion, isUrgent = false): void {
    const queued = this.#waiting.findIndex((other) => other.region === region);
    if (queued >= 0) {
      if (!isUrgent || queued === 0) return;
      this.#waiting.splice(queued, 1);
    }
    const waiting = { region, since: this.#parts.clock.monotonic() };
    // Urgent ones do not wait for compactions either.
    if (isUrgent) this.#waiting.unshift({ ...waiting, since: -Infinity });
    else this.#waiting.push(waiting);
    this.#look();
  }

  remove(region: HostedRegion): void {
    this.#waiting = this.#waiting.filter((other) => other.region !== region);
  }

  #look(): void {
    if (this.#parts.stop.aborted) return;
    while (this.#running.size < regionLimits.flushesMax) {
      const index = this.#waiting.findIndex((waiting) => this.#isReady(waiting));
      const [next] = index < 0 ? [] : this.#waiting.splice(index, 1);
      if (next === undefined) break;
      void this.#flush(next.region);
    }
    this.#lookLater();
  }

  /** A region with too many files waits for a compaction, for a while. */
  #isReady({ region, since }: Waiting): boolean {
    if (this.#running.has(region)) return false;
    const waitedMs = this.#parts.clock.monotonic() - since;
    return !region.isBlocked || waitedMs >= regionLimits.blockedFlushWaitMs;
  }

  async #flush(region: HostedRegion): Promise<void> {
    this.#running.add(region);
    try {
      await region.flush();
    } catch (error) {
      // Refused or stopped: the region says so to its server itself.
      const { code, message } = asCadastreError(error);
      this.#parts.log.warn('a flush ended', { region: region.regionId, code, error: message });
    }
    this.#running.delete(region);
    this.#look();
    this.#parts.onEnd();
  }

  #lookLater(): void {
    if (this.#isLooking || this.#waiting.length === 0) return;
    this.#isLooking = true;
    this.#parts.clock.timer(1_000, () => {
      this.#isLooking = false;
      this.#look();
    });
  }
}
