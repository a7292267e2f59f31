import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { diskSuite } from '../testing/disk-suite.js';
import { NodeDisk } from './disk.js';
import { diskError } from './disk-errors.js';
import { fileSystemOf } from './file-systems.js';

const directories: string[] = [];

afterAll(async () => {
  for (const directory of directories) await rm(directory, { recursive: true });
});

diskSuite('NodeDisk', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'cadastre-disk-'));
  directories.push(directory);
  return { disk: new NodeDisk(), directory, drive: (work) => work() };
});

describe('NodeDisk', () => {
  it('race W10: tells full and unusable disks from failing ones, by the system code', () => {
    const codes = {
      ENOSPC: 'disk-full',
      EDQUOT: 'disk-full',
      ENOENT: 'object-missing',
      EEXIST: 'object-exists',
      EACCES: 'root-unusable',
      EPERM: 'root-unusable',
      EROFS: 'root-unusable',
      EIO: 'storage-unavailable',
      EMFILE: 'storage-unavailable',
    };
    for (const [code, expected] of Object.entries(codes)) {
      const error = Object.assign(new Error(`${code}: said by the system`), { code });
      const mapped = diskError(error, 'write to /a');
      expect(mapped.code).toBe(expected);
      expect(mapped.message).toContain('write to /a');
      expect(mapped.cause).toBe(error);
    }
  });

  it('knows network file systems, also by a signed number', () => {
    expect(fileSystemOf(0x6969)).toEqual({ name: 'nfs', isNetwork: true });
    expect(fileSystemOf(-11_317_950)).toEqual({ name: 'cifs', isNetwork: true });
    expect(fileSystemOf(0xef53)).toEqual({ name: 'ext4', isNetwork: false });
    expect(fileSystemOf(0x1234)).toEqual({ name: '0x1234', isNetwork: false });
  });
});
