// Tells the master every second that this server lives, what it holds in short, and how loaded it is.
//
// Invariant: a heartbeat never changes who owns a region. It carries the version of the region set, so
// that the master can tell it from fresher reports; the answer may only ask for the list, or tell this
// server to let go of regions that are not its own (page 4, "News").

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Generation, Incarnation, RegionId } from '../base/ids.js';
import type { HostStatus } from '../region/api.js';
import type { Clock, Timer } from '../world/clock.js';
import type { Logger } from '../world/log.js';
import { ServerStatusService } from '../wire/generated/cadastre/internal_pb.js';
import type {
  HeartbeatResponse,
  RegionLoadSchema,
} from '../wire/generated/cadastre/internal_pb.js';
import { digestRegions } from '../wire/internal.js';
import type { HeldRegion } from '../wire/internal-codec.js';
import type { Hosted, HostedRegions } from './hosted-regions.js';
import type { MasterLink } from './master-link.js';

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly periodMs: number;
  readonly log: Logger;
  readonly link: MasterLink;
  readonly incarnation: Incarnation;
  readonly regions: HostedRegions;
  readonly status: () => HostStatus;
  readonly acknowledgedFloor: () => number;
  readonly residentBytes: () => number;
  /** The master says that these are not this server's. */
  readonly letGo: (region: RegionId, generation: Generation) => void;
  /** After each beat, answered or not. */
  readonly onBeat: () => void;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: Timer | undefined;
  #isStopped = false;
  #wantsRegions = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, periodMs } = this.#options;
    if (this.#isStopped) return;
    this.#timer = clock.timer(periodMs, () => {
      void this.#beat().then(() => this.start());
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** Never rejects: a beat that went wrong is said, and the next one comes all the same. */
  async #beat(): Promise<void> {
    const { link, log, onBeat } = this.#options;
    try {
      const answer = await link.tryCall(ServerStatusService.method.heartbeat, this.#message());
      if (this.#isStopped) return;
      if (answer !== undefined) this.#onAnswer(answer);
      onBeat();
    } catch (error) {
      log.error('a heartbeat went wrong', {}, error);
    }
  }

  #message(): MessageInitShape<typeof ServerStatusService.method.heartbeat.input> {
    const { link, incarnation, regions, status, acknowledgedFloor, residentBytes } = this.#options;
    const { oldestRevisionInUse } = status();
    const held = [...regions.all()];
    return {
      incarnation: BigInt(incarnation),
      epoch: BigInt(link.master?.epoch ?? 0),
      regionSetVersion: BigInt(regions.version),
      digest: digestRegions(held.map(heldOf)),
      ...(this.#wantsRegions ? { regions: { regions: held.map(heldToWire) } } : {}),
      loads: held.flatMap(loadToWire),
      acknowledgedFloor: BigInt(acknowledgedFloor()),
      residentBytes: BigInt(residentBytes()),
      ...(oldestRevisionInUse === undefined
        ? {}
        : { oldestRevisionInUse: BigInt(oldestRevisionInUse) }),
    };
  }

  #onAnswer(answer: HeartbeatResponse): void {
    this.#wantsRegions = answer.wantsRegions;
    for (const { regionId, generation } of answer.close) {
      this.#options.letGo(Number(regionId) as RegionId, Number(generation) as Generation);
    }
  }
}

function heldOf({ info, generation }: Hosted): HeldRegion {
  return { regionId: info.regionId, generation };
}

/** A region of this server, as registration and heartbeats list it. */
export function heldToWire({ info, generation }: Hosted) {
  return { regionId: BigInt(info.regionId), generation: BigInt(generation) };
}

function loadToWire({ info, hosting }: Hosted): MessageInitShape<typeof RegionLoadSchema>[] {
  if (hosting.kind !== 'serving') return [];
  const { metrics } = hosting.region;
  return [
    {
      regionId: BigInt(info.regionId),
      memstoreBytes: BigInt(metrics.memstoreBytes),
      storeBytes: BigInt(metrics.storeBytes),
      storeFiles: BigInt(metrics.storeFiles),
      readRequests: BigInt(metrics.reads),
      writeRequests: BigInt(metrics.writes),
      majorCompactedAtMs: BigInt(Math.trunc(metrics.lastMajorCompactionAtMs)),
      compacting: metrics.compacting !== 'none',
    },
  ];
}
