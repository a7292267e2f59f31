// An object that is not finished: a file under a temporary name.

import type { Disk, DiskFile } from '../disk.js';

export class TemporaryFile {
  readonly #disk: Disk;
  readonly #file: DiskFile;
  #position = 0;

  constructor(disk: Disk, file: DiskFile) {
    this.#disk = disk;
    this.#file = file;
  }

  get path(): string {
    return this.#file.path;
  }

  append(bytes: Uint8Array): Promise<void> {
    const position = this.#position;
    this.#position += bytes.length;
    return new Promise((resolve, reject) => {
      this.#file.write(bytes, position, (error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async discard(): Promise<void> {
    await this.#file.close();
    await discardFile(this.#disk, this.path);
  }
}

/** Removes a temporary name that has served; what cannot be removed, start-up clears. */
export async function discardFile(disk: Disk, path: string): Promise<void> {
  try {
    await disk.unlink(path);
  } catch {
    // The outcome of the write itself is what the caller must hear of, and that is known.
  }
}
