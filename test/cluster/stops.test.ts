import { afterEach, describe, expect, it } from 'vitest';
import { TestRoot } from './processes.js';
import { createTable, missing, Writer } from './rows.js';

const roots: TestRoot[] = [];
async function newRoot(): Promise<TestRoot> {
  const root = await TestRoot.make();
  roots.push(root);
  return root;
}
afterEach(async () => {
  for (const root of roots.splice(0)) await root.cleanUp();
});

describe('a clean stop', () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`by ${signal} ends with exit code 0 and keeps everything`, async () => {
      const root = await newRoot();
      const cluster = await root.start();
      const client = await cluster.connect();
      await createTable(client);
      const writer = new Writer(client);
      const writing = writer.run();
      await writer.reached(100);
      const startedMs = performance.now();
      cluster.signal(signal);
      const { code } = await cluster.ended();
      expect(code, cluster.output).toBe(0);
      expect(performance.now() - startedMs).toBeLessThan(5_000);
      writer.stop();
      client.close();
      await writing;
      const again = await (await root.start()).connect();
      expect(await missing(again, writer.acknowledged)).toEqual([]);
    });
  }
});
