import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { TestRoot } from './processes.js';

const roots: TestRoot[] = [];
async function newRoot(): Promise<TestRoot> {
  const root = await TestRoot.make();
  roots.push(root);
  return root;
}
afterEach(async () => {
  for (const root of roots.splice(0)) await root.cleanUp();
});

describe('a start is refused with a sentence and exit code 1', () => {
  it('while another one runs on the same root, which goes on', async () => {
    const root = await newRoot();
    const cluster = await root.start();
    const second = await root.refused();
    expect(second.code).toBe(1);
    expect(second.output).toContain('cadastre: ');
    expect(second.output).toContain(String(cluster.pid));
    const client = await cluster.connect();
    await client.admin.createTable({ name: 'still', families: ['f'] });
    await client.table('still').put('r', { 'f:v': 'served' });
    expect(await client.table('still').exists('r')).toBe(true);
  });

  it('when the port that was asked for is taken', async () => {
    const root = await newRoot();
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    const { code, output } = await root.refused(['--port', String(port)]);
    server.close();
    expect(code).toBe(1);
    expect(output).toContain(String(port));
    expect(output).toContain('cadastre: ');
  });

  it('when a file stands where the root should be', async () => {
    const root = await newRoot();
    await writeFile(root.path, 'not a directory');
    const { code, output } = await root.refused();
    expect(code).toBe(1);
    expect(output).toContain(root.path);
    expect(await readFile(root.path, 'utf8')).toBe('not a directory');
  });

  it.skipIf(process.getuid?.() === 0)('when the root cannot be written', async () => {
    const root = await newRoot();
    await mkdir(root.path);
    await chmod(root.path, 0o500);
    const { code, output } = await root.refused();
    expect(code).toBe(1);
    expect(output).toContain(root.path);
  });

  it('when the directory holds something else', async () => {
    const root = await newRoot();
    await mkdir(root.path);
    await writeFile(join(root.path, 'thesis.tex'), 'dear');
    const { code, output } = await root.refused();
    expect(code).toBe(1);
    expect(output).toContain('thesis.tex');
  });

  it('when the root has a newer format', async () => {
    const root = await newRoot();
    await mkdir(root.path);
    const format = { formatVersion: 99, clusterId: 'x', createdBy: 'cadastre 99' };
    await writeFile(join(root.path, 'format'), JSON.stringify(format));
    const { code, output } = await root.refused();
    expect(code).toBe(1);
    expect(output).toContain('99');
    expect(output).toContain('newer');
  });
});
