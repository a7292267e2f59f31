// Files under testdata/.

import { fileURLToPath } from 'node:url';

import { NodeDisk } from '../../../world/real/disk.js';

/** Where a test file is on this machine. */
export function testdataPath(name: string): string {
  return fileURLToPath(new URL(`../testdata/${name}`, import.meta.url));
}

export async function readTestdata(name: string): Promise<Buffer> {
  const file = await new NodeDisk().open(testdataPath(name), 'read');
  try {
    return await file.read(0, await file.size());
  } finally {
    await file.close();
  }
}
