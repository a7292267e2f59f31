import { describe, expect, it } from 'vitest';
import { Simulation } from '../world/simulated/simulation.js';
import { ObjectRegister } from './object-register.js';
import type { Register } from './register.js';

/** Registers of one simulated bucket, one for each process. */
function registers(seed = 'register'): {
  readonly simulation: Simulation;
  readonly of: (node: string) => Register;
} {
  const simulation = new Simulation(seed);
  const of = (name: string): Register => {
    const { world } = simulation.node(name, { root: 'objects' });
    const { clock, random } = world;
    return new ObjectRegister('election', { objects: world.root.objects, clock, random });
  };
  return { simulation, of };
}

const value = (text: string): Buffer => Buffer.from(text);

describe('a register', () => {
  it('gives back its highest entry and all that are kept', async () => {
    const { simulation, of } = registers();
    await simulation.run(async () => {
      const register = of('a');
      expect(await register.read()).toBeUndefined();
      for (let number = 0; number < 3; number++) {
        expect(await register.write(number, value(`v${number + 1}`))).toBe(true);
      }
      expect(await of('b').read()).toEqual({ number: 3, value: value('v3') });
      expect((await of('b').history()).map((entry) => entry.value.toString())).toEqual([
        'v1',
        'v2',
        'v3',
      ]);
    });
  });

  it('lets exactly one of several writers win a number', async () => {
    const { simulation, of } = registers();
    await simulation.run(async () => {
      const writers = ['a', 'b', 'c'].map(of);
      const won = await Promise.all(writers.map((one, i) => one.write(0, value(`${i}`))));
      expect(won.filter(Boolean)).toHaveLength(1);
      expect((await of('d').read())?.value.toString()).toBe(`${won.indexOf(true)}`);
    });
  });

  it('tells a writer whose number is overtaken that it lost', async () => {
    const { simulation, of } = registers();
    await simulation.run(async () => {
      await of('a').write(0, value('1'));
      await of('b').write(4, value('5'));
      expect(await of('a').write(1, value('2'))).toBe(false);
      expect((await of('c').read())?.number).toBe(5);
    });
  });

  it('race W8: recognizes its own entry when the answer to the write was lost', async () => {
    const { simulation, of } = registers();
    for (const effect of ['whole', 'partial', 'none'] as const) {
      const after = (await simulation.run(() => of('r').read()))?.number ?? 0;
      simulation.bucket.faults.failNext('create', { effect });
      expect(await simulation.run(() => of('a').write(after, value(effect)))).toBe(true);
      await simulation.runFor(120_000); // a late request arrives
      expect((await simulation.run(() => of('r').read()))?.number).toBe(after + 1);
    }
  });

  it('race W8: says true to a writer that asks again for what it has written', async () => {
    const { simulation, of } = registers();
    await simulation.run(async () => {
      const register = of('a');
      expect(await register.write(0, value('x'))).toBe(true);
      expect(await register.write(0, value('x'))).toBe(true);
      expect(await of('b').write(0, value('x'))).toBe(false);
    });
  });

  it('keeps the last 8 entries when it is trimmed, and stays ahead of what it lost', async () => {
    const { simulation, of } = registers();
    await simulation.run(async () => {
      const register = of('a');
      for (let number = 0; number < 12; number++) await register.write(number, value('v'));
      await register.trim();
      const numbers = (await register.history()).map((entry) => entry.number);
      expect(numbers).toEqual([5, 6, 7, 8, 9, 10, 11, 12]);
      expect(await of('stalled').write(1, value('old'))).toBe(false);
    });
  });

  it('race W10: reports a damaged entry', async () => {
    const { simulation, of } = registers();
    await simulation.run(() => of('a').write(0, value('value')));
    const key = 'election/00000000000000000001';
    const bytes = Buffer.from(simulation.bucket.find(key) ?? []);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    simulation.bucket.set(key, bytes);
    await expect(simulation.run(() => of('b').read())).rejects.toMatchObject({
      code: 'corruption',
    });
  });
});
