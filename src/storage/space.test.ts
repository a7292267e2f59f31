import { assert as assertProperty, constantFrom, nat, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Simulation } from '../world/simulated/simulation.js';
import { spaceLimits } from './limits.js';
import type { SpaceLevel } from './space.js';
import { Ballast, SpaceWatch, spaceLevel } from './space.js';

const gib = 2 ** 30;
const order: readonly SpaceLevel[] = [
  'ok',
  'refuse-snapshots',
  'refuse-writes',
  'refuse-compactions',
];

describe('levels of free space', () => {
  it('refuse snapshots, then user writes, then compactions', () => {
    expect(spaceLevel(2 * gib, 'ok')).toBe('ok');
    expect(spaceLevel(spaceLimits.refuseSnapshotsBelow - 1, 'ok')).toBe('refuse-snapshots');
    expect(spaceLevel(spaceLimits.refuseWritesBelow - 1, 'ok')).toBe('refuse-writes');
    expect(spaceLevel(spaceLimits.refuseCompactionsBelow - 1, 'ok')).toBe('refuse-compactions');
  });

  it('end only with room to spare, and never flicker', () =>
    assertProperty(
      property(nat(2 * gib), constantFrom(...order), (free, before) => {
        const level = spaceLevel(free, before);
        expect(spaceLevel(free, level)).toBe(level);
        expect(order.indexOf(level)).toBeGreaterThanOrEqual(order.indexOf(spaceLevel(free, 'ok')));
      }),
    ));
});

describe('the watch of free space', () => {
  it('says each change once, gives the ballast back at the worst and takes it again', async () => {
    const simulation = new Simulation('space');
    const { disk, clock, world } = simulation.node('master');
    const { drive } = simulation.machine();
    drive.capacityBytes = 2 * gib;
    await simulation.run(() => disk.makeDirectory('/cadastre'));
    const options = { disk, clock, log: world.log, directory: '/cadastre' };
    const watch = new SpaceWatch(options);
    const ballast = new Ballast(options);
    const seen: SpaceLevel[] = [];
    watch.onChange((level) => seen.push(level));
    await simulation.run(() => watch.start());
    await simulation.runFor(10_000);
    expect(ballast.isReserved).toBe(true);
    const taken = 2 * gib - drive.freeBytes;
    expect(taken).toBe(spaceLimits.ballastBytes);
    drive.capacityBytes = taken + spaceLimits.refuseWritesBelow - 1;
    await simulation.runFor(10_000);
    drive.capacityBytes = taken + spaceLimits.refuseCompactionsBelow - 1;
    await simulation.runFor(10_000);
    expect(watch.level).toBe('refuse-compactions');
    expect(ballast.isReserved).toBe(false);
    drive.capacityBytes = 2 * gib;
    await simulation.runFor(10_000);
    expect(seen).toEqual(['refuse-writes', 'refuse-compactions', 'ok']);
    expect(ballast.isReserved).toBe(true);
    await simulation.run(() => watch.stop());
  });

  it('does without ballast on a disk that has no room for it', async () => {
    const simulation = new Simulation('no room');
    const { disk } = simulation.node('master');
    simulation.machine().drive.capacityBytes = spaceLimits.ballastBytes / 2;
    await simulation.run(() => disk.makeDirectory('/cadastre'));
    const ballast = new Ballast({ disk, directory: '/cadastre' });
    expect(await simulation.run(() => ballast.reserve())).toBe(false);
    expect(simulation.machine().drive.freeBytes).toBe(spaceLimits.ballastBytes / 2);
  });
});
