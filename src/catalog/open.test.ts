import { describe, expect, it } from 'vitest';
import type { Epoch } from '../base/ids.js';
import { catalogLogName } from '../storage/names.js';
import { openStorage } from '../storage/root.js';
import { simulatedRoot } from '../world/simulated/node.js';
import type { Catalog } from './api.js';
import { openCatalog } from './open.js';
import { candidateKind } from './records/deletion.js';
import { catalogLogKind } from './records/logs.js';
import { settingKind } from './records/system.js';
import { SimulatedCatalog } from './testing/simulated-catalog.js';

function put(catalog: Catalog, name: string, value: string) {
  return catalog.transact((tx) => {
    tx.put(settingKind, [name], value);
  });
}

function settings(catalog: Catalog): Record<string, string> {
  const entries = [...catalog.durable.scan(settingKind)];
  return Object.fromEntries(entries.map(({ key, value }) => [key[0], value]));
}

describe.each(['local', 'objects'] as const)('opening a catalog on a %s root', (root) => {
  it('finds what was durable, through logs and checkpoints of several masters', async () => {
    const world = new SimulatedCatalog();
    const first = await world.open({ root });
    await world.run(put(first.catalog, 'a', '1').durable());
    first.node.kill();
    const second = await world.open({ root });
    expect(settings(second.catalog)).toEqual({ a: '1' });
    await world.run(second.catalog.checkpoint());
    await world.run(put(second.catalog, 'b', '2').durable());
    second.node.kill();
    const third = await world.open({ root });
    expect(settings(third.catalog)).toEqual({ a: '1', b: '2' });
    await world.run(third.catalog.close({ checkpoint: true }));
    const fourth = await world.open({ root });
    expect(settings(fourth.catalog)).toEqual({ a: '1', b: '2' });
    expect(fourth.catalog.timeline).toBe(1);
  });

  it('race A12: the older of two masters cannot commit any more, and ends', async () => {
    const world = new SimulatedCatalog();
    const old = await world.open({ root });
    await world.run(put(old.catalog, 'a', '1').durable());
    const young = await world.open({ root });
    let acknowledged = false;
    put(old.catalog, 'a', 'from the old master').whenDurable(() => {
      acknowledged = true;
    });
    await world.simulation.runFor(60_000);
    expect(acknowledged).toBe(false);
    expect(old.node.exited?.reason).toMatch(/epoch 1 failed/);
    expect(settings(young.catalog)).toEqual({ a: '1' });
  });

  it('race A20: M2 takes epoch 2 and stalls, M3 takes 3: M2 can neither open nor commit', async () => {
    const world = new SimulatedCatalog();
    const first = await world.open({ root });
    await world.run(put(first.catalog, 'a', '1').durable());
    // M2 stalls before it has done anything, M3 goes on.
    const third = await world.open({ root, epoch: 3 });
    await world.run(put(third.catalog, 'a', '3').durable());
    await expect(world.open({ root, epoch: 2 })).rejects.toMatchObject({ code: 'stale-epoch' });
    third.node.kill();
    const fourth = await world.open({ root });
    expect(settings(fourth.catalog)).toEqual({ a: '3' });
  });

  it('race A20: whenever M2 stalls while it opens, the chain holds and no write is lost', async () => {
    // An opening takes about so long here.
    const openingMs = root === 'local' ? 60 : 1000;
    for (let stallMs = 0; stallMs < openingMs; stallMs += openingMs / 24) {
      const world = new SimulatedCatalog(`stall ${stallMs}`);
      const first = await world.open({ root });
      await world.run(put(first.catalog, 'a', '1').durable());
      const second = world.start({ root });
      await world.simulation.runFor(stallMs);
      second.node.suspend();
      const third = await world.open({ root });
      await world.run(put(third.catalog, 'b', '3').durable());
      second.node.resume();
      let acknowledged = false;
      const late = second.reign.then(
        ({ catalog }) => {
          put(catalog, 'c', '2').whenDurable(() => {
            acknowledged = true;
          });
        },
        (error: unknown) => {
          expect(error).toMatchObject({ code: 'stale-epoch' });
        },
      );
      await world.simulation.runFor(60_000);
      expect(acknowledged).toBe(false);
      if (second.node.exited === undefined) await world.run(late);
      await world.run(third.catalog.close({ checkpoint: false }));
      expect(settings((await world.open({ root })).catalog)).toEqual({ a: '1', b: '3' });
    }
  });
});

