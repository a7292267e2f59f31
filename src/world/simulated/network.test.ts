import { describe, expect, it } from 'vitest';
import type { Connection } from '../network.js';
import { networkSuite } from '../testing/network-suite.js';
import { Simulation } from './simulation.js';

networkSuite('SimNetwork', () => {
  const simulation = new Simulation('suite');
  return {
    server: simulation.node('server').world.network,
    client: simulation.node('client').world.network,
    host: 'server',
    drive: (work) => simulation.run(work),
  };
});

interface Echo {
  readonly simulation: Simulation;
  readonly near: Connection;
  readonly received: string[];
  readonly closes: (string | undefined)[];
}

/** A client of a server that sends back what it gets. */
async function echo(seed = 1): Promise<Echo> {
  const simulation = new Simulation(seed);
  const server = simulation.node('server').world.network;
  const listener = await simulation.run(
    server.listen({ host: 'server', port: 7_000 }, (far) =>
      far.onData((bytes) => far.write(bytes)),
    ),
  );
  const client = simulation.node('client').world.network;
  const near = await simulation.run(client.connect(listener.address, 1_000));
  const received: string[] = [];
  const closes: (string | undefined)[] = [];
  near.onData((bytes) => received.push(bytes.toString()));
  near.onClose((error) => closes.push(error?.message));
  return { simulation, near, received, closes };
}

describe('SimNetwork', () => {
  it('holds what is sent over a cut way, and delivers it when the cut heals', async () => {
    const { simulation, near, received, closes } = await echo();
    simulation.net.partition(['client'], ['server']);
    near.write(Buffer.from('hello'));
    await simulation.runFor(10_000);
    expect(received).toEqual([]);
    simulation.net.heal();
    await simulation.runFor(100);
    expect(received.join('')).toBe('hello');
    await simulation.runFor(100_000);
    expect(closes).toEqual([]);
  });

  it('breaks a connection whose way stays cut', async () => {
    const { simulation, near, received, closes } = await echo();
    simulation.net.partition(['client'], ['server']);
    near.write(Buffer.from('hello'));
    await simulation.runUntilIdle();
    expect(received).toEqual([]);
    expect(closes).toEqual(['connection to server:7000: no answer']);
  });

  it('connects over a cut way only until the time-out', async () => {
    const { simulation } = await echo();
    simulation.net.partition(['client'], ['server']);
    const { network } = simulation.node('client').world;
    const before = simulation.nowMs;
    await expect(
      simulation.run(network.connect({ host: 'server', port: 7_000 }, 500)),
    ).rejects.toMatchObject({ code: 'timed-out' });
    expect(simulation.nowMs - before).toBeGreaterThanOrEqual(500);
  });

  it('tells the other side when a node is killed, and refuses for it', async () => {
    const { simulation, near, closes } = await echo();
    near.write(Buffer.from('hello'));
    simulation.node('server').kill();
    await simulation.runUntilIdle();
    expect(closes).toHaveLength(1);
    const { network } = simulation.node('client').world;
    await expect(
      simulation.run(network.connect({ host: 'server', port: 7_000 }, 500)),
    ).rejects.toMatchObject({ code: 'connection-lost' });
    const again = simulation.node('server').world.network;
    await simulation.run(again.listen({ host: 'server', port: 7_000 }, () => undefined));
    await simulation.run(network.connect({ host: 'localhost', port: 7_000 }, 500));
  });

  it('cuts connections and lets new ones be made', async () => {
    const { simulation, closes } = await echo();
    simulation.net.cutConnections('server', 'client');
    await simulation.runUntilIdle();
    expect(closes).toEqual(['connection to server:7000: cut']);
    const { network } = simulation.node('client').world;
    await simulation.run(network.connect({ host: 'server', port: 7_000 }, 500));
  });

  it('holds what arrives for a suspended node until it is resumed', async () => {
    const { simulation, near, received } = await echo();
    simulation.node('server').suspend();
    near.write(Buffer.from('hello'));
    await simulation.runFor(60_000);
    expect(received).toEqual([]);
    simulation.node('server').resume();
    await simulation.runUntilIdle();
    expect(received.join('')).toBe('hello');
  });
});
