// The bytes of a file on their way to the object: in order, with the CRC of all of them, and only so
// many waiting that a slow store does not fill the memory.
//
// A failed write makes all later ones fail: the error reaches whoever next waits here.

import { crc32 } from '../../base/hash.js';
import type { ObjectWriter } from '../../world/object-store.js';
import type { Moving } from '../cell-cursor.js';

/** Above this the writer has to wait: four blocks of the default size. */
const queuedBytesMax = 256 * 1024;

export class Output {
  readonly #writer: ObjectWriter;
  #queue: Promise<void> = Promise.resolve();
  #queuedBytes = 0;
  /** Bytes handed over so far: where the next ones will be in the object. */
  position = 0;
  crc = 0;

  constructor(writer: ObjectWriter) {
    this.#writer = writer;
  }

  /** Queues bytes, which the caller leaves unchanged; a promise means: wait before the next. */
  push(bytes: Buffer): Moving {
    this.position += bytes.length;
    this.crc = crc32(bytes, this.crc);
    this.#queuedBytes += bytes.length;
    const before = this.#queue;
    this.#queue = before
      .then(() => this.#writer.write(bytes))
      .then(() => {
        this.#queuedBytes -= bytes.length;
      });
    // Reported by the next wait and by `finish`, not as an unhandled rejection meanwhile.
    this.#queue.catch(() => undefined);
    return this.#queuedBytes > queuedBytesMax ? before : undefined;
  }

  async finish(): Promise<void> {
    await this.#queue;
    await this.#writer.finish();
  }

  async abort(): Promise<void> {
    // A write that failed is no reason not to drop the object.
    await this.#queue.catch(() => undefined);
    await this.#writer.abort();
  }
}
