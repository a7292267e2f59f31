// A directory of the real file system for a test.

// oxlint-disable no-restricted-imports -- the Disk interface makes no temporary directories, and only tests need them
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface TemporaryDirectory {
  readonly path: string;
  /** Deletes it with all it holds. */
  readonly remove: () => Promise<void>;
}

export async function makeTemporaryDirectory(): Promise<TemporaryDirectory> {
  const directory = await mkdtemp(path.join(tmpdir(), 'cadastre-storage-'));
  return { path: directory, remove: () => rm(directory, { recursive: true }) };
}
