import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DiskFile } from '../disk.js';
import { diskSuite, written } from '../testing/disk-suite.js';
import type { SimNode } from './node.js';
import { Simulation } from './simulation.js';

diskSuite('SimDisk', async () => {
  const simulation = new Simulation('suite');
  const { disk } = simulation.node('one');
  await simulation.run(disk.makeDirectory('/empty'));
  return { disk, directory: '/empty', drive: (work) => simulation.run(work) };
});

const seeds = fc.integer({ min: 0 });

describe('SimDisk after a power loss', () => {
  it('has everything that was synced, whatever else was under way', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.integer({ min: 0, max: 20 }), async (seed, laterMs) => {
        const { simulation, node } = start(seed);
        await simulation.run(async () => {
          const file = await durableFile(node, '/a');
          await written(file, Buffer.alloc(5_000, 'o'), 0);
          await file.sync();
          file.write(Buffer.alloc(5_000, 'n'), 2_000, () => undefined);
          void file.sync();
          void node.disk.unlink('/b');
        });
        await simulation.runFor(laterMs);
        simulation.crashMachine();
        const bytes = simulation.machine().drive.peek('/a');
        expect(bytes.subarray(0, 1_536)).toEqual(Buffer.alloc(1_536, 'o'));
        expect(bytes.length).toBeGreaterThanOrEqual(5_000);
        expect(bytes.every((byte) => byte === 0 || byte === 110 || byte === 111)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('may have any part of what was not: all, none, a start, an end, holes', async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 1_000; seed++) {
      const { simulation, node } = start(seed);
      await simulation.run(async () => {
        const file = await durableFile(node, '/a');
        await written(file, Buffer.alloc(3 * 512, 'o'), 0);
        await file.sync();
        await written(file, Buffer.alloc(4 * 512, 'n'), 0);
      });
      simulation.crashMachine();
      const bytes = simulation.machine().drive.peek('/a');
      outcomes.add(
        [0, 1, 2, 3].map((sector) => String.fromCharCode(bytes[sector * 512] ?? 45)).join(''),
      );
    }
    // `-`: the file did not grow; `\0`: it grew, and the sector is not there.
    for (const outcome of ['nnnn', 'ooo-', 'noo-', 'onnn', 'non-', 'nnn\0']) {
      expect(outcomes).toContain(outcome);
    }
  });

  it('race W13: a group write may have its second sector and not its first', async () => {
    let isSeen = false;
    for (let seed = 0; seed < 200 && !isSeen; seed++) {
      const { simulation, node } = start(seed);
      await simulation.run(async () => {
        const file = await durableFile(node, '/a');
        await written(file, Buffer.alloc(2_048), 0);
        await file.sync();
        await written(file, Buffer.alloc(1_024, 'x'), 512);
      });
      simulation.crashMachine();
      const bytes = simulation.machine().drive.peek('/a');
      isSeen = bytes[512] === 0 && bytes[1_024] === 'x'.charCodeAt(0);
    }
    expect(isSeen).toBe(true);
  });

  it('has the names that were synced; each other change happened or did not, a rename never half', async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 300; seed++) {
      const { simulation, node } = start(seed);
      const { disk } = node;
      await simulation.run(async () => {
        for (const path of ['/kept', '/renamed', '/removed']) await durableFile(node, path);
        await disk.open('/made', 'create');
        await disk.rename('/renamed', '/target');
        await disk.unlink('/removed');
      });
      simulation.crashMachine();
      const names = (await simulation.run(simulation.node('next').disk.list('/'))).map(
        (entry) => entry.name,
      );
      expect(names).toContain('kept');
      expect(names.includes('renamed')).not.toBe(names.includes('target'));
      outcomes.add(names.join(' '));
    }
    expect(outcomes.size).toBe(8);
  });

  it('has lost a directory that its parent was not synced for, with all in it', async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      const { simulation, node } = start(seed);
      await simulation.run(async () => {
        await node.disk.makeDirectory('/d');
        await durableFile(node, '/d/a');
      });
      simulation.crashMachine();
      outcomes.add(simulation.node('next').disk.existsNow('/d/a') ? 'there' : 'lost');
    }
    expect([...outcomes].sort()).toEqual(['lost', 'there']);
  });

  it('has every write to a file opened for durable writes, once it was acknowledged', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.integer({ min: 0, max: 30 }), async (seed, afterMs) => {
        const { simulation, node } = start(seed);
        const file = await simulation.run(async () => {
          const opened = await node.disk.open('/a', 'durable-writes');
          await node.disk.syncDirectory('/');
          return opened;
        });
        let acknowledged = 0;
        const writeOn = (): void => {
          const position = acknowledged * 100;
          file.write(Buffer.alloc(100, 'x'), position, () => {
            acknowledged++;
            writeOn();
          });
        };
        writeOn();
        await simulation.runFor(afterMs);
        simulation.crashMachine();
        const bytes = simulation.machine().drive.peek('/a');
        const length = acknowledged * 100;
        expect(bytes.subarray(0, length)).toEqual(Buffer.alloc(length, 'x'));
      }),
      { numRuns: 100 },
    );
  });

  it('may lack what a failed sync did not save, though a later sync succeeded', async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      const { simulation, node } = start(seed);
      await simulation.run(async () => {
        const file = await durableFile(node, '/a');
        await written(file, Buffer.alloc(512, 'o'), 0);
        await file.sync();
        await written(file, Buffer.alloc(512, 'n'), 0);
        simulation.machine().drive.faults.failNext('sync');
        await expect(file.sync()).rejects.toMatchObject({ code: 'storage-unavailable' });
        await file.sync();
      });
      simulation.crashMachine();
      outcomes.add(simulation.machine().drive.peek('/a').toString('utf8', 0, 1));
    }
    expect([...outcomes].sort()).toEqual(['n', 'o']);
  });
});

