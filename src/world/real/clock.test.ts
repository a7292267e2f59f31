import { describe, expect, it } from 'vitest';
import { NodeClock } from './clock.js';

const clock = new NodeClock();

describe('NodeClock', () => {
  it('fires timers after at least their time, and cancelled ones never', async () => {
    const before = clock.monotonic();
    let isCancelledFired = false;
    clock.timer(1, () => (isCancelledFired = true)).cancel();
    const elapsed = await Promise.all(
      [1, 2, 3, 5, 5.5].map(async (ms) => {
        await slept(ms);
        return clock.monotonic() - before - ms;
      }),
    );
    for (const late of elapsed) expect(late).toBeGreaterThanOrEqual(0);
    expect(isCancelledFired).toBe(false);
  });

  it('ends a sleep with the reason of its signal', async () => {
    const stop = new AbortController();
    const sleeping = clock.sleep(60_000, stop.signal);
    stop.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
    await expect(clock.sleep(1, stop.signal)).rejects.toThrow('enough');
  });

  it('runs next turns in order, after promises', async () => {
    const order: string[] = [];
    clock.nextTurn(() => order.push('first turn'));
    clock.nextTurn(() => order.push('second turn'));
    await Promise.resolve();
    order.push('promise');
    await clock.yield();
    expect(order).toEqual(['promise', 'first turn', 'second turn']);
  });
});

/** Keeps the process alive, which the clock's own timers do not. */
async function slept(ms: number): Promise<void> {
  const alive = setInterval(() => undefined, 1_000);
  await clock.sleep(ms);
  clearInterval(alive);
}
