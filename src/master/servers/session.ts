// What the master knows of one live server beyond its record: when it was heard, what its heartbeats
// said, and the questions that they started. In memory only.

import type { Incarnation, RegionId, Revision } from '../../base/ids.js';
import type { RegionRecord } from '../../catalog/records/regions.js';
import type { ServerRecord } from '../../catalog/records/servers.js';
import { digestRegions } from '../../wire/internal.js';
import type { HeldRegion } from '../../wire/internal-codec.js';
import { compareRegions } from './region-questions.js';

/** Digests that disagree, one after the other, before the list is asked for. */
const digestsToAsk = 2;
/** Lists that lack an open region, or still hold a foreign one, before the server is fenced. */
const listsToLose = 3;
const listsToRefuse = 10;

/** The load of one region, as the last heartbeat said. */
export interface RegionLoadFigures {
  readonly region: RegionId;
  readonly memstoreBytes: number;
  readonly storeBytes: number;
  readonly storeFiles: number;
  readonly readRequests: number;
  readonly writeRequests: number;
  readonly filteredReads: number;
  readonly majorCompactedAtMs: number;
}

export interface ServerFigures {
  readonly loads: readonly RegionLoadFigures[];
  readonly residentBytes: number;
  readonly oldestRevisionInUse: Revision | undefined;
}

/** What a heartbeat leads to. */
export interface HeartbeatVerdict {
  readonly wantsRegions: boolean;
  /** Regions that the server shall close. */
  readonly close: readonly HeldRegion[];
  /** Why the server must be fenced. */
  readonly fence: string | undefined;
}

export class ServerSession {
  readonly incarnation: Incarnation;
  readonly record: ServerRecord;
  /** Monotonic milliseconds. */
  heardAtMs: number;
  /** Whether it has spoken to this master: only then is it given regions. */
  isHeard = false;
  /** Until its first heartbeat it may be reading anything. */
  figures: ServerFigures = {
    loads: [],
    residentBytes: 0,
    oldestRevisionInUse: 0 as Revision,
  };
  /** The highest of a report or heartbeat that was taken. */
  #regionSetVersion = 0;
  #disagreements = 0;
  readonly #lost = new Map<RegionId, number>();
  readonly #surplus = new Map<RegionId, number>();

  constructor(incarnation: Incarnation, record: ServerRecord, nowMs: number) {
    this.incarnation = incarnation;
    this.record = record;
    this.heardAtMs = nowMs;
  }

  get regionSetVersion(): number {
    return this.#regionSetVersion;
  }

  hear(nowMs: number): void {
    this.heardAtMs = nowMs;
    this.isHeard = true;
  }

  /** A report of this version was taken: heartbeats of lower ones were built before it (race A18). */
  sawReport(version: number): void {
    this.#regionSetVersion = Math.max(this.#regionSetVersion, version);
    this.#disagreements = 0;
  }

  /** Judges a heartbeat against the regions that the catalog says are this server's. */
  judge(
    heartbeat: {
      readonly regionSetVersion: number;
      readonly digest: { readonly count: bigint; readonly crc32: number };
      readonly held: readonly HeldRegion[] | undefined;
    },
    own: readonly RegionRecord[],
  ): HeartbeatVerdict {
    // Older than a report that was taken (race A2).
    if (heartbeat.regionSetVersion < this.#regionSetVersion) return nothingToSay;
    this.#regionSetVersion = heartbeat.regionSetVersion;
    const expected = digestRegions(own);
    const { count, crc32 } = heartbeat.digest;
    if (expected.count === count && expected.crc32 === crc32) {
      this.#disagreements = 0;
      this.#lost.clear();
      this.#surplus.clear();
      return nothingToSay;
    }
    this.#disagreements++;
    const wantsRegions = this.#disagreements >= digestsToAsk;
    if (heartbeat.held === undefined) return { ...nothingToSay, wantsRegions };
    const { surplus, lost } = compareRegions(heartbeat.held, own);
    countAgain(
      this.#surplus,
      surplus.map(({ regionId }) => regionId),
    );
    countAgain(this.#lost, lost);
    return { wantsRegions, close: surplus, fence: this.#reasonToFence() };
  }

  #reasonToFence(): string | undefined {
    for (const [region, times] of this.#lost) {
      if (times >= listsToLose) return `it lost region ${region}, which was open there`;
    }
    for (const [region, times] of this.#surplus) {
      if (times >= listsToRefuse) return `it does not close region ${region}, which is not its own`;
    }
    return undefined;
  }
}

const nothingToSay: HeartbeatVerdict = { wantsRegions: false, close: [], fence: undefined };

/** Counts the members of consecutive lists; who is not in this one starts again. */
function countAgain(counts: Map<RegionId, number>, now: readonly RegionId[]): void {
  const present = new Set(now);
  for (const region of counts.keys()) if (!present.has(region)) counts.delete(region);
  for (const region of now) counts.set(region, (counts.get(region) ?? 0) + 1);
}
