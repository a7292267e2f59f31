// The regions that this server holds, by name and by id, and how far each has come.
//
// Invariants:
// 1. A region serves only once the master has acknowledged its OPENED report (page 4): before that
//    its requests wait a little, bounded in number and time, and are then bounced.
// 2. `version` rises with every change of the set, so that the master can tell old news from new.
// 3. Where a region went is remembered for a while, for the clients that still come here.

import { assert } from '../base/assert.js';
import { CadastreError } from '../base/errors.js';
import type { Generation, Incarnation, RegionId } from '../base/ids.js';
import { encodedRegionName, regionName } from '../base/table.js';
import type { RegionInfo } from '../base/table.js';
import type { Region } from '../region/api.js';
import type { HeldRegion } from '../wire/internal-codec.js';
import type { Clock, Timer } from '../world/clock.js';
import { serverLimits } from './limits.js';

/** Where a region went, as its old server was told. */
export interface Destination {
  readonly host: string;
  readonly port: number;
  readonly incarnation: Incarnation;
}

export type Hosting =
  /** Its files are being opened. */
  | { readonly kind: 'opening' }
  /** Open, and the master does not know it yet: it must not serve. */
  | { readonly kind: 'opened'; readonly region: Region }
  | { readonly kind: 'serving'; readonly region: Region }
  | { readonly kind: 'closing'; readonly destination: Destination | undefined };

export interface Hosted {
  readonly info: RegionInfo;
  readonly generation: Generation;
  readonly encodedName: string;
  readonly name: string;
  hosting: Hosting;
}

interface Moved {
  readonly error: CadastreError;
  readonly untilMs: number;
}

interface Waiting {
  readonly run: (region: Region) => void;
  readonly fail: (error: CadastreError) => void;
}

export class HostedRegions {
  readonly #clock: Clock;
  readonly #serverText: () => string;
  readonly #byId = new Map<RegionId, Hosted>();
  /** By full name and by encoded name, as latin-1 text. */
  readonly #byName = new Map<string, Hosted>();
  readonly #moved = new Map<string, Moved>();
  readonly #waiting = new Map<RegionId, { calls: Waiting[]; timer: Timer }>();
  #waitingCalls = 0;
  #version = 0;

  constructor(clock: Clock, serverText: () => string) {
    this.#clock = clock;
    this.#serverText = serverText;
  }

  /** Number of changes of the set so far. */
  get version(): number {
    return this.#version;
  }
  get size(): number {
    return this.#byId.size;
  }
  all(): IterableIterator<Hosted> {
    return this.#byId.values();
  }
  /** Those that serve now. */
  servingNow(): readonly HeldRegion[] {
    return [...this.#byId.values()].flatMap(({ hosting, info, generation }) =>
      hosting.kind === 'serving' ? [{ regionId: info.regionId, generation }] : [],
    );
  }
  get(id: RegionId): Hosted | undefined {
    return this.#byId.get(id);
  }

