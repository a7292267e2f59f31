import { describe, expect, it } from 'vitest';
import { logKind } from '../catalog/records/logs.js';
import { get, put } from '../region/testing/requests.js';
import { serverLimits } from './limits.js';
import { ServerCluster, codeOf } from './testing/cluster.js';

const unflushed = 'not everything was flushed: the rest is replayed from the log';

async function withTable(servers = 1): Promise<ServerCluster> {
  const all = await new ServerCluster().start(servers);
  await all.cluster.createTable('t');
  await all.untilServed('t');
  return all;
}

function messages(all: ServerCluster, name: string): readonly string[] {
  return all.simulation.logLines
    .filter(({ node }) => node.startsWith(name))
    .map(({ message }) => message);
}

describe('a region server', () => {
  it('registers, opens what the master says, and keeps what is put', async () => {
    const all = await withTable();
    await all.put('t', 'a', 'one');
    expect(await all.read('t', 'a')).toEqual(['one']);
    await all.cluster.changeTable('flushTable', 't');
    expect(await all.read('t', 'a')).toEqual(['one']);
  });

  it('loses nothing that it acknowledged when it is killed (R-D2)', async () => {
    const all = await withTable(2);
    await all.put('t', 'a', 'one');
    const first = [...all.servers].find(([, { address }]) => address === all.serverOf('t'));
    all.simulation.node(first?.[0] ?? '').kill();
    await all.cluster.until(() => {
      const now = all.serverOf('t');
      return now !== undefined && now !== first?.[1].address;
    }, 'the region is elsewhere');
    await all.untilServed('t');
    expect(await all.read('t', 'a')).toEqual(['one']);
  });

  it('that is called over by the master ends its process (race A3)', async () => {
    const all = await withTable();
    const node = all.simulation.node('s1');
    node.suspend();
    await all.simulation.runFor(10_000);
    node.resume();
    await all.cluster.until(() => node.exited !== undefined, 'it exits');
    expect(node.exited?.reason).toMatch(/incarnation is over|log ended/);
  });

  it('whose port is taken leaves nothing behind that runs', async () => {
    const all = await new ServerCluster().start(1);
    const { port } = all.servers.get('s1')?.address ?? { port: 0 };
    const second = all.startServer('s2', port);
    expect(await codeOf(second)).toBe('port-taken');
    await all.simulation.runFor(10_000);
    expect(messages(all, 's2')).toEqual([]);
    expect((await all.startServer('s2')).incarnation).toBeGreaterThan(2);
  });
});

describe('a clean stop', () => {
  it('flushes everything and has the log released, so that nothing need be replayed', async () => {
    const all = await withTable();
    const first = all.servers.get('s1');
    if (first === undefined) throw new Error('there is no server');
    for (let i = 0; i < 20; i++) await all.put('t', `row-${i}`, 'v');
    await all.run(first.drain());
    expect(messages(all, 's1')).not.toContain(unflushed);
    const [region] = all.cluster.regions('t');
    expect(region?.flushedSequence).toBeGreaterThanOrEqual(20);
    const log = all.cluster.master.catalog.durable.get(logKind, [first.incarnation]);
    expect(log?.low.sequence).toBe(21);
    all.simulation.node('s1').kill();
    await all.startServer('s2');
    await all.cluster.until(() => all.serverOf('t')?.host === 's2', 'it is opened again');
    await all.untilServed('t');
    expect(await all.read('t', 'row-19')).toEqual(['v']);
    expect(all.cluster.regions('t')[0]?.slices).toEqual([]);
  });

  it('sends clients elsewhere from its first moment', async () => {
    const all = await withTable();
    await all.put('t', 'a', 'one');
    const address = all.serverOf('t');
    const server = all.servers.get('s1');
    if (address === undefined || server === undefined) throw new Error('there is no server');
    const draining = server.drain();
    const codes = await all.run(
      Promise.all([
        codeOf(all.get(address, 't', get('a'))),
        codeOf(all.mutate(address, 't', put('b', 'f:q', 'x'))),
      ]),
    );
    for (const code of codes) {
      expect(['region-not-serving', 'server-stopped', 'connection-lost']).toContain(code);
    }
    await all.run(draining);
    expect(await all.run(codeOf(all.get(address, 't', get('a'))))).toBe('connection-lost');
  });

  it('ends in bounded time while the master is gone, and says what stays in the log', async () => {
    const all = await withTable();
    await all.put('t', 'a', 'one');
    const server = all.servers.get('s1');
    all.cluster.killMaster();
    const sinceMs = all.simulation.nowMs;
    await all.run(server?.drain() ?? Promise.reject(new Error('there is no server')));
    expect(all.simulation.nowMs - sinceMs).toBeLessThan(serverLimits.drainMs + 1_000);
    const said = all.simulation.logLines.find(({ message }) => message === unflushed);
    expect(said?.fields).toMatchObject({ regions: 1, isTimeUp: true });
    expect(said?.fields['logBytes']).toBeGreaterThan(0);
    // Nothing of it goes on: no flush that tries again, no look for the master.
    const lines = all.simulation.logLines.length;
    await all.simulation.runFor(60_000);
    expect(all.simulation.logLines.length).toBe(lines);
    all.simulation.node('s1').kill();
    await all.cluster.startMaster();
    await all.startServer('s2');
    await all.cluster.until(() => all.serverOf('t')?.host === 's2', 'it is opened again');
    await all.untilServed('t');
    expect(await all.read('t', 'a')).toEqual(['one']);
  });

  it('that takes long is not taken for the loss of its regions', async () => {
    const all = await new ServerCluster().start(1);
    await all.cluster.createTable('t', ['m']);
    await all.untilServed('t');
    await all.put('t', 'a', 'one');
    const server = all.servers.get('s1');
    // The region with nothing to flush is closed at once, the other one after many tries.
    const { faults } = all.simulation.machine().drive;
    faults.failNext('open', { where: '/tmp/', times: 12 });
    const sinceMs = all.simulation.nowMs;
    await all.run(server?.drain() ?? Promise.reject(new Error('there is no server')));
    expect(all.simulation.nowMs - sinceMs).toBeGreaterThan(8_000);
    expect(all.simulation.node('s1').exited).toBeUndefined();
    expect(messages(all, 's1')).not.toContain(unflushed);
  });

  it('asked for twice is one stop', async () => {
    const all = await withTable();
    const server = all.servers.get('s1');
    if (server === undefined) throw new Error('there is no server');
    await all.run(Promise.all([server.drain(), server.drain()]).then(() => server.stop()));
    expect(messages(all, 's1')).not.toContain(unflushed);
  });

  it('at once leaves the rest in the log, and nothing running', async () => {
    const all = await withTable();
    await all.put('t', 'a', 'one');
    const server = all.servers.get('s1');
    await all.run(server?.stop() ?? Promise.reject(new Error('there is no server')));
    expect(server?.serving()).toEqual([]);
    all.simulation.node('s1').kill();
    await all.startServer('s2');
    await all.cluster.until(() => all.serverOf('t')?.host === 's2', 'it is opened again');
    await all.untilServed('t');
    expect(await all.read('t', 'a')).toEqual(['one']);
  });
});
