// The real world for a root in a local directory.

import { resolve } from 'node:path';
import { LocalObjectStore } from '../local/object-store.js';
import type { World } from '../world.js';
import { NodeClock } from './clock.js';
import { NodeDisk } from './disk.js';
import { pinoLogger, type LogOptions } from './logger.js';
import { NodeNetwork } from './network.js';
import { NodeProcess } from './process.js';
import { NodeRandom } from './random.js';
import { ThreadWorkers } from './thread-workers.js';

export interface RealWorldOptions {
  /** The storage root; need not be there yet. */
  readonly directory: string;
  readonly log?: LogOptions;
  /** Default 1. */
  readonly workerThreads?: number;
}

/** Touches nothing on the disk. */
export function realWorld(options: RealWorldOptions): World {
  const directory = resolve(options.directory);
  const random = new NodeRandom();
  const disk = new NodeDisk();
  const objects = new LocalObjectStore(disk, directory, random);
  const { logger, flush } = pinoLogger(options.log);
  return {
    clock: new NodeClock(),
    random,
    network: new NodeNetwork(),
    root: { kind: 'local', disk, directory, objects },
    workers: new ThreadWorkers({
      directory,
      context: { objects },
      ...(options.workerThreads === undefined ? {} : { threads: options.workerThreads }),
    }),
    process: new NodeProcess({ log: logger, flushLog: flush }),
    log: logger,
  };
}
