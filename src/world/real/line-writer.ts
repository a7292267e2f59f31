// Writes log lines to a file descriptor without ever holding the process up.
//
// Lines are gathered and written by the thread pool. Logging must not stop a process that has to end
// (L4), nor one whose terminal is paused: what the reader does not take within the bound is dropped,
// and nothing is tried again on a pipe without a reader. (pino's own destination retries for ever then.)

import fs from 'node:fs';
import { systemCode } from './disk-errors.js';

const gatheredBytes = 4_096;
const flushEveryMs = 250;
/** Held for a reader that does not read; more is dropped. */
const heldBytesMax = 1024 * 1024;
/** At exit: tries for a full pipe, and the pause before each. */
const flushTries = 20;
const flushPauseMs = 5;

export class LineWriter {
  readonly #descriptor: number;
  #held: string[] = [];
  #heldBytes = 0;
  #isWriting = false;
  #timer: NodeJS.Timeout | undefined;
  #isBroken = false;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(line: string): void {
    if (this.#isBroken || this.#heldBytes > heldBytesMax) return;
    this.#held.push(line);
    this.#heldBytes += line.length;
    if (this.#heldBytes >= gatheredBytes) this.#writeOn();
    else this.#timer ??= setTimeout(() => this.#writeOn(), flushEveryMs).unref();
  }

  /** Writes what is held, now; gives up on a reader that takes nothing. */
  flush(): void {
    // What the thread pool is writing now is written, or is lost with the process.
    let bytes = this.#take();
    for (let tries = 0; bytes.length > 0 && tries < flushTries && !this.#isBroken;) {
      try {
        bytes = bytes.subarray(fs.writeSync(this.#descriptor, bytes));
      } catch (error) {
        if (systemCode(error) !== 'EAGAIN') this.#isBroken = true;
        else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, flushPauseMs);
        tries++;
      }
    }
  }

  #take(): Buffer {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const bytes = Buffer.from(this.#held.join(''));
    this.#held = [];
    this.#heldBytes = 0;
    return bytes;
  }

  #writeOn(): void {
    if (this.#isWriting || this.#isBroken) return;
    this.#isWriting = true;
    this.#write(this.#take());
  }

  #write(bytes: Buffer): void {
    fs.write(this.#descriptor, bytes, (error, count) => {
      if (error !== null && systemCode(error) !== 'EAGAIN') {
        this.#isBroken = true;
        return;
      }
      const rest = error === null ? bytes.subarray(count) : bytes;
      if (rest.length > 0) {
        setTimeout(() => this.#write(rest), flushEveryMs).unref();
        return;
      }
      this.#isWriting = false;
      if (this.#heldBytes > 0) this.#writeOn();
    });
  }
}
