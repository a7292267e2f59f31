// A disk that changes nothing, whoever uses it: so that a root can be looked at while its cluster runs,
// after a crash, and on a read-only mount.

import { CadastreError } from '../../base/errors.js';
import type { Disk, DiskFile, OpenMode } from '../../world/disk.js';

export function readOnly(disk: Disk): Disk {
  return {
    open: async (path, mode) => readOnlyFile(await disk.open(path, refuseWriting(path, mode))),
    makeDirectory: refuse,
    link: refuse,
    rename: refuse,
    unlink: refuse,
    list: (path) => disk.list(path),
    // What is on its way to the disk is for others to wait for.
    syncDirectory: () => Promise.resolve(),
    existsNow: (path) => disk.existsNow(path),
    freeBytes: (path) => disk.freeBytes(path),
    describe: (path) => disk.describe(path),
  };
}

function readOnlyFile(file: DiskFile): DiskFile {
  return {
    path: file.path,
    read: (position, length) => file.read(position, length),
    write: (_bytes, _position, done) => done(refusal(file.path)),
    sync: () => Promise.resolve(),
    size: () => file.size(),
    close: () => file.close(),
  };
}

function refuseWriting(path: string, mode: OpenMode): 'read' {
  if (mode === 'read') return mode;
  throw refusal(path);
}

function refuse(path: string): Promise<never> {
  return Promise.reject(refusal(path));
}

function refusal(path: string): CadastreError {
  return new CadastreError('internal', `${path} would be changed by what only reads`);
}
