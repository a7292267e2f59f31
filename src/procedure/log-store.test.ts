import { describe, expect, it } from 'vitest';
import type { Epoch, ProcedureId } from '../base/ids.js';
import { openStorage } from '../storage/root.js';
import { Simulation } from '../world/simulated/simulation.js';
import type { ProcedureEngine } from './api.js';
import { createProcedureEngine } from './engine.js';
import { remoteDefaults } from './remote.js';
import { openLogBackedStore } from './testing/log-store.js';
import type { LogBackedStore } from './testing/log-store.js';
import type { MemoryTx } from './testing/memory-store.js';
import { FanOut, Ladder, sampleTypes } from './testing/sample-types.js';

interface Master {
  readonly engine: ProcedureEngine<MemoryTx>;
  readonly store: LogBackedStore;
}

async function startMaster(
  simulation: Simulation,
  epoch: number,
  outside: Map<string, number>,
): Promise<Master> {
  const { world } = simulation.node('master');
  const { logs } = await openStorage(world);
  const store = await openLogBackedStore(logs, epoch);
  const engine = createProcedureEngine({
    ...world,
    store,
    context: { outside, clock: world.clock },
    types: sampleTypes,
    epoch: epoch as Epoch,
    send: () => Promise.resolve(),
    remote: remoteDefaults,
  });
  await engine.load();
  engine.start();
  return { engine, store };
}

/** What a client wants done, asked for again after every crash. */
function submitAll(engine: ProcedureEngine<MemoryTx>): readonly ProcedureId[] {
  const ids: ProcedureId[] = [];
  for (let index = 0; index < 4; index++) {
    const nonce = `n${index}`;
    ids.push(engine.submit(Ladder, { table: `t${index % 2}-${index}` }, { nonce }).value);
    const input = { prefix: `f${index}-`, count: 12, window: 5 };
    ids.push(engine.submit(FanOut, input, { nonce: `f-${nonce}` }).value);
  }
  return ids;
}

async function endsOf(simulation: Simulation, engine: ProcedureEngine<MemoryTx>) {
  const ids = submitAll(engine);
  return simulation.run(Promise.all(ids.map((id) => engine.ended(id))));
}

function stateOf({ store }: Master): string {
  return [...store.disk.values]
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join('\n');
}

describe('the engine over a fenced log', () => {
  it('race P1: killed again and again, by signal and by power loss, it loses and doubles nothing', async () => {
    const calm = new Simulation('calm');
    const master = await calm.run(startMaster(calm, 1, new Map()));
    await endsOf(calm, master.engine);
    const expected = stateOf(master);
    for (let seed = 1; seed <= 12; seed++) {
      const simulation = new Simulation(`kills-${seed}`);
      const random = simulation.random.fork('kills');
      const outside = new Map<string, number>();
      let epoch = 0;
      for (let kill = 0; kill < 6; kill++) {
        const doomed = await simulation.run(startMaster(simulation, ++epoch, outside));
        submitAll(doomed.engine);
        await simulation.runFor(random.float() * 12);
        if (random.chance(0.5)) simulation.crashMachine();
        else simulation.node('master').kill();
      }
      const last = await simulation.run(startMaster(simulation, ++epoch, outside));
      const ends = await endsOf(simulation, last.engine);
      expect(new Set(ends.map(({ kind }) => kind))).toEqual(new Set(['succeeded']));
      expect(stateOf(last)).toBe(expected);
      expect(last.engine.faults()).toEqual([]);
    }
  });
});