  /** A region whose opening begins. The caller has seen that there is none with its id. */
  add(info: RegionInfo, generation: Generation): Hosted {
    assert(!this.#byId.has(info.regionId), 'L3: a server holds a region once');
    const name = regionName(info).toString('latin1');
    const encodedName = encodedRegionName(info);
    const hosted: Hosted = { info, generation, encodedName, name, hosting: { kind: 'opening' } };
    this.#byId.set(info.regionId, hosted);
    this.#byName.set(name, hosted);
    this.#byName.set(encodedName, hosted);
    this.#moved.delete(name);
    this.#version++;
    return hosted;
  }

  /** Its files are open; it waits for the master's acknowledgement. */
  opened(hosted: Hosted, region: Region): void {
    hosted.hosting = { kind: 'opened', region };
    this.#version++;
  }

  /** The master has acknowledged: it serves, and the requests that waited run. */
  serve(hosted: Hosted): void {
    assert(hosted.hosting.kind === 'opened', 'L3: only an opened region starts to serve');
    const { region } = hosted.hosting;
    hosted.hosting = { kind: 'serving', region };
    this.#version++;
    const failures: unknown[] = [];
    for (const { run } of this.#takeWaiting(hosted)) {
      try {
        run(region);
      } catch (error) {
        // The others waited as well: each of them is run before this is anyone's problem.
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  closing(hosted: Hosted, destination: Destination | undefined): void {
    hosted.hosting = { kind: 'closing', destination };
    this.#version++;
    for (const { fail } of this.#takeWaiting(hosted))
      fail(this.#notServing(hosted.name, 'closing'));
  }

  /**
   * It is gone from here. With a destination, clients are sent there for a while. No effect if it
   * was gone already: a newer generation of the region may have its place.
   */
  remove(hosted: Hosted, openSequence: number): void {
    if (this.#byId.get(hosted.info.regionId) !== hosted) return;
    this.#byId.delete(hosted.info.regionId);
    this.#byName.delete(hosted.name);
    this.#byName.delete(hosted.encodedName);
    this.#version++;
    for (const { fail } of this.#takeWaiting(hosted)) fail(this.#notServing(hosted.name, 'closed'));
    const destination = hosted.hosting.kind === 'closing' ? hosted.hosting.destination : undefined;
    if (destination !== undefined) this.#rememberMove(hosted, destination, openSequence);
  }

  /** The region of that full or encoded name, if it serves. Otherwise throws why not. */
  serving(name: string): Region {
    const hosted = this.#byName.get(name);
    if (hosted?.hosting.kind === 'serving') return hosted.hosting.region;
    throw this.#whyNot(name, hosted);
  }

  /** Runs `run` with the region: now, or when an opened one is acknowledged; else `fail`. */
  whenServing(name: string, run: (region: Region) => void, fail: Waiting['fail']): void {
    const hosted = this.#byName.get(name);
    if (hosted?.hosting.kind === 'serving') run(hosted.hosting.region);
    else if (
      hosted?.hosting.kind === 'opened' &&
      this.#waitingCalls < serverLimits.callsWaitingForOpenMax
    ) {
      this.#wait(hosted, { run, fail });
    } else fail(this.#whyNot(name, hosted));
  }

  #wait(hosted: Hosted, call: Waiting): void {
    const id = hosted.info.regionId;
    const waiting = this.#waiting.get(id);
    this.#waitingCalls++;
    if (waiting !== undefined) {
      waiting.calls.push(call);
      return;
    }
    const timer = this.#clock.timer(serverLimits.waitForOpenMs, () => {
      for (const { fail } of this.#takeWaiting(hosted)) fail(this.#opening(hosted.name));
    });
    this.#waiting.set(id, { calls: [call], timer });
  }

  #takeWaiting(hosted: Hosted): readonly Waiting[] {
    const waiting = this.#waiting.get(hosted.info.regionId);
    if (waiting === undefined) return [];
    this.#waiting.delete(hosted.info.regionId);
    waiting.timer.cancel();
    this.#waitingCalls -= waiting.calls.length;
    return waiting.calls;
  }

  #whyNot(name: string, hosted: Hosted | undefined): CadastreError {
    if (hosted === undefined) {
      const moved = this.#moved.get(name);
      if (moved !== undefined && moved.untilMs > this.#clock.monotonic()) return moved.error;
      return this.#notServing(name, 'not online');
    }
    if (hosted.hosting.kind === 'closing') return this.#notServing(name, 'closing');
    return this.#opening(name);
  }

  #notServing(name: string, how: string): CadastreError {
    return new CadastreError('region-not-serving', `${name} is ${how} on ${this.#serverText()}`, {
      nextStep: 'Look the region up again.',
    });
  }

  #opening(name: string): CadastreError {
    return new CadastreError('region-opening', `${name} is opening on ${this.#serverText()}`, {
      nextStep: 'Try again in a moment.',
    });
  }

  #rememberMove(hosted: Hosted, to: Destination, openSequence: number): void {
    const error = new CadastreError('region-moved', `${hosted.name} moved`, {
      details: {
        host: to.host,
        port: to.port,
        startCode: to.incarnation,
        sequence: openSequence,
      },
    });
    const now = this.#clock.monotonic();
    for (const [name, moved] of this.#moved) {
      if (moved.untilMs > now && this.#moved.size < serverLimits.movesRememberedMax) break;
      this.#moved.delete(name);
    }
    const moved = { error, untilMs: now + serverLimits.moveRememberedMs };
    this.#moved.set(hosted.name, moved);
  }
}
