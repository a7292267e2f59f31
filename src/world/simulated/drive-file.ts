// One file's bytes on a simulated drive: as programs see them, and what of them a power loss keeps.
//
// The crash model of disk.ts: of the 512-byte sectors written since the last sync, any subset is
// there afterwards; sectors in between may also hold an older unsynced state, because a drive writes
// back when it likes. A file grown without a sync may have its old size, its new one, or one between.

import type { SimRandom } from './random.js';

const sectorBytes = 512;
const zeroSector = Buffer.alloc(sectorBytes);

interface DirtySector {
  /** What the drive holds of it. */
  durable: Buffer;
  /** False after a failed sync: the system then takes the page for clean, and drops or keeps it. */
  willSync: boolean;
}

export class DriveFile {
  /** Names the file has; at 0 its space is free. */
  links = 0;
  #bytes = Buffer.alloc(0);
  #size = 0;
  #durableSize = 0;
  readonly #dirty = new Map<number, DirtySector>();

  get size(): number {
    return this.#size;
  }

  read(position: number, length: number): Buffer {
    const end = Math.min(this.#size, position + length);
    return Buffer.from(this.#bytes.subarray(Math.min(position, end), end));
  }

  write(bytes: Uint8Array, position: number, random: SimRandom): void {
    const end = position + bytes.length;
    this.#reserve(end);
    for (let sector = sectorOf(position); sector * sectorBytes < end; sector++) {
      const dirty = this.#dirty.get(sector);
      if (dirty === undefined) {
        this.#dirty.set(sector, { durable: this.#sectorNow(sector), willSync: true });
      } else {
        // The drive may have written back what stood here; overwriting makes it syncable again.
        if (random.chance(0.25)) dirty.durable = this.#sectorNow(sector);
        dirty.willSync = true;
      }
    }
    this.#bytes.set(bytes, position);
    this.#size = Math.max(this.#size, end);
  }

  /** Makes everything durable. */
  sync(): void {
    for (const [sector, dirty] of this.#dirty) if (dirty.willSync) this.#dirty.delete(sector);
    this.#durableSize = this.#size;
  }

  /** Makes a range durable, and the size that it needs. */
  syncRange(position: number, length: number): void {
    const end = position + length;
    for (let sector = sectorOf(position); sector * sectorBytes < end; sector++) {
      this.#dirty.delete(sector);
    }
    this.#durableSize = Math.max(this.#durableSize, Math.min(end, this.#size));
  }

  /** A sync that fails leaves the pages marked clean: later syncs succeed and save nothing of them. */
  failSync(): void {
    for (const dirty of this.#dirty.values()) dirty.willSync = false;
  }

  /** Power loss. */
  crash(random: SimRandom): void {
    const keeps = keeper(random);
    const grown = this.#size - this.#durableSize;
    const size =
      grown > 0 && random.chance(0.5)
        ? this.#durableSize + random.pick([0, random.below(grown), grown])
        : this.#size;
    for (const [sector, dirty] of this.#dirty) {
      if (!keeps()) this.#bytes.set(dirty.durable, sector * sectorBytes);
    }
    this.#bytes.fill(0, size);
    this.#dirty.clear();
    this.#size = size;
    this.#durableSize = size;
  }

  /** Damage on the medium: one bit of the byte at `offset`. */
  flipBit(offset: number, bit: number): void {
    this.#bytes[offset] = (this.#bytes[offset] ?? 0) ^ (1 << bit);
    const dirty = this.#dirty.get(sectorOf(offset));
    if (dirty === undefined) return;
    const durable = Buffer.from(dirty.durable);
    durable[offset % sectorBytes] = (durable[offset % sectorBytes] ?? 0) ^ (1 << bit);
    dirty.durable = durable;
  }

  #sectorNow(sector: number): Buffer {
    const start = sector * sectorBytes;
    if (start >= this.#size) return zeroSector;
    return Buffer.from(this.#bytes.subarray(start, start + sectorBytes));
  }

  /** Room for `end` bytes in whole sectors; what no one wrote is zero. */
  #reserve(end: number): void {
    if (end <= this.#bytes.length) return;
    const sectors = Math.ceil(Math.max(end, this.#bytes.length * 2, 4_096) / sectorBytes);
    const grown = Buffer.alloc(sectors * sectorBytes);
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
  }
}

function sectorOf(position: number): number {
  return Math.floor(position / sectorBytes);
}

/**
 * Decides, one after the other, what a crash keeps: everything, nothing, a random part, or all up
 * to some point. Independent coins alone would almost never show the first two.
 */
export function keeper(random: SimRandom): () => boolean {
  const manner = random.pick(['all', 'none', 'some', 'until']);
  const share = random.float();
  let isPast = false;
  switch (manner) {
    case 'all':
      return () => true;
    case 'none':
      return () => false;
    case 'until':
      return () => {
        isPast ||= random.chance(share / 2);
        return !isPast;
      };
    default:
      return () => random.chance(share);
  }
}
