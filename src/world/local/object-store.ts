// Objects as files under a directory of a local file system; a key is a path below it.
//
// An object is written to `tmp/`, synced, and only then given its name: by `link`, which fails if the
// name is taken, or by `rename` for a replacement. So a reader sees all of it or nothing, whatever
// crashes (invariant 3 of object-store.ts), and one of many concurrent creates wins (2). The sync of
// the directory makes the name durable before anyone is told (1); the loser of a create does that too,
// before it acts on an object that its maker may not have synced yet.
//
// Open files are kept for reads of a range only: those are of store files, which never change. Objects
// that another process replaces by `put` are read whole, from a fresh file.

import { assert } from '../../base/assert.js';
import { CadastreError, type ErrorCode } from '../../base/errors.js';
import type { Disk } from '../disk.js';
import type { ByteRange, ObjectInfo, ObjectStore, ObjectWriter } from '../object-store.js';
import type { Random } from '../random.js';
import { checkKey, checkPrefix, nestedKey } from './keys.js';
import { listObjects } from './listing.js';
import { OpenFiles } from './open-files.js';
import { discardFile, TemporaryFile } from './temporary-file.js';

/** The first part of the paths of unfinished objects; no key starts with it. */
const temporaries = 'tmp';
/** Directories known to be durable; past this many, the memory is dropped. */
const knownDirectoriesMax = 10_000;
const listLimitDefault = 1_000;
const deletesAtOnce = 16;

export class LocalObjectStore implements ObjectStore {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #openFiles: OpenFiles;
  /** Tells our temporary files from those of other processes on this root. */
  readonly #writerId: string;
  #temporaryCount = 0;
  readonly #durableDirectories = new Set<string>();

