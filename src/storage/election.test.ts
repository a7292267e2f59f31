import { describe, expect, it } from 'vitest';
import { NodeProcess } from '../world/real/process.js';
import type { SimNode } from '../world/simulated/node.js';
import { Simulation } from '../world/simulated/simulation.js';
import type { Candidate, Mastership } from './election.js';
import { campaign, currentMaster, takeOver } from './election.js';
import { electionHistory } from './election-entry.js';
import { openStorage } from './root.js';
import type { Storage } from './storage.js';
import { appendDurably, failureOf, readTexts } from './testing/log-helpers.js';

const forever = new AbortController().signal;

async function candidate(node: SimNode): Promise<Candidate> {
  const { world, name } = node;
  const storage = await openStorage(world);
  return {
    storage,
    clusterId: storage.clusterId,
    clock: world.clock,
    process: world.process,
    log: world.log,
    host: `host-of-${name}`,
    addresses: { rpc: { host: name, port: 16_000 } },
  };
}

function takes(simulation: Simulation, node: SimNode): Promise<Mastership> {
  return simulation.run(async () => takeOver(await candidate(node)));
}

function storageOf(simulation: Simulation, node: SimNode): Promise<Storage> {
  return simulation.run(() => openStorage(node.world));
}

async function timed<T>(simulation: Simulation, work: () => Promise<T>): Promise<number> {
  const before = simulation.nowMs;
  await simulation.run(work);
  return simulation.nowMs - before;
}

describe('take-over', () => {
  it('gives an empty root its first master, epoch 1 of timeline 1', async () => {
    const simulation = new Simulation('first');
    const { epoch, entry } = await takes(simulation, simulation.node('m1'));
    expect(epoch).toBe(1);
    expect(entry).toMatchObject({ timeline: 1, catalogLog: 'catalog/1', host: 'host-of-m1' });
    const storage = await storageOf(simulation, simulation.node('other'));
    expect(await simulation.run(() => currentMaster(storage))).toEqual(entry);
  });

  it('is refused at once, in a clear sentence, while the holder runs on this machine', async () => {
    const simulation = new Simulation('second start');
    const { entry } = await takes(simulation, simulation.node('m1'));
    await simulation.runFor(60_000);
    const second = await simulation.run(() => candidate(simulation.node('m2')));
    let refused: unknown;
    const took = await timed(simulation, async () => {
      refused = await failureOf(takeOver(second));
    });
    expect(took).toBeLessThan(500);
    expect(refused).toMatchObject({
      code: 'root-in-use',
      message: expect.stringMatching(/host-of-m1, process \d+, for 60 s \(epoch 1\)/) as string,
      nextStep: expect.stringContaining('--root') as string,
      details: { pid: entry.process.pid },
    });
  });

  it('succeeds at once a holder that is provably gone', async () => {
    const simulation = new Simulation('gone');
    await takes(simulation, simulation.node('m1'));
    simulation.node('m1').kill();
    const second = await simulation.run(() => candidate(simulation.node('m2')));
    const took = await timed(simulation, async () => {
      expect((await takeOver(second)).epoch).toBe(2);
    });
    expect(took).toBeLessThan(500);
  });

  it('waits for 3 s of silence where nothing is proven: another machine', async () => {
    const simulation = new Simulation('silent');
    await takes(simulation, simulation.node('m1', { root: 'objects', machine: 'one' }));
    simulation.node('m1').kill();
    const other = simulation.node('m2', { root: 'objects', machine: 'two' });
    const second = await simulation.run(() => candidate(other));
    const took = await timed(simulation, async () => {
      expect((await takeOver(second)).epoch).toBe(2);
    });
    expect(took).toBeGreaterThanOrEqual(3_000);
    expect(took).toBeLessThan(5_000);
  });

  it('is refused while a holder on another machine shows that it lives', async () => {
    const simulation = new Simulation('lives elsewhere');
    await takes(simulation, simulation.node('m1', { root: 'objects', machine: 'one' }));
    const other = simulation.node('m2', { root: 'objects', machine: 'two' });
    await expect(takes(simulation, other)).rejects.toMatchObject({ code: 'root-in-use' });
  });

  it('race A23: a pid that is gone in another pid namespace proves nothing', async () => {
    const simulation = new Simulation('namespaces');
    const machines = { root: 'objects', machine: 'one' } as const;
    const living = await takes(simulation, simulation.node('m1', machines));
    const node = simulation.node('m2', { root: 'objects', machine: 'container' });
    const { world } = node;
    const { process } = living.entry;
    expect(process.pidNamespace).not.toBe(world.process.identity().pidNamespace);
    expect(world.process.look({ ...process, pid: 4_000_000 })).toBe('unknown');
    await expect(takes(simulation, node)).rejects.toMatchObject({ code: 'root-in-use' });
    let isLost = false;
    living.onLost(() => {
      isLost = true;
    });
    await simulation.runFor(10_000);
    expect(isLost).toBe(false);
  });

  it('race A23: the real process table gives no proof about another pid namespace', () => {
    const { log } = new Simulation('real processes').node('any').world;
    const real = new NodeProcess({ log, flushLog: () => undefined });
    const own = real.identity();
    const gone = { ...own, pid: 4_194_304 };
    // Only Linux proves anything.
    expect(real.look(gone)).toBe(own.bootId === '' ? 'unknown' : 'gone');
    expect(real.look({ ...gone, pidNamespace: 'pid:[1]' })).toBe('unknown');
    expect(real.look({ ...gone, bootId: 'another boot' })).toBe('unknown');
  });

  it('lets one of two win, and refuses the other', async () => {
    const simulation = new Simulation('both at once');
    const tries = await simulation.run(async () =>
      Promise.allSettled(
        ['m1', 'm2'].map(async (name) => takeOver(await candidate(simulation.node(name)))),
      ),
    );
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(tries.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'root-in-use' },
    });
  });

  it('race W10: is not barred by a damaged sign of life of a silent holder', async () => {
    const simulation = new Simulation('damaged sign');
    await takes(simulation, simulation.node('m1', { root: 'objects', machine: 'one' }));
    await simulation.runFor(500);
    simulation.node('m1').kill();
    simulation.bucket.set('alive/00000000000000000001', Buffer.from('{"beat'));
    const other = simulation.node('m2', { root: 'objects', machine: 'two' });
    expect((await takes(simulation, other)).epoch).toBe(2);
  });

  it('need not wait for a holder that resigned, though it still runs', async () => {
    const simulation = new Simulation('resigned');
    const first = await takes(simulation, simulation.node('m1'));
    await simulation.run(() => first.resign());
    expect((await takes(simulation, simulation.node('m2'))).epoch).toBe(2);
  });
});

