import { describe, expect, it } from 'vitest';
import { SimulatedExit } from './process.js';
import { SimRandom } from './random.js';
import { Simulation } from './simulation.js';

/** A little of everything, so that any dependence on the real world would show in the digest. */
async function story(seed: number): Promise<string> {
  const simulation = new Simulation(seed);
  simulation.bucket.faults.failAtRate('put', 0.3);
  const { world: server } = simulation.node('server');
  const { world: client } = simulation.node('client', { root: 'objects' });
  const listener = await simulation.run(
    server.network.listen({ host: 'server', port: 0 }, (connection) => {
      connection.onData((bytes) => {
        void server.root.objects
          .put('seen/last', bytes)
          .then(() => server.clock.sleep(server.random.below(10)))
          .then(() => connection.write(bytes));
      });
    }),
  );
  await simulation.run(async () => {
    const connection = await client.network.connect(listener.address, 1_000);
    let received = 0;
    await new Promise<void>((resolve) => {
      connection.onData((bytes) => {
        received += bytes.length;
        if (received === 1_000) resolve();
      });
      for (let count = 0; count < 10; count++) connection.write(client.random.bytes(100));
    });
    await client.root.objects.put('seen', Buffer.from('.')).catch(() => undefined);
    await client.workers.run(
      { name: 'echo', url: '', run: (input: string) => Promise.resolve(input) },
      'text',
    );
  });
  simulation.crashMachine();
  await simulation.runUntilIdle();
  return `${simulation.trace.digest()} ${simulation.nowMs}`;
}

describe('Simulation', () => {
  it('gives the same trace for the same seed, and others for others', async () => {
    const first = await story(7);
    expect(await story(7)).toBe(first);
    expect(await story(8)).not.toBe(first);
  });

  it('keeps virtual time apart from real time', async () => {
    const simulation = new Simulation(1);
    const { clock } = simulation.node('one').world;
    const before = clock.now();
    await simulation.run(clock.sleep(1_000_000));
    expect(simulation.nowMs).toBe(1_000_000);
    expect(clock.now() - before).toBe(1_000_000);
    await simulation.runFor(500);
    expect(clock.monotonic()).toBe(1_000_500);
  });

  it('names what hangs when nothing is left to happen', async () => {
    const simulation = new Simulation(1);
    const { clock } = simulation.node('stopped').world;
    const sleep = clock.sleep(10);
    simulation.node('stopped').suspend();
    const error = await simulation
      .run(sleep, { name: 'the nap' })
      .catch((thrown: unknown) => thrown);
    expect(String(error)).toContain('the nap is pending and nothing is left to happen');
    expect(String(error)).toContain('suspended nodes: stopped');
  });

  it('names what is next when work takes too long', async () => {
    const simulation = new Simulation(1);
    const { clock } = simulation.node('one').world;
    const beat = (): void => void clock.timer(1_000, beat);
    beat();
    await expect(
      simulation.run(new Promise(() => undefined), { name: 'it', limitMs: 10_500 }),
    ).rejects.toThrow('it is pending after 10500 virtual ms; next: one#1: timer');
  });

  it('fails the run with what an event throws', async () => {
    const simulation = new Simulation(1);
    simulation.node('one').world.clock.timer(5, () => {
      throw new Error('a fault of the program');
    });
    await expect(simulation.runFor(10)).rejects.toThrow('a fault of the program');
    await simulation.runFor(10);
  });

  it('passes the failure of the work on', async () => {
    const simulation = new Simulation(1);
    await expect(simulation.run(Promise.reject(new Error('no')))).rejects.toThrow('no');
  });
});

describe('SimNode', () => {
  it('never runs again once killed: no timer, no completion, no log line', async () => {
    const simulation = new Simulation(1);
    const node = simulation.node('one');
    const { world } = node;
    let happened = 0;
    const happens = (): void => {
      happened++;
      world.log.info('happened');
    };
    world.clock.timer(10, happens);
    world.clock.nextTurn(happens);
    void world.root.objects.create('a', Buffer.from('1')).then(happens, happens);
    void world.network.connect({ host: 'two', port: 1 }, 100).then(happens, happens);
    void world.workers.run({ name: 'w', url: '', run: () => Promise.resolve() }, 0).then(happens);
    node.kill();
    void world.root.objects.get('a').then(happens, happens);
    world.log.info('from the grave');
    await simulation.runFor(1_000);
    expect(happened).toBe(0);
    expect(simulation.logLines).toEqual([]);
    expect(simulation.node('one')).not.toBe(node);
  });

  it('starts again where it was: on its machine, with its root', () => {
    const simulation = new Simulation(1);
    const node = simulation.node('one', { machine: 'far', root: 'objects' });
    node.kill();
    const { world } = simulation.node('one');
    expect(world.root.kind).toBe('objects');
    expect(world.process.identity().bootId).toBe(node.world.process.identity().bootId);
  });

  it('holds everything while suspended, and goes on in order', async () => {
    const simulation = new Simulation(1);
    const node = simulation.node('one');
    const order: number[] = [];
    for (const ms of [5, 1, 3]) node.clock.timer(ms, () => order.push(ms));
    node.suspend();
    await simulation.runFor(60_000);
    expect(order).toEqual([]);
    node.resume();
    await simulation.runFor(1);
    expect(order).toEqual([1, 3, 5]);
  });

  it('ends by its own exit, with the code and the reason kept', async () => {
    const simulation = new Simulation(1);
    const node = simulation.node('one');
    const identity = node.world.process.identity();
    const other = simulation.node('two').world.process;
    expect(other.look(identity)).toBe('running');
    let isAfterwards = false;
    node.clock.timer(1, () => {
      node.world.process.exit(3, 'fenced');
    });
    node.clock.timer(2, () => (isAfterwards = true));
    await simulation.runFor(10);
    expect(node.exited).toEqual({ code: 3, reason: 'fenced' });
    expect(isAfterwards).toBe(false);
    expect(other.look(identity)).toBe('gone');
    expect(() => simulation.node('two').world.process.exit(0, 'done')).toThrow(SimulatedExit);
  });

  it('race A23: proves nothing about a process of another machine or of another boot', () => {
    const simulation = new Simulation(1);
    const here = simulation.node('one').world.process.identity();
    const elsewhere = simulation.node('far', { machine: 'other' }).world.process;
    expect(elsewhere.look(here)).toBe('unknown');
    simulation.crashMachine();
    expect(simulation.node('two').world.process.look(here)).toBe('unknown');
  });

  it('race A15: its wall clock jumps either way, its monotonic one does not', async () => {
    const simulation = new Simulation(1);
    const { clock } = simulation.node('one');
    const before = clock.now();
    clock.jump(-3_600_000);
    await simulation.runFor(1_000);
    expect(clock.now()).toBe(before - 3_599_000);
    expect(clock.monotonic()).toBe(1_000);
  });
});

describe('SimRandom', () => {
  it('gives a fork the same numbers whatever else was drawn or forked', () => {
    const one = new SimRandom(5);
    const other = new SimRandom(5);
    other.bytes(100);
    other.fork('a').u32();
    expect(one.fork('b').bytes(20)).toEqual(other.fork('b').bytes(20));
    expect(one.fork('b').u32()).not.toBe(one.fork('c').u32());
  });

  it('spreads evenly', () => {
    const random = new SimRandom('even');
    const counts = Array.from({ length: 10 }, () => 0);
    for (let count = 0; count < 100_000; count++) {
      const value = random.below(10);
      counts[value] = (counts[value] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });
});
