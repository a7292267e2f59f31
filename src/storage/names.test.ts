import { assert as assertProperty, nat, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Incarnation } from '../base/ids.js';
import { Simulation } from '../world/simulated/simulation.js';
import {
  ObjectNamer,
  allotIncarnation,
  listIncarnations,
  objectName,
  parseObjectName,
} from './names.js';
import { openStorage } from './root.js';

describe('names of objects', () => {
  it('are parsed back to what they were made of', () =>
    assertProperty(
      property(nat(), nat(), (incarnation, counter) => {
        const parts = { incarnation: incarnation as Incarnation, counter, kind: 'hfile' };
        const name = objectName(parts);
        expect(name).toMatch(/^data\/[0-9a-f]{2}\/\d+-\d+-hfile$/);
        expect(parseObjectName(name)).toEqual(parts);
      }),
    ));

  it('differ, whatever their kind', () => {
    const namer = new ObjectNamer(3 as Incarnation);
    const names = Array.from({ length: 1_000 }, () => namer.next('hfile'));
    expect(new Set(names.map((name) => name.split('/')[2])).size).toBe(1_000);
    expect(new Set(names.map((name) => name.slice(0, 7))).size).toBeGreaterThan(200);
  });

  it.each([
    'data/00/1-1-hfile',
    'data/1-1-hfile',
    'format',
    'log/7/00000000000000000001',
    'data//',
  ])('are told from other keys: %s', (name) => {
    expect(parseObjectName(name)).toBeUndefined();
  });
});

describe.each(['local', 'objects'] as const)('incarnations (root: %s)', (root) => {
  it('are allotted once each, in spite of races, releases and restarts (L5)', async () => {
    const simulation = new Simulation('incarnations');
    const allot = (name: string): Promise<number> =>
      simulation.run(async () => {
        const { logs } = await openStorage(simulation.node(name, { root }).world);
        const { incarnation, log } = await allotIncarnation(logs);
        expect(log.name).toBe(String(incarnation));
        return incarnation;
      });
    expect(await allot('a')).toBe(1);
    const { logs } = await simulation.run(() => openStorage(simulation.node('m', { root }).world));
    const two = await simulation.run(() =>
      Promise.all(
        ['b', 'c'].map(async (name) => {
          const storage = await openStorage(simulation.node(name, { root }).world);
          return (await allotIncarnation(storage.logs)).incarnation;
        }),
      ),
    );
    expect([...two].sort((a, b) => a - b)).toEqual([2, 3]);
    await simulation.run(async () => logs.release('3', await logs.seal('3')));
    await simulation.run(() => logs.create('catalog/9'));
    expect(await allot('d')).toBe(4);
    expect(await simulation.run(() => listIncarnations(logs))).toEqual([1, 2, 3, 4]);
  });
});