describe('standing by', () => {
  it('lasts as long as the holder lives, and ends 3 s after it fell silent', async () => {
    const simulation = new Simulation('standby');
    const holder = simulation.node('m1', { root: 'objects', machine: 'one' });
    const standby = simulation.node('m2', { root: 'objects', machine: 'two' });
    const first = await takes(simulation, holder);
    let won: Mastership | undefined;
    const second = await simulation.run(() => candidate(standby));
    const campaigning = campaign(second, forever).then((mastership) => {
      won = mastership;
    });
    await simulation.runFor(60_000);
    expect(won).toBeUndefined();
    holder.suspend();
    await simulation.run(campaigning);
    expect(won?.epoch).toBe(2);
    const lost = new Promise((resolve) => first.onLost(resolve));
    holder.resume();
    expect(await simulation.run(lost)).toMatchObject({ code: 'stale-epoch' });
  });

  it('race A15: a standby that was suspended itself does not take its own sleep for silence', async () => {
    const simulation = new Simulation('both suspended');
    const holder = simulation.node('m1', { root: 'objects', machine: 'one' });
    const standby = simulation.node('m2', { root: 'objects', machine: 'two' });
    await takes(simulation, holder);
    let won = false;
    const second = await simulation.run(() => candidate(standby));
    campaign(second, forever).then(
      () => {
        won = true;
      },
      () => undefined,
    );
    await simulation.runFor(2_000);
    for (const node of [holder, standby]) node.suspend();
    await simulation.runFor(60_000);
    for (const node of [standby, holder]) node.resume();
    await simulation.runFor(10_000);
    expect(won).toBe(false);
  });

  it('stops when it is told to', async () => {
    const simulation = new Simulation('stopped');
    await takes(simulation, simulation.node('m1'));
    const second = await simulation.run(() => candidate(simulation.node('m2')));
    const stop = new AbortController();
    const campaigning = failureOf(campaign(second, stop.signal));
    await simulation.runFor(1_000);
    stop.abort(new Error('enough'));
    expect(await simulation.run(campaigning)).toMatchObject({ message: 'enough' });
  });

  it('does not take an unreadable store for silence', async () => {
    const simulation = new Simulation('unreadable');
    await takes(simulation, simulation.node('m1', { root: 'objects', machine: 'one' }));
    const standby = simulation.node('m2', { root: 'objects', machine: 'two' });
    const second = await simulation.run(() => candidate(standby));
    let won = false;
    campaign(second, forever).then(
      () => {
        won = true;
      },
      () => undefined,
    );
    await simulation.runFor(1_000);
    simulation.bucket.faults.failAtRate('get', 1);
    await simulation.runFor(30_000);
    simulation.bucket.faults.clear();
    await simulation.runFor(10_000);
    expect(won).toBe(false);
  });
});

