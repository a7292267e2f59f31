import { describe, expect, it } from 'vitest';
import { Slots } from './slots.js';
import { Gate } from './testing/scripted-region.js';
import { Turns } from './turns.js';

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

describe('turns', () => {
  it('run work on one key in its order, whatever became of the work before', async () => {
    const turns = new Turns<number>();
    const seen: string[] = [];
    const gate = new Gate();
    const first = turns.run(1, async () => {
      seen.push('first');
      await gate.promise;
      throw new Error('it failed');
    });
    first.catch(() => undefined);
    const second = turns.run(1, () => Promise.resolve(seen.push('second')));
    await turns.run(2, () => Promise.resolve(seen.push('other')));
    expect(seen).toEqual(['first', 'other']);
    gate.open();
    await second;
    await expect(first).rejects.toThrow('it failed');
    expect(seen).toEqual(['first', 'other', 'second']);
  });

  it('forget keys without work', async () => {
    const turns = new Turns<number>();
    await turns.run(1, () => Promise.resolve());
    await turns.run(1, () => Promise.resolve());
    await settle();
    expect(turns.size).toBe(0);
  });
});

describe('slots', () => {
  it('let so many in at once, the others in line', async () => {
    const slots = new Slots(2);
    const seen: number[] = [];
    for (const i of [1, 2, 3, 4]) void slots.take().then(() => seen.push(i));
    await settle();
    expect(seen).toEqual([1, 2]);
    slots.give();
    await settle();
    expect(seen).toEqual([1, 2, 3]);
    slots.give();
    slots.give();
    slots.give();
    await slots.take();
    await settle();
    expect(seen).toEqual([1, 2, 3, 4]);
  });
});
