import { describe, expect, it } from 'vitest';
import { LocalObjectStore } from '../world/local/object-store.js';
import { NodeClock } from '../world/real/clock.js';
import { NodeDisk } from '../world/real/disk.js';
import { NodeRandom } from '../world/real/random.js';
import { Simulation } from '../world/simulated/simulation.js';
import { openStorage } from './root.js';
import { appendDurably, failureOf, readTexts } from './testing/log-helpers.js';
import { makeTemporaryDirectory } from './testing/temporary-directory.js';

/** A simulated machine's root, with files put there by hand. */
function machine(seed: string): {
  readonly simulation: Simulation;
  readonly write: (name: string, text: string) => Promise<void>;
  readonly open: (node?: string) => ReturnType<typeof openStorage>;
  readonly failure: () => Promise<unknown>;
} {
  const simulation = new Simulation(seed);
  const open = (node = 'one'): ReturnType<typeof openStorage> =>
    simulation.run(() => openStorage(simulation.node(node).world));
  const write = (name: string, text: string): Promise<void> =>
    simulation.run(async () => {
      const { disk } = simulation.node('hand');
      await disk.makeDirectory('/cadastre/tmp');
      const file = await disk.open(`/cadastre/${name}`, 'create');
      await new Promise<void>((resolve) => file.write(Buffer.from(text), 0, () => resolve()));
    });
  return { simulation, write, open, failure: () => failureOf(open()) };
}

describe('a storage root', () => {
  it('is made once and keeps its cluster id, for every process', async () => {
    const { simulation, open } = machine('made once');
    const [first, second] = await simulation.run(() =>
      Promise.all(['one', 'two'].map((name) => openStorage(simulation.node(name).world))),
    );
    expect(first?.clusterId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
    expect(second?.clusterId).toBe(first?.clusterId);
    simulation.crashMachine();
    expect((await open('three')).clusterId).toBe(first?.clusterId);
  });

  it('holds objects, logs and registers on a real directory', async () => {
    const { path, remove } = await makeTemporaryDirectory();
    const [disk, random, clock] = [new NodeDisk(), new NodeRandom(), new NodeClock()];
    const directory = `${path}/new/root`;
    const objects = new LocalObjectStore(disk, directory, random);
    const root = { kind: 'local', disk, directory, objects } as const;
    const storage = await openStorage({ root, clock, random });
    const log = await storage.logs.create('7');
    await appendDurably(log, ['record']);
    await log.close();
    expect(await storage.register('election').write(0, Buffer.from('entry'))).toBe(true);
    const again = await openStorage({ root, clock, random });
    expect(again.clusterId).toBe(storage.clusterId);
    expect(await readTexts(again.logs, '7')).toEqual(['record']);
    expect((await again.register('election').read())?.value.toString()).toBe('entry');
    await remove();
  });

  it('in an object store is the same', async () => {
    const simulation = new Simulation('object root');
    simulation.bucket.faults.failAtRate('create', 0.3);
    const { world } = simulation.node('one', { root: 'objects' });
    const { clusterId, logs } = await simulation.run(() => openStorage(world));
    const log = await simulation.run(() => logs.create('7'));
    await simulation.run(() => appendDurably(log, ['record']));
    const again = await simulation.run(() => openStorage(world));
    expect(again.clusterId).toBe(clusterId);
    expect(await simulation.run(() => readTexts(again.logs, '7'))).toEqual(['record']);
  });

  it('is refused if it has a newer format', async () => {
    const { write, failure } = machine('newer');
    await write('format', '{"formatVersion":2,"clusterId":{"new":"shape"}}');
    expect(await failure()).toMatchObject({
      code: 'root-format-newer',
      message: expect.stringMatching(/\/cadastre has format 2; .* up to 1/) as string,
    });
  });

  it.each(['', 'no json', '{"formatVersion":1}', '{"formatVersion":-1,"clusterId":"x"}'])(
    'race W10: is refused if its format object is damaged (%j)',
    async (text) => {
      const { write, failure } = machine('damaged');
      await write('format', text);
      expect(await failure()).toMatchObject({ code: 'corruption' });
    },
  );

  it('is not made in a directory or bucket that holds something else', async () => {
    const { write, failure } = machine('foreign');
    await write('thesis.txt', 'years of work');
    expect(await failure()).toMatchObject({
      code: 'root-unusable',
      message: expect.stringContaining('"thesis.txt"') as string,
    });
    const simulation = new Simulation('foreign bucket');
    simulation.bucket.set('photos/1', Buffer.from('x'));
    const { world } = simulation.node('one', { root: 'objects' });
    const refused = simulation.run(() => openStorage(world));
    await expect(refused).rejects.toMatchObject({ code: 'root-unusable' });
  });

  it('is made where only leftovers of a start that was killed are', async () => {
    const { write, open } = machine('leftovers');
    await write('tmp/0123-1', 'half');
    await write('.link-probe', '');
    expect((await open()).clusterId).toMatch(/-4/);
  });

  it.each([
    ['network', /nfs is a network file system/],
    ['no-hard-links', /nfs has no hard links/],
  ] as const)('is refused on a file system that cannot hold one: %s', async (kind, message) => {
    const { simulation, failure } = machine(kind);
    simulation.machine().drive.fileSystem = { kind, name: 'nfs' };
    expect(await failure()).toMatchObject({
      code: 'root-unusable',
      message: expect.stringMatching(message) as string,
    });
  });

  it('race W10: is refused where it cannot be written', async () => {
    const { simulation, failure } = machine('read-only');
    simulation.machine().drive.isReadOnly = true;
    expect(await failure()).toMatchObject({ code: 'root-unusable' });
  });
});