describe('the logs of lower epochs', () => {
  it('race A20: a master that stalled before making its log is stopped by the one after it', async () => {
    const simulation = new Simulation('A20');
    const m1 = simulation.node('m1');
    const first = await takes(simulation, m1);
    const firstStorage = await storageOf(simulation, m1);
    const log1 = await simulation.run(() => firstStorage.logs.create(first.entry.catalogLog));
    await simulation.run(appendDurably(log1, ['from epoch 1']));
    m1.kill();
    const m2 = simulation.node('m2');
    const second = await takes(simulation, m2);
    const secondStorage = await storageOf(simulation, m2);
    m2.suspend();
    // The third one cannot prove anything about the second, and waits for its silence.
    const m3 = simulation.node('m3');
    const third = await simulation.run(async () => campaign(await candidate(m3), forever));
    expect(third.epoch).toBe(3);
    const { logs, ...storage } = await storageOf(simulation, m3);
    const history = await simulation.run(() => electionHistory({ logs, ...storage }));
    const ends = [];
    for (const { epoch, catalogLog } of history.filter((entry) => entry.epoch < third.epoch)) {
      const end = await simulation.run(() => logs.seal(catalogLog));
      ends.push([epoch, end.sequence]);
    }
    expect(ends).toEqual([
      [1, 2],
      [2, 1],
    ]);
    m2.resume();
    const late = simulation.run(() => secondStorage.logs.create(second.entry.catalogLog));
    await expect(late).rejects.toMatchObject({ code: 'object-exists' });
    expect(await simulation.run(() => readTexts(logs, 'catalog/1'))).toEqual(['from epoch 1']);
  });

  it('race A12: the older of two masters cannot append once the newer has sealed its log', async () => {
    const simulation = new Simulation('A12');
    const m1 = simulation.node('m1', { root: 'objects', machine: 'one' });
    const first = await takes(simulation, m1);
    const firstStorage = await storageOf(simulation, m1);
    const log = await simulation.run(() => firstStorage.logs.create(first.entry.catalogLog));
    m1.suspend();
    const m2 = simulation.node('m2', { root: 'objects', machine: 'two' });
    await takes(simulation, m2);
    const { logs } = await storageOf(simulation, m2);
    await simulation.run(() => logs.seal(first.entry.catalogLog));
    m1.resume();
    const failure = await simulation.run(() => failureOf(appendDurably(log, ['late'])));
    expect(failure).toMatchObject({ code: 'sealed' });
  });

  it('are forgotten only when told to, but for the last 8', async () => {
    const simulation = new Simulation('history');
    let last: Mastership | undefined;
    for (let epoch = 1; epoch <= 11; epoch++) {
      last = await takes(simulation, simulation.node('m'));
      await simulation.runFor(500);
      if (epoch < 11) simulation.node('m').kill();
    }
    const storage = await storageOf(simulation, simulation.node('m'));
    expect(await simulation.run(() => electionHistory(storage))).toHaveLength(11);
    await simulation.run(async () => last?.trimHistory());
    const epochs = (await simulation.run(() => electionHistory(storage))).map(({ epoch }) => epoch);
    expect(epochs).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
    const signs = await simulation.run(() => storage.objects.list('alive/'));
    expect(signs[0]?.key).toMatch(/\/0*4$/);
  });
});
