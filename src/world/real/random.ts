// The operating system's randomness, drawn in blocks, as a Random.

import { randomBytes } from 'node:crypto';
import type { Random } from '../random.js';

/** A draw of 4 bytes costs about as much as one of 4 KiB. */
const blockBytes = 4_096;

export class NodeRandom implements Random {
  #block = Buffer.alloc(0);
  #used = 0;

  u32(): number {
    if (this.#used + 4 > this.#block.length) {
      this.#block = randomBytes(blockBytes);
      this.#used = 0;
    }
    const value = this.#block.readUInt32LE(this.#used);
    this.#used += 4;
    return value;
  }

  float(): number {
    return ((this.u32() >>> 5) * 2 ** 26 + (this.u32() >>> 6)) / 2 ** 53;
  }

  below(bound: number): number {
    return Math.floor(this.float() * bound);
  }

  bytes(length: number): Buffer {
    return randomBytes(length);
  }
}
