import { describe, expect, it } from 'vitest';
import { openStorage } from '../storage/root.js';
import { Simulation } from '../world/simulated/simulation.js';
import { logStart } from './log-needs.js';

describe('logStart', () => {
  it('is where a log that nothing was released of is read from (found by the simulation)', async () => {
    const simulation = new Simulation(1);
    const { world } = simulation.node('one');
    const read = await simulation.run(async () => {
      const { logs } = await openStorage(world);
      const writer = await logs.create('1');
      writer.append(Buffer.from('first'));
      await writer.close();
      await logs.seal('1');
      const payloads: string[] = [];
      for await (const { payload } of logs.read('1', { from: logStart })) {
        payloads.push(payload.toString());
      }
      return payloads;
    });
    expect(read).toEqual(['first']);
  });
});
