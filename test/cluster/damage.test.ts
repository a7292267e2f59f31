import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { TestRoot } from './processes.js';
import { createTable, missing, Writer } from './rows.js';

const roots: TestRoot[] = [];
afterEach(async () => {
  for (const root of roots.splice(0)) await root.cleanUp();
});

/** A root with acknowledged rows, none of them flushed, whose processes were all killed. */
async function killedRoot(): Promise<{ root: TestRoot; rows: ReadonlyMap<string, string> }> {
  const root = await TestRoot.make();
  roots.push(root);
  const cluster = await root.start();
  const client = await cluster.connect();
  await createTable(client);
  const writer = new Writer(client);
  const writing = writer.run();
  await writer.reached(200);
  writer.stop();
  await writing;
  client.close();
  await cluster.killAll();
  return { root, rows: writer.acknowledged };
}

/** Segments of the logs whose name `isWanted`, with what is in them and where that ends. */
async function segments(root: TestRoot, isWanted: (log: string) => boolean) {
  const logs = join(root.path, 'log');
  const found: { readonly path: string; readonly end: number }[] = [];
  for (const log of (await readdir(logs)).filter(isWanted)) {
    for (const name of await readdir(join(logs, log))) {
      if (!/^\d{10}$/.test(name)) continue;
      const path = join(logs, log, name);
      const bytes = await readFile(path);
      let end = bytes.length;
      while (end > 0 && bytes[end - 1] === 0) end -= 1;
      if (end > 0) found.push({ path, end });
    }
  }
  return found;
}

async function overwrite(path: string, at: number, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.write(bytes, 0, bytes.length, at);
  } finally {
    await file.close();
  }
}

async function flipByte(path: string, at: number): Promise<void> {
  const byte = (await readFile(path))[at] ?? 0;
  await overwrite(path, at, Buffer.from([byte ^ 0xff]));
}

const isCatalogLog = (log: string): boolean => log.startsWith('catalog');
const isServerLog = (log: string): boolean => !isCatalogLog(log);

describe('a root that was damaged', () => {
  it('in the middle of the catalog log: the start names the place; mended, all is there', async () => {
    const { root, rows } = await killedRoot();
    const [segment] = await segments(root, isCatalogLog);
    if (segment === undefined) throw new Error('there is no catalog log');
    const at = Math.floor(segment.end / 2);
    await flipByte(segment.path, at);
    const { code, output } = await root.refused();
    expect(code).toBe(1);
    expect(output).toContain(segment.path);
    await flipByte(segment.path, at);
    const client = await (await root.start()).connect();
    expect(await missing(client, rows)).toEqual([]);
  });

  it("in the middle of a server's log: the rest is served; mended, all is there", async () => {
    const { root, rows } = await killedRoot();
    const [segment] = await segments(root, isServerLog);
    if (segment === undefined) throw new Error('there is no log of a server');
    const at = Math.floor(segment.end / 2);
    await flipByte(segment.path, at);
    const cluster = await root.start();
    const client = await cluster.connect();
    const other = 'other';
    await client.admin.createTable({ name: other, families: ['f'] });
    await client.table(other).put('r', { 'f:v': 'served' });
    expect(await client.table(other).exists('r')).toBe(true);
    expect(cluster.output).toContain(segment.path);
    await flipByte(segment.path, at);
    expect(await missing(client, rows)).toEqual([]);
  });

  it('by a torn tail of every log: the start is clean and every acknowledged row is there', async () => {
    const { root, rows } = await killedRoot();
    for (const { path, end } of await segments(root, () => true)) {
      // The first half of a frame that was written before, as if the next write had been cut off.
      const torn = (await readFile(path)).subarray(0, 20);
      await overwrite(path, end, Buffer.concat([torn, Buffer.alloc(40, 0xa5)]));
    }
    const client = await (await root.start()).connect();
    expect(await missing(client, rows)).toEqual([]);
  });
});
