import { expect, it } from 'vitest';
import { TestCluster } from '../testing/cluster.js';

it('R-P7: a refused request says who holds the table, in one sentence', async () => {
  const cluster = await new TestCluster(1).start(0);
  // Without a server it cannot go on.
  const { procId } = await cluster.ask('createTable', cluster.createRequest('t', []));
  await cluster.simulation.runFor(1_000);
  const holder = new RegExp(`CreateTable table t \\(pid=${procId}\\) is in step .* for [\\d.]+ s`);
  await expect(cluster.ask('enableTable', cluster.tableRequest('t'))).rejects.toMatchObject({
    code: 'table-not-disabled',
    nextStep: expect.stringMatching(holder) as string,
  });
  await expect(cluster.ask('createTable', cluster.createRequest('t', []))).rejects.toMatchObject({
    code: 'table-exists',
    message: 't',
    nextStep: expect.stringMatching(holder) as string,
  });
  await expect(cluster.ask('enableTable', cluster.tableRequest('u'))).rejects.toMatchObject({
    code: 'table-not-found',
    nextStep: undefined,
  });
});
