// The one door to the outside (L8): everything that is not pure comes through a World, so that the
// whole cluster can run in one process under a seed.

import type { Clock } from './clock.js';
import type { Disk } from './disk.js';
import type { Logger } from './log.js';
import type { Network } from './network.js';
import type { ObjectStore } from './object-store.js';
import type { ProcessControl } from './process.js';
import type { Random } from './random.js';
import type { Workers } from './workers.js';

/** Where the storage root is. A local one has a disk, so that logs can use files. */
export type RootStorage =
  | {
      readonly kind: 'local';
      readonly disk: Disk;
      readonly directory: string;
      readonly objects: ObjectStore;
    }
  | { readonly kind: 'objects'; readonly objects: ObjectStore };

export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly root: RootStorage;
  readonly workers: Workers;
  readonly process: ProcessControl;
  readonly log: Logger;
}

/** A part of a process that runs: one lifecycle for all of them. */
export interface Service {
  /** Takes no new work, finishes what it has. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}