  /** `directory`: absolute; made when first written to. */
  constructor(disk: Disk, directory: string, random: Random) {
    this.#disk = disk;
    this.#directory = directory;
    this.#openFiles = new OpenFiles(disk);
    this.#writerId = random.bytes(8).toString('hex');
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const path = this.#pathOf(key);
    const temporary = await this.#writeTemporary(bytes);
    try {
      await this.#makeDurableDirectory(key);
      await this.#disk.rename(temporary, path);
    } catch (error) {
      await discardFile(this.#disk, temporary);
      throw await this.#explained(error, key);
    }
    this.#openFiles.drop(path);
    await this.#syncName(path);
  }

  async create(key: string, bytes: Uint8Array): Promise<void> {
    this.#pathOf(key);
    await this.#publish(await this.#writeTemporary(bytes), key);
  }

  async createWriter(key: string): Promise<ObjectWriter> {
    this.#pathOf(key);
    const temporary = await this.#openTemporary('create');
    return {
      write: (bytes) => orDiscarded(temporary, () => temporary.append(bytes)),
      finish: async () => {
        await orDiscarded(temporary, () => temporary.sync());
        await temporary.close();
        await this.#publish(temporary.path, key);
      },
      abort: () => temporary.discard(),
    };
  }

  async get(key: string, range?: ByteRange): Promise<Buffer> {
    const path = this.#pathOf(key);
    if (range === undefined) return this.#readWhole(path, key);
    assert(range.start >= 0 && range.start <= range.end, 'a byte range is not negative');
    try {
      return await this.#openFiles.use(path, ({ file, bytes }) => {
        const end = Math.min(range.end, bytes);
        return range.start >= end
          ? Promise.resolve(Buffer.alloc(0))
          : file.read(range.start, end - range.start);
      });
    } catch (error) {
      throw namedMissing(error, key);
    }
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    return this.#headAt(key, this.#pathOf(key));
  }

  async list(prefix: string, after = '', limit = listLimitDefault): Promise<readonly ObjectInfo[]> {
    checkPrefix(prefix);
    return listObjects({
      entriesOf: async (folder) =>
        folder.startsWith(`${temporaries}/`) ? [] : this.#disk.list(`${this.#directory}/${folder}`),
      head: (key) => this.#headAt(key, `${this.#directory}/${key}`),
      prefix,
      after,
      limit,
    });
  }

  async delete(keys: readonly string[]): Promise<void> {
    const paths = keys.map((key) => this.#pathOf(key));
    for (let start = 0; start < paths.length; start += deletesAtOnce) {
      const some = paths.slice(start, start + deletesAtOnce);
      await Promise.all(some.map((path) => this.#disk.unlink(path)));
      for (const path of some) this.#openFiles.drop(path);
    }
    // Durable too, so that a deleted object does not come back with a power loss.
    for (const directory of new Set(paths.map(parentOf))) {
      if (this.#disk.existsNow(directory)) await this.#disk.syncDirectory(directory);
    }
  }

  #pathOf(key: string): string {
    checkKey(key);
    if (key === temporaries || key.startsWith(`${temporaries}/`)) {
      throw new CadastreError('bad-request', `keys under ${temporaries}/ are reserved: ${key}`);
    }
    return `${this.#directory}/${key}`;
  }

  async #readWhole(path: string, key: string): Promise<Buffer> {
    try {
      const file = await this.#disk.open(path, 'read');
      try {
        return await file.read(0, await file.size());
      } finally {
        await file.close();
      }
    } catch (error) {
      throw namedMissing(error, key);
    }
  }

  async #headAt(key: string, path: string): Promise<ObjectInfo | undefined> {
    try {
      const file = await this.#disk.open(path, 'read');
      try {
        return { key, bytes: await file.size() };
      } finally {
        await file.close();
      }
    } catch (error) {
      if (isCode(error, 'object-missing')) return undefined;
      throw error;
    }
  }

  async #openTemporary(mode: 'create' | 'durable-writes'): Promise<TemporaryFile> {
    const directory = `${this.#directory}/${temporaries}`;
    const path = `${directory}/${this.#writerId}-${++this.#temporaryCount}`;
    try {
      return new TemporaryFile(this.#disk, await this.#disk.open(path, mode));
    } catch (error) {
      if (!isCode(error, 'object-missing')) throw error;
      await this.#disk.makeDirectory(directory);
      return new TemporaryFile(this.#disk, await this.#disk.open(path, mode));
    }
  }

  /** Writes a temporary file with one synced write, and returns its path. */
  async #writeTemporary(bytes: Uint8Array): Promise<string> {
    const temporary = await this.#openTemporary('durable-writes');
    await orDiscarded(temporary, () => temporary.append(bytes));
    await temporary.close();
    return temporary.path;
  }

  /** Gives a synced temporary file its name, if that is free; the temporary name goes. */
  async #publish(temporary: string, key: string): Promise<void> {
    const path = this.#pathOf(key);
    try {
      await this.#makeDurableDirectory(key);
      await this.#disk.link(temporary, path);
    } catch (error) {
      await discardFile(this.#disk, temporary);
      const reason = await this.#explained(error, key);
      if (isCode(reason, 'object-exists')) await this.#syncName(path);
      throw reason;
    }
    await Promise.all([this.#syncName(path), discardFile(this.#disk, temporary)]);
  }

  /** Makes the name at `path` durable; if that fails, the outcome of the write is unknown. */
  async #syncName(path: string): Promise<void> {
    try {
      await this.#disk.syncDirectory(parentOf(path));
    } catch (error) {
      throw new CadastreError('storage-unavailable', `${path} may not be durable`, {
        nextStep: 'Read it back.',
        cause: error,
      });
    }
  }

  /**
   * Makes the directory of a key, and syncs every directory above it: also if it was there, because
   * another process may have made it and not synced it yet.
   */
  async #makeDurableDirectory(key: string): Promise<void> {
    const directory = parentOf(`${this.#directory}/${key}`);
    if (this.#durableDirectories.has(directory)) return;
    await this.#disk.makeDirectory(directory);
    const made: string[] = [];
    let path = directory;
    for (; path !== '/' && !this.#durableDirectories.has(path); path = parentOf(path)) {
      await this.#syncHolding(parentOf(path));
      made.push(path);
    }
    if (this.#durableDirectories.size >= knownDirectoriesMax) this.#durableDirectories.clear();
    for (const known of made) this.#durableDirectories.add(known);
  }

  async #syncHolding(directory: string): Promise<void> {
    try {
      await this.#disk.syncDirectory(directory);
    } catch (error) {
      // Above our root there may be directories we may not read; then we did not make them either.
      const isAbove = directory.length < this.#directory.length;
      if (!isAbove || !isCode(error, 'root-unusable')) throw error;
    }
  }

  /** The reason why a name could not be given, as the interface has it. */
  async #explained(error: unknown, key: string): Promise<unknown> {
    if (isCode(error, 'disk-full') || isCode(error, 'root-unusable')) return error;
    const path = this.#pathOf(key);
    for (let end = key.indexOf('/'); end >= 0; end = key.indexOf('/', end + 1)) {
      const above = key.slice(0, end);
      const info = await this.#headAt(above, `${this.#directory}/${above}`);
      if (info !== undefined) return nestedKey(key, above);
    }
    const isTaken = this.#disk.existsNow(path);
    if (isTaken && (await this.#headAt(key, path)) === undefined) return nestedKey(key, `${key}/`);
    if (isCode(error, 'object-exists')) {
      return new CadastreError('object-exists', `object ${key} is there already`, { cause: error });
    }
    if (!isCode(error, 'object-missing')) return error;
    // Someone removed our temporary file or the directory.
    this.#durableDirectories.clear();
    return new CadastreError('storage-unavailable', `object ${key} could not be named`, {
      cause: error,
    });
  }
}

/** Does a step on a temporary file, which is dropped if that fails. */
async function orDiscarded(temporary: TemporaryFile, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    await temporary.discard();
    throw error;
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

function isCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof CadastreError && error.code === code;
}

/** `object-missing` in terms of the key. */
function namedMissing(error: unknown, key: string): unknown {
  if (!isCode(error, 'object-missing')) return error;
  return new CadastreError('object-missing', `there is no object ${key}`, { cause: error });
}

/**
 * Removes what crashed writers left unfinished. Only while no other process writes to this root:
 * another one's unfinished objects would fail.
 */
export async function clearTemporaries(disk: Disk, directory: string): Promise<void> {
  const below = `${directory}/${temporaries}`;
  for (const { name } of await disk.list(below)) await disk.unlink(`${below}/${name}`);
}
