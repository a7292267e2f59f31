// Watches the free space of a local root, and holds the ballast that helps out of a full disk.
//
// Freeing space needs catalog writes, so some space is kept in a file and given back when nearly
// nothing is left. Things are refused in this order as space runs out: snapshots, user writes,
// compactions; the collector never, since it is what frees space (page 1, "Full disk").
//
// Invariant: space that the ballast gave back does not count as free, so giving it back changes no
// level; it is taken again once there is room for everything.

import { asCadastreError } from '../base/errors.js';
import type { Clock, Timer } from '../world/clock.js';
import type { Disk } from '../world/disk.js';
import type { Logger } from '../world/log.js';
import { hasErrorCode } from './error-code.js';
import { spaceLimits } from './limits.js';

/** From fullest freedom to least; each also refuses what those before it refuse. */
const levels = ['ok', 'refuse-snapshots', 'refuse-writes', 'refuse-compactions'] as const;
export type SpaceLevel = (typeof levels)[number];

const fillBytes = 1024 * 1024;

export interface SpaceOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The level at `free` bytes, coming from `before`: worse at once, better only with room to spare. */
export function spaceLevel(free: number, before: SpaceLevel): SpaceLevel {
  const bounds = [
    Infinity,
    spaceLimits.refuseSnapshotsBelow,
    spaceLimits.refuseWritesBelow,
    spaceLimits.refuseCompactionsBelow,
  ];
  const current = levels.indexOf(before);
  let level = 0;
  for (const [index, bound] of bounds.entries()) {
    const limit = index <= current ? bound * spaceLimits.hysteresis : bound;
    if (index > 0 && free < limit) level = index;
  }
  return levels[level] ?? 'ok';
}

/** The ballast file of a root. One process of a root has it: the master. */
export class Ballast {
  readonly #disk: Disk;
  readonly #path: string;

  constructor({ disk, directory }: Pick<SpaceOptions, 'disk' | 'directory'>) {
    this.#disk = disk;
    this.#path = `${directory}/ballast`;
  }

  get isReserved(): boolean {
    return this.#disk.existsNow(this.#path);
  }

  /** Takes the space; false if the disk has too little. Real zeros, since holes take none. */
  async reserve(): Promise<boolean> {
    if (this.isReserved) return true;
    const temporary = `${this.#path}-unfinished`;
    await this.#disk.unlink(temporary);
    try {
      await this.#fill(temporary);
      await this.#disk.rename(temporary, this.#path);
      return true;
    } catch (error) {
      if (!hasErrorCode(error, 'disk-full')) throw error;
      await this.#disk.unlink(temporary);
      return false;
    }
  }

  async #fill(path: string): Promise<void> {
    const file = await this.#disk.open(path, 'create');
    const zeros = Buffer.alloc(fillBytes);
    try {
      for (let at = 0; at < spaceLimits.ballastBytes; at += fillBytes) {
        await new Promise<void>((resolve, reject) => {
          file.write(zeros, at, (error) => (error === undefined ? resolve() : reject(error)));
        });
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Gives the space back. */
  release(): Promise<void> {
    return this.#disk.unlink(this.#path);
  }
}

/** Looks regularly and says when the level changes. */
export class SpaceWatch {
  readonly #options: SpaceOptions;
  readonly #ballast: Ballast;
  readonly #handlers: ((level: SpaceLevel) => void)[] = [];
  #level: SpaceLevel = 'ok';
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: SpaceOptions) {
    this.#options = options;
    this.#ballast = new Ballast(options);
  }

  get level(): SpaceLevel {
    return this.#level;
  }

  onChange(handler: (level: SpaceLevel) => void): void {
    this.#handlers.push(handler);
  }

  /** Starts looking. The level is known when it resolves; the ballast is taken at the next look. */
  async start(): Promise<void> {
    await this.#judge();
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#looking;
  }

  #schedule(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.timer(spaceLimits.lookEveryMs, () => {
      this.#looking = this.#look().then(
        () => this.#schedule(),
        (error: unknown) => {
          // The level stays what it was; a disk that cannot be asked shows itself elsewhere, too.
          this.#options.log.warn('free space is unknown', {
            reason: asCadastreError(error).message,
          });
          this.#schedule();
        },
      );
    });
  }

  async #look(): Promise<void> {
    await this.#judge();
    if (this.#level === 'refuse-compactions') await this.#ballast.release();
    if (this.#level === 'ok') await this.#ballast.reserve();
  }

  async #judge(): Promise<void> {
    const { disk, directory, log } = this.#options;
    const free = await disk.freeBytes(directory);
    const spare = this.#ballast.isReserved ? free : free - spaceLimits.ballastBytes;
    const level = spaceLevel(spare, this.#level);
    if (level === this.#level) return;
    this.#level = level;
    log.warn('free space changed its level', { level, free });
    for (const handler of this.#handlers) handler(level);
  }
}
