import { afterEach, describe, expect, it } from 'vitest';
import { TestRoot } from './processes.js';
import { createTable, missing, table, Writer } from './rows.js';

const roots: TestRoot[] = [];
async function newRoot(): Promise<TestRoot> {
  const root = await TestRoot.make();
  roots.push(root);
  return root;
}
afterEach(async () => {
  for (const root of roots.splice(0)) await root.cleanUp();
});

describe('kill -9 of real processes', () => {
  it('of a region server: reads and writes go on, with every acknowledged row', async () => {
    const root = await newRoot();
    const cluster = await root.start();
    const client = await cluster.connect();
    await createTable(client);
    const writer = new Writer(client);
    const writing = writer.run();
    await writer.reached(300);
    process.kill(cluster.servers[0] ?? 0, 'SIGKILL');
    await writer.reached(writer.acknowledged.size + 300);
    // And once more: the other one, which has taken over by now.
    process.kill(cluster.servers[1] ?? 0, 'SIGKILL');
    await writer.reached(writer.acknowledged.size + 300);
    writer.stop();
    await writing;
    expect(await missing(client, writer.acknowledged)).toEqual([]);
  });

  it('of everything in the middle of writes: the next start has every acknowledged row', async () => {
    const root = await newRoot();
    const acknowledged = new Map<string, string>();
    for (let round = 0; round < 3; round++) {
      const cluster = await root.start();
      const client = await cluster.connect();
      if (round === 0) await createTable(client);
      expect(await missing(client, acknowledged)).toEqual([]);
      if (round === 1) await client.admin.flushTable(table);
      const writer = new Writer(client);
      const writing = writer.run();
      await writer.reached(400);
      await cluster.killAll();
      writer.stop();
      client.close();
      await writing;
      for (const [row, value] of writer.acknowledged) acknowledged.set(row, value);
    }
    const cluster = await root.start();
    expect(await missing(await cluster.connect(), acknowledged)).toEqual([]);
  });

  it('of the first process: its servers end too, and the root can be started again', async () => {
    const root = await newRoot();
    const cluster = await root.start();
    const client = await cluster.connect();
    await createTable(client);
    await client.table(table).put('1', { 'f:v': 'kept' });
    process.kill(cluster.pid, 'SIGKILL');
    // All ends of its pipes are closed: no process of it is left.
    await cluster.ended();
    const again = await (await root.start()).connect();
    expect((await again.table(table).get('1'))?.text('f', 'v')).toBe('kept');
  });

  it('SIGSTOP of a region server: its regions move, and it serves nothing when it goes on', async () => {
    const root = await newRoot();
    const cluster = await root.start();
    // Not so patient that every line of work waits for the server that stands still.
    const client = await cluster.connect(4_000);
    await createTable(client);
    const writer = new Writer(client);
    const writing = writer.run();
    await writer.reached(200);
    const stopped = cluster.servers[0] ?? 0;
    process.kill(stopped, 'SIGSTOP');
    await writer.reached(writer.acknowledged.size + 200);
    process.kill(stopped, 'SIGCONT');
    await writer.reached(writer.acknowledged.size + 200);
    writer.stop();
    await writing;
    expect(await missing(await cluster.connect(), writer.acknowledged)).toEqual([]);
  });
});
