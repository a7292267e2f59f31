// The local file system through node:fs, as a Disk.

import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { CadastreError } from '../../base/errors.js';
import type { Disk, DiskEntry, DiskFile, OpenMode } from '../disk.js';
import { diskError, systemCode } from './disk-errors.js';
import { NodeFile } from './disk-file.js';
import { fileSystemOf } from './file-systems.js';

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_DSYNC } = fs.constants;
const openFlags: Readonly<Record<OpenMode, number>> = {
  read: O_RDONLY,
  write: O_RDWR,
  create: O_RDWR | O_CREAT | O_EXCL,
  'durable-writes': O_RDWR | O_CREAT | O_EXCL | O_DSYNC,
};

export class NodeDisk implements Disk {
  open(path: string, mode: OpenMode): Promise<DiskFile> {
    return new Promise((resolve, reject) => {
      fs.open(path, openFlags[mode], 0o644, (error, descriptor) => {
        if (error === null) resolve(new NodeFile(path, descriptor));
        else if (isNoSuchPath(error)) reject(missing(path, error));
        else reject(diskError(error, `open of ${path}`));
      });
    });
  }

  makeDirectory(path: string): Promise<void> {
    return settled(`making of directory ${path}`, (done) =>
      fs.mkdir(path, { recursive: true }, done),
    );
  }

  link(from: string, to: string): Promise<void> {
    return settled(`link from ${from} to ${to}`, (done) => fs.link(from, to, done));
  }

  rename(from: string, to: string): Promise<void> {
    return settled(`rename of ${from} to ${to}`, (done) => fs.rename(from, to, done));
  }

  unlink(path: string): Promise<void> {
    return settled(`unlink of ${path}`, (done) =>
      fs.unlink(path, (error) => done(isNoSuchPath(error) ? null : error)),
    );
  }

  list(path: string): Promise<readonly DiskEntry[]> {
    return new Promise((resolve, reject) => {
      fs.readdir(path, { withFileTypes: true }, (error, entries) => {
        if (isNoSuchPath(error)) return resolve([]);
        if (error !== null) return reject(diskError(error, `list of ${path}`));
        const found = entries.map((entry) => ({
          name: entry.name,
          isDirectory: entry.isDirectory(),
        }));
        resolve(found.sort(byNameBytes));
      });
    });
  }

  async syncDirectory(path: string): Promise<void> {
    const descriptor = await new Promise<number>((resolve, reject) => {
      fs.open(path, O_RDONLY, (error, opened) => {
        if (error === null) resolve(opened);
        else reject(diskError(error, `open of directory ${path}`));
      });
    });
    try {
      await settled(`sync of directory ${path}`, (done) => fs.fsync(descriptor, done));
    } finally {
      await settled(`close of directory ${path}`, (done) => fs.close(descriptor, done));
    }
  }

  existsNow(path: string): boolean {
    return fs.existsSync(path);
  }

  freeBytes(path: string): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.statfs(path, (error, stats) => {
        if (error === null) resolve(stats.bavail * stats.bsize);
        else reject(diskError(error, `statfs of ${path}`));
      });
    });
  }

  async describe(path: string): ReturnType<Disk['describe']> {
    const type = await new Promise<number>((resolve, reject) => {
      fs.statfs(path, (error, stats) => {
        if (error === null) resolve(stats.type);
        else reject(diskError(error, `statfs of ${path}`));
      });
    });
    const { name, isNetwork } = fileSystemOf(type);
    if (isNetwork) return { kind: 'network', name };
    return { kind: (await this.#hasHardLinks(path)) ? 'usable' : 'no-hard-links', name };
  }

  /** Tries it: no system call tells. */
  async #hasHardLinks(directory: string): Promise<boolean> {
    const name = `${directory}/.link-probe-${randomBytes(8).toString('hex')}`;
    const file = await this.open(name, 'create');
    try {
      await file.close();
      await this.link(name, `${name}-2`);
      return true;
    } catch (error) {
      // A directory in which a file was just made refuses a link only if its file system cannot.
      if (error instanceof CadastreError && error.code !== 'disk-full') return false;
      throw error;
    } finally {
      await this.unlink(name);
      await this.unlink(`${name}-2`);
    }
  }
}

function settled(
  doing: string,
  start: (done: (error: NodeJS.ErrnoException | null | undefined) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error === null || error === undefined) resolve();
      else reject(diskError(error, doing));
    });
  });
}

/** ENOTDIR: part of the path is a file, so nothing is below it. */
function isNoSuchPath(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function missing(path: string, cause: Error): CadastreError {
  return new CadastreError('object-missing', `no such file or directory: ${path}`, { cause });
}

function byNameBytes(left: DiskEntry, right: DiskEntry): number {
  return Buffer.compare(Buffer.from(left.name), Buffer.from(right.name));
}
