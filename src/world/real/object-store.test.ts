import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { LocalObjectStore, clearTemporaries } from '../local/object-store.js';
import { objectStoreSuite } from '../testing/object-store-suite.js';
import { NodeDisk } from './disk.js';
import { NodeRandom } from './random.js';

const directories: string[] = [];

async function freshDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'cadastre-objects-'));
  directories.push(directory);
  return directory;
}

afterAll(async () => {
  for (const directory of directories) await rm(directory, { recursive: true });
});

function storeAt(directory: string): LocalObjectStore {
  return new LocalObjectStore(new NodeDisk(), directory, new NodeRandom());
}

objectStoreSuite('LocalObjectStore on the real disk', async () => {
  const directory = await freshDirectory();
  return {
    objects: storeAt(directory),
    others: storeAt(directory),
    drive: (work) => work(),
  };
});

describe('LocalObjectStore on the real disk', () => {
  it('leaves no temporary file behind, and clears those of crashed writers', async () => {
    const directory = await freshDirectory();
    const store = storeAt(directory);
    await store.create('a/b', Buffer.from('1'));
    await store.put('a/c', Buffer.from('2'));
    await expect(store.create('a/b', Buffer.from('3'))).rejects.toThrow('a/b');
    await expect(store.create('a/b/c', Buffer.from('3'))).rejects.toThrow('a/b/c');
    expect(await readdir(join(directory, 'tmp'))).toEqual([]);
    await (await store.createWriter('big')).write(Buffer.from('unfinished'));
    expect(await readdir(join(directory, 'tmp'))).toHaveLength(1);
    await clearTemporaries(new NodeDisk(), directory);
    expect(await readdir(join(directory, 'tmp'))).toEqual([]);
  });
});
