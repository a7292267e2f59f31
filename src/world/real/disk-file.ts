// An open file of the real file system. Callbacks of node:fs, because promises of it cost twice as
// much (research/deps.md, section 4). A descriptor is closed only after the last operation that uses
// it: the system would give its number to another file.

import fs from 'node:fs';
import { CadastreError } from '../../base/errors.js';
import type { DiskFile, WriteDone } from '../disk.js';
import { diskError, systemCode } from './disk-errors.js';

export class NodeFile implements DiskFile {
  readonly path: string;
  readonly #descriptor: number;
  #inFlight = 0;
  #closing: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  read(position: number, length: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) return reject(this.#closedError());
      this.#inFlight++;
      this.#readOn(Buffer.allocUnsafe(length), 0, position, (error, bytes) => {
        this.#leave();
        if (error === undefined) resolve(bytes);
        else reject(error);
      });
    });
  }

  write(bytes: Uint8Array, position: number, done: WriteDone): void {
    if (this.#closing !== undefined) return queueMicrotask(() => done(this.#closedError()));
    this.#inFlight++;
    this.#writeOn(bytes, 0, position, (error) => {
      this.#leave();
      done(error);
    });
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) return reject(this.#closedError());
      this.#inFlight++;
      fs.fdatasync(this.#descriptor, (error) => {
        this.#leave();
        if (error === null) resolve();
        else reject(diskError(error, `sync of ${this.path}`));
      });
    });
  }

  size(): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) return reject(this.#closedError());
      this.#inFlight++;
      fs.fstat(this.#descriptor, (error, stats) => {
        this.#leave();
        if (error !== null) reject(diskError(error, `size of ${this.path}`));
        else if (stats.isFile()) resolve(stats.size);
        else reject(notAFile(this.path));
      });
    });
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve, reject) => {
      const close = (): void => {
        fs.close(this.#descriptor, (error) => {
          if (error === null || error === undefined) resolve();
          else reject(diskError(error, `close of ${this.path}`));
        });
      };
      if (this.#inFlight === 0) close();
      else this.#whenIdle = close;
    });
    return this.#closing;
  }

  #leave(): void {
    this.#inFlight--;
    if (this.#inFlight === 0) this.#whenIdle?.();
  }

  /** Reads until the buffer is full or the file ends: the system may return less than asked for. */
  #readOn(
    buffer: Buffer,
    filled: number,
    position: number,
    done: (error: Error | undefined, bytes: Buffer) => void,
  ): void {
    const wanted = buffer.length - filled;
    fs.read(this.#descriptor, buffer, filled, wanted, position + filled, (error, count) => {
      if (error !== null) {
        const isDirectory = systemCode(error) === 'EISDIR';
        done(isDirectory ? notAFile(this.path) : diskError(error, `read of ${this.path}`), buffer);
      } else if (count === 0 || count === wanted) {
        done(undefined, buffer.subarray(0, filled + count));
      } else {
        this.#readOn(buffer, filled + count, position, done);
      }
    });
  }

  #writeOn(bytes: Uint8Array, written: number, position: number, done: WriteDone): void {
    const left = bytes.length - written;
    fs.write(this.#descriptor, bytes, written, left, position + written, (error, count) => {
      if (error !== null) done(diskError(error, `write to ${this.path}`));
      else if (count === left) done(undefined);
      else this.#writeOn(bytes, written + count, position, done);
    });
  }

  #closedError(): CadastreError {
    return new CadastreError('storage-unavailable', `${this.path} was closed`);
  }
}

function notAFile(path: string): CadastreError {
  return new CadastreError('object-missing', `${path} is a directory, not a file`);
}
