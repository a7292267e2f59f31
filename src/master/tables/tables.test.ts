import { describe, expect, it } from 'vitest';
import { TestCluster } from '../testing/cluster.js';

describe('tables', () => {
  it('a presplit table is created, disabled, enabled and dropped', async () => {
    const cluster = await new TestCluster().start(2);
    await cluster.createTable('t', ['b', 'c']);
    expect(cluster.states('t')).toEqual(['open', 'open', 'open']);
    await cluster.until(() => cluster.isServed('t'), 'served');
    expect(await cluster.changeTable('disableTable', 't')).toBe('');
    expect(cluster.states('t')).toEqual(['closed', 'closed', 'closed']);
    expect(await cluster.changeTable('enableTable', 't')).toBe('');
    expect(cluster.states('t')).toEqual(['open', 'open', 'open']);
    await cluster.changeTable('disableTable', 't');
    expect(await cluster.changeTable('deleteTable', 't')).toBe('');
    expect(cluster.tableState('t')).toBeUndefined();
  });
});
