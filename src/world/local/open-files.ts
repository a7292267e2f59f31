// Open files of immutable objects, kept because block reads are hot: opening costs three times what
// reading a block does. Least recently used ones are closed.
//
// Invariants:
// 1. A file is closed only when no read is using it.
// 2. At most `filesMax` files are open besides those in use.

import type { Disk, DiskFile } from '../disk.js';

/** Well below the usual limit of 1,024 descriptors, most of which connections need. */
const filesMax = 256;
/** So many kept files are checked at each opening of another one, so that space comes free. */
const checkedPerOpen = 8;

export interface OpenFile {
  readonly file: DiskFile;
  /** Of an immutable object, so it does not change. */
  readonly bytes: number;
}

interface Entry {
  readonly opened: Promise<OpenFile>;
  users: number;
  isDropped: boolean;
}

export class OpenFiles {
  readonly #disk: Disk;
  /** In order of last use. */
  readonly #entries = new Map<string, Entry>();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Runs `read` on the open file at `path`; `object-missing` if there is none. */
  async use<Result>(path: string, read: (open: OpenFile) => Promise<Result>): Promise<Result> {
    const entry = this.#entries.get(path) ?? this.#open(path);
    this.#entries.delete(path);
    this.#entries.set(path, entry);
    entry.users++;
    try {
      return await read(await entry.opened);
    } finally {
      entry.users--;
      if (entry.isDropped) closeIfUnused(entry);
    }
  }

  /** Forgets a file, because the object was deleted or replaced; reads going on finish. */
  drop(path: string): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    this.#entries.delete(path);
    entry.isDropped = true;
    closeIfUnused(entry);
  }

  #open(path: string): Entry {
    this.#dropSome();
    const entry: Entry = { opened: openWithSize(this.#disk, path), users: 0, isDropped: false };
    entry.opened.catch(() => {
      // Whoever waits for it is told; the next read tries again.
      if (this.#entries.get(path) === entry) this.#entries.delete(path);
    });
    return entry;
  }

  /** The oldest ones over the limit, and files that another process has deleted. */
  #dropSome(): void {
    let unchecked = checkedPerOpen;
    for (const [path, entry] of this.#entries) {
      const isSpare = this.#entries.size >= filesMax && entry.users === 0;
      if (isSpare || !this.#disk.existsNow(path)) this.drop(path);
      if (--unchecked <= 0) break;
    }
  }
}

async function openWithSize(disk: Disk, path: string): Promise<OpenFile> {
  const file = await disk.open(path, 'read');
  try {
    return { file, bytes: await file.size() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function closeIfUnused(entry: Entry): void {
  if (entry.users > 0) return;
  // An object was read whole or not at all, so nothing depends on how the closing ends; and a file
  // that could not be opened needs none.
  entry.opened.then((open) => open.file.close()).catch(() => undefined);
}