describe('opening a catalog', () => {
  it('refuses the catalog of another cluster', async () => {
    const world = new SimulatedCatalog();
    const { node, storage } = await world.open();
    const { clock, process, log } = node.world;
    const clusterId = 'another one';
    const epoch = 2 as Epoch;
    const own = { storage, clock, process, log, checkpointLogBytes: 1e9 };
    const opening = openCatalog({ ...own, clusterId, epoch });
    await expect(world.run(opening)).rejects.toMatchObject({ code: 'root-unusable' });
  });

  it('refuses a chain with a missing log, naming it', async () => {
    const world = new SimulatedCatalog();
    const first = await world.open();
    await world.run(put(first.catalog, 'a', '1').durable());
    const second = await world.open();
    await world.run(put(second.catalog, 'b', '2').durable());
    second.node.kill();
    // The log of epoch 1 is still to be replayed, and is gone.
    const vandal = await world.run(openStorage(world.simulation.node('vandal').world));
    const end = await world.run(vandal.logs.seal(catalogLogName(1 as Epoch)));
    await world.run(vandal.logs.release(catalogLogName(1 as Epoch), end));
    await expect(world.open()).rejects.toMatchObject({
      code: 'corruption',
      message: expect.stringMatching(/chain of logs is broken: catalog\/2/) as string,
    });
  });

  it('refuses a log with a flipped bit among its records, naming the place', async () => {
    const world = new SimulatedCatalog();
    const { catalog, node } = await world.open();
    for (let i = 0; i < 5; i++) await world.run(put(catalog, `name ${i}`, 'value').durable());
    node.kill();
    const segment = `${simulatedRoot}/log/catalog__1/0000000000`;
    world.simulation.machine().drive.corrupt(segment, 200);
    await expect(world.open()).rejects.toMatchObject({
      code: 'corruption',
      details: { log: catalogLogName(1 as Epoch) },
    });
  });

  it('refuses a checkpoint whose object is not the one that was written, naming it', async () => {
    const world = new SimulatedCatalog();
    const { catalog, node, storage } = await world.open();
    await world.run(put(catalog, 'a', '1').durable());
    await world.run(catalog.checkpoint());
    const [object] = await world.run(storage.objects.list('catalog-checkpoint/'));
    node.kill();
    world.simulation.machine().drive.corrupt(`${simulatedRoot}/${object?.key ?? ''}`, 40);
    await expect(world.open()).rejects.toMatchObject({
      code: 'corruption',
      details: { object: object?.key },
    });
  });

  it('starts a checkpoint by itself when the log has grown', async () => {
    const world = new SimulatedCatalog();
    const { catalog } = await world.open({ checkpointLogBytes: 20_000 });
    for (let i = 0; i < 300; i++) put(catalog, `name ${i}`, 'x'.repeat(100));
    await world.simulation.runFor(10_000);
    expect(catalog.statistics.checkpointRevision).toBeGreaterThan(200);
    expect(catalog.statistics.replayBytes).toBeLessThan(20_000);
  });

  it('tries a failed checkpoint again later, and leaks none of its objects', async () => {
    const world = new SimulatedCatalog();
    const { catalog } = await world.open({ checkpointLogBytes: 20_000 });
    const { faults } = world.simulation.machine().drive;
    faults.failNext('link', { where: 'catalog-manifest', times: 20 });
    for (let i = 0; i < 300; i++) put(catalog, `name ${i}`, 'x'.repeat(100));
    await world.simulation.runFor(5_000);
    expect(catalog.statistics.checkpointRevision).toBe(0);
    faults.clear();
    await world.simulation.runFor(120_000);
    expect(catalog.statistics.checkpointRevision).toBeGreaterThan(200);
    const candidates = [...catalog.durable.scan(candidateKind)].map(({ key }) => key[1]);
    expect(candidates).toContain('catalog-checkpoint/1-1-0');
  });

  it('makes candidates of overtaken checkpoints and logs, also after a crash in between', async () => {
    for (const [when, step] of [['before the manifest'], ['after the manifest']].entries()) {
      const world = new SimulatedCatalog(step[0] ?? '');
      const first = await world.open();
      await world.run(put(first.catalog, 'a', '1').durable());
      await world.run(first.catalog.checkpoint());
      first.node.kill();
      const second = await world.open();
      void second.catalog.checkpoint();
      const manifests = async () =>
        (await second.storage.objects.list('catalog-manifest/2/')).length;
      const objects = async () =>
        (await second.storage.objects.list('catalog-checkpoint/2-1-')).length;
      while ((await world.run(when === 0 ? objects() : manifests())) < when + 1) {
        await world.simulation.runFor(0.05);
      }
      second.node.kill();
      const third = await world.open();
      await world.run(third.catalog.checkpoint());
      expect(settings(third.catalog)).toEqual({ a: '1' });
      const stored = await world.run(third.storage.objects.list('catalog-checkpoint/'));
      const candidates = [...third.catalog.durable.scan(candidateKind)].map(({ key }) => key[1]);
      const live = stored.map(({ key }) => key).filter((key) => !candidates.includes(key));
      expect(live, step[0]).toEqual(['catalog-checkpoint/3-1-0']);
      expect(candidates).toContain(catalogLogName(1 as Epoch));
      expect(candidates).toContain(catalogLogName(2 as Epoch));
      expect([...third.catalog.durable.scan(catalogLogKind)].map(({ key }) => key[0])).toEqual([3]);
    }
  });
});