describe('SimDisk after a kill', () => {
  it('has everything that was written, synced or not, and the last write perhaps in part', async () => {
    const lengths = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const { simulation, node } = start(seed);
      let isDone = false;
      const file = await simulation.run(async () => {
        const opened = await node.disk.open('/a', 'create');
        await written(opened, Buffer.alloc(1_000, 'x'), 0);
        return opened;
      });
      file.write(Buffer.alloc(1_000, 'x'), 1_000, () => {
        isDone = true;
      });
      node.kill();
      await simulation.runUntilIdle();
      expect(isDone).toBe(false);
      const { length } = simulation.machine().drive.peek('/a');
      lengths.add(length === 1_000 ? 'none' : length === 2_000 ? 'whole' : 'part');
    }
    expect(lengths.size).toBe(3);
  });
});

describe('SimDisk with faults', () => {
  it('race W10: a full disk takes what fits and says so; space comes back with the last name', async () => {
    const { simulation, node } = start(1);
    const { drive } = simulation.machine();
    drive.capacityBytes = 1_500;
    await simulation.run(async () => {
      const file = await node.disk.open('/a', 'create');
      await written(file, Buffer.alloc(1_000), 0);
      await expect(written(file, Buffer.alloc(1_000), 1_000)).rejects.toMatchObject({
        code: 'disk-full',
        kind: 'wait',
      });
      expect(await file.size()).toBe(1_500);
      expect(await node.disk.freeBytes('/')).toBe(0);
      await written(file, Buffer.alloc(1_000), 0);
      await node.disk.link('/a', '/b');
      await node.disk.unlink('/a');
      expect(await node.disk.freeBytes('/')).toBe(0);
      await node.disk.unlink('/b');
      expect(await node.disk.freeBytes('/')).toBe(1_500);
    });
  });

  it('race W10: a read-only disk refuses changes and reads on', async () => {
    const { simulation, node } = start(1);
    await simulation.run(async () => {
      const file = await node.disk.open('/a', 'create');
      await written(file, Buffer.from('text'), 0);
      simulation.machine().drive.isReadOnly = true;
      const refused = { code: 'root-unusable' };
      await expect(written(file, Buffer.from('more'), 0)).rejects.toMatchObject(refused);
      await expect(node.disk.open('/b', 'create')).rejects.toMatchObject(refused);
      await expect(node.disk.rename('/a', '/b')).rejects.toMatchObject(refused);
      expect((await file.read(0, 4)).toString()).toBe('text');
    });
  });

  it('race W10: a flipped bit is read, and survives a power loss', async () => {
    const { simulation, node } = start(1);
    const file = await simulation.run(async () => {
      const opened = await durableFile(node, '/a');
      await written(opened, Buffer.from([1, 1, 1]), 0);
      await opened.sync();
      return opened;
    });
    simulation.machine().drive.corrupt('/a', 1, 7);
    expect(await simulation.run(file.read(0, 3))).toEqual(Buffer.from([1, 129, 1]));
    simulation.crashMachine();
    expect(simulation.machine().drive.peek('/a')).toEqual(Buffer.from([1, 129, 1]));
  });

  it('fails the ordered operations only, with the ordered code and effect', async () => {
    const { simulation, node } = start(1);
    const { faults } = simulation.machine().drive;
    faults.failNext('write', { where: '/b', code: 'disk-full', effect: 'whole', after: 1 });
    await simulation.run(async () => {
      const a = await node.disk.open('/a', 'create');
      const b = await node.disk.open('/b', 'create');
      await written(a, Buffer.from('a'), 0);
      await written(b, Buffer.from('1'), 0);
      await expect(written(b, Buffer.from('2'), 1)).rejects.toMatchObject({ code: 'disk-full' });
      await written(b, Buffer.from('3'), 2);
      expect((await b.read(0, 9)).toString()).toBe('123');
    });
  });
});

function start(seed: number): { readonly simulation: Simulation; readonly node: SimNode } {
  const simulation = new Simulation(seed);
  return { simulation, node: simulation.node('one') };
}

/** A new file whose name is durable. */
async function durableFile(node: SimNode, path: string): Promise<DiskFile> {
  const file = await node.disk.open(path, 'create');
  await node.disk.syncDirectory(path.slice(0, path.lastIndexOf('/')) || '/');
  return file;
}
