// The conformance suite of Disk, without crashes: those only a simulated disk can show.

import { describe, expect, it } from 'vitest';
import type { Disk, DiskFile } from '../disk.js';

export interface DiskUnderTest {
  readonly disk: Disk;
  /** An empty directory. */
  readonly directory: string;
  readonly drive: <Result>(work: () => Promise<Result>) => Promise<Result>;
}

/** Declares the tests; `open` makes an empty directory for each. */
export function diskSuite(name: string, open: () => Promise<DiskUnderTest>): void {
  const proves = (
    sentence: string,
    work: (disk: Disk, directory: string) => Promise<void>,
  ): void => {
    it(sentence, async () => {
      const { disk, directory, drive } = await open();
      await drive(() => work(disk, directory));
    });
  };
  describe(name, () => {
    files(proves);
    names(proves);
  });
}

/** Writes all of `bytes`, as a promise. */
export function written(file: DiskFile, bytes: Uint8Array, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    file.write(bytes, position, (error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}

type Proves = (sentence: string, work: (disk: Disk, directory: string) => Promise<void>) => void;

function files(proves: Proves): void {
  for (const mode of ['create', 'durable-writes'] as const) {
    proves(`what is written to a file opened to ${mode} is read back`, async (disk, directory) => {
      const file = await disk.open(`${directory}/a`, mode);
      await written(file, Buffer.from('world'), 1_000);
      await written(file, Buffer.from('hello'), 0);
      await written(file, Buffer.alloc(0), 5_000);
      await file.sync();
      expect(await file.size()).toBe(1_005);
      expect((await file.read(0, 5)).toString()).toBe('hello');
      expect(await file.read(5, 995)).toEqual(Buffer.alloc(995));
      expect((await file.read(1_000, 100)).toString()).toBe('world');
      expect(await file.read(2_000, 10)).toHaveLength(0);
      await file.close();
      await file.close();
    });
  }

  proves('several writes in flight all arrive', async (disk, directory) => {
    const file = await disk.open(`${directory}/a`, 'create');
    const writes = Array.from({ length: 40 }, (_, index) =>
      written(file, Buffer.alloc(700, index), index * 700),
    );
    await Promise.all(writes);
    for (let index = 0; index < 40; index++) {
      expect(await file.read(index * 700, 700)).toEqual(Buffer.alloc(700, index));
    }
    await file.close();
  });

  proves('a closed file refuses, after what was in flight', async (disk, directory) => {
    const file = await disk.open(`${directory}/a`, 'create');
    const last = written(file, Buffer.from('last'), 0);
    await file.close();
    await last;
    const refused = { code: 'storage-unavailable' };
    await expect(written(file, Buffer.from('late'), 0)).rejects.toMatchObject(refused);
    await expect(file.read(0, 4)).rejects.toMatchObject(refused);
    await expect(file.sync()).rejects.toMatchObject(refused);
    const again = await disk.open(`${directory}/a`, 'read');
    expect((await again.read(0, 10)).toString()).toBe('last');
    await expect(written(again, Buffer.from('x'), 0)).rejects.toMatchObject(refused);
    await again.close();
  });

  proves('a file that has lost its name is still read', async (disk, directory) => {
    const file = await disk.open(`${directory}/a`, 'create');
    await written(file, Buffer.from('here'), 0);
    await disk.unlink(`${directory}/a`);
    expect((await file.read(0, 10)).toString()).toBe('here');
    await file.close();
  });
}

function names(proves: Proves): void {
  proves('missing and taken names are told apart', async (disk, directory) => {
    const missing = { code: 'object-missing' };
    await expect(disk.open(`${directory}/a`, 'read')).rejects.toMatchObject(missing);
    await expect(disk.open(`${directory}/a`, 'write')).rejects.toMatchObject(missing);
    await expect(disk.open(`${directory}/no/a`, 'create')).rejects.toMatchObject(missing);
    await expect(disk.link(`${directory}/a`, `${directory}/b`)).rejects.toMatchObject(missing);
    await expect(disk.rename(`${directory}/a`, `${directory}/b`)).rejects.toMatchObject(missing);
    await disk.unlink(`${directory}/a`);
    await make(disk, `${directory}/a`, 'a');
    const taken = { code: 'object-exists' };
    await expect(disk.open(`${directory}/a`, 'create')).rejects.toMatchObject(taken);
    await expect(disk.open(`${directory}/a`, 'durable-writes')).rejects.toMatchObject(taken);
    await make(disk, `${directory}/b`, 'b');
    await expect(disk.link(`${directory}/b`, `${directory}/a`)).rejects.toMatchObject(taken);
    expect(await textOf(disk, `${directory}/a`)).toBe('a');
  });

  proves('a link is a second name, a rename replaces', async (disk, directory) => {
    await make(disk, `${directory}/a`, 'a');
    await disk.link(`${directory}/a`, `${directory}/b`);
    await disk.unlink(`${directory}/a`);
    expect(await textOf(disk, `${directory}/b`)).toBe('a');
    await make(disk, `${directory}/c`, 'c');
    await disk.rename(`${directory}/c`, `${directory}/b`);
    expect(await textOf(disk, `${directory}/b`)).toBe('c');
    expect(disk.existsNow(`${directory}/c`)).toBe(false);
    expect(disk.existsNow(`${directory}/b`)).toBe(true);
    await disk.syncDirectory(directory);
  });

  proves('directories are made with their parents and listed bytewise', async (disk, directory) => {
    await disk.makeDirectory(`${directory}/x/y/z`);
    await disk.makeDirectory(`${directory}/x/y`);
    for (const name of ['b', 'B', 'a-', 'a', '_']) await make(disk, `${directory}/x/${name}`, '');
    const listed = await disk.list(`${directory}/x`);
    expect(listed.map((entry) => entry.name)).toEqual(['B', '_', 'a', 'a-', 'b', 'y']);
    expect(listed.filter((entry) => entry.isDirectory).map((entry) => entry.name)).toEqual(['y']);
    expect(await disk.list(`${directory}/nowhere`)).toEqual([]);
    expect(await disk.list(`${directory}/x/a`)).toEqual([]);
    await expect(disk.syncDirectory(`${directory}/nowhere`)).rejects.toMatchObject({
      code: 'object-missing',
    });
    await expect(disk.makeDirectory(`${directory}/x/a`)).rejects.toThrow('x/a');
  });

  proves('it says what file system it is and what is free', async (disk, directory) => {
    expect(await disk.freeBytes(directory)).toBeGreaterThan(0);
    const { kind, name } = await disk.describe(directory);
    expect(kind).toBe('usable');
    expect(name).not.toBe('');
    expect(await disk.list(directory)).toEqual([]);
  });
}

async function make(disk: Disk, path: string, text: string): Promise<void> {
  const file = await disk.open(path, 'create');
  await written(file, Buffer.from(text), 0);
  await file.close();
}

async function textOf(disk: Disk, path: string): Promise<string> {
  const file = await disk.open(path, 'read');
  try {
    return (await file.read(0, await file.size())).toString();
  } finally {
    await file.close();
  }
}
