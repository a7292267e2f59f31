import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import type { Generation, RegionId, Revision } from '../base/ids.js';
import type { HostStatus } from '../region/api.js';
import { digestRegions } from '../wire/internal.js';
import { Heartbeat } from './heartbeat.js';
import type { HeartbeatOptions } from './heartbeat.js';
import { HostedRegions } from './hosted-regions.js';
import { LinkRig, staleIncarnation } from './testing/scripted-master.js';
import { ScriptedRegion, regionInfo } from './testing/scripted-region.js';

const status: HostStatus = {
  memstoreBytes: 0,
  memstoreBytesMax: 0,
  logBytesNeeded: 0,
  logLowPosition: { segment: 1, offset: 0, sequence: 1 },
  oldestRevisionInUse: undefined,
  flushesRunning: 0,
  compactionsRunning: 0,
  compactionsWaiting: 0,
};

async function setUp(changes: Partial<HeartbeatOptions> = {}) {
  const rig = new LinkRig();
  const master = await rig.elect(1);
  await rig.run(rig.link.ready());
  const { clock, log } = rig.server.world;
  const regions = new HostedRegions(clock, () => 'server,1,3');
  const info = regionInfo();
  const hosted = regions.add(info, 1 as Generation);
  const region = new ScriptedRegion({ info, generation: hosted.generation });
  regions.opened(hosted, region);
  const counts = { beats: 0 };
  const letGo: string[] = [];
  const heartbeat = new Heartbeat({
    clock,
    log,
    periodMs: 1_000,
    link: rig.link,
    incarnation: rig.incarnation,
    regions,
    status: () => status,
    acknowledgedFloor: () => 6,
    residentBytes: () => 5_000,
    letGo: (id, generation) => letGo.push(`${id}/${generation}`),
    onBeat: () => counts.beats++,
    ...changes,
  });
  heartbeat.start();
  return { rig, master, regions, hosted, region, heartbeat, counts, letGo };
}

describe('heartbeats', () => {
  it('come every period and say what the server holds, with the version of the set (R-A4)', async () => {
    const { rig, master, regions, hosted } = await setUp();
    await rig.simulation.runFor(1_100);
    regions.serve(hosted);
    await rig.simulation.runFor(1_100);
    const digest = digestRegions([{ regionId: 11 as RegionId, generation: 1 as Generation }]);
    const common = { incarnation: 3n, epoch: 1n, digest, residentBytes: 5_000n };
    expect(master.heard.heartbeats).toMatchObject([
      { ...common, acknowledgedFloor: 6n, regionSetVersion: 2n, loads: [] },
      { ...common, acknowledgedFloor: 6n, regionSetVersion: 3n, loads: [{ regionId: 11n }] },
    ]);
    expect(master.heard.heartbeats[0]?.oldestRevisionInUse).toBeUndefined();
  });

  it('hold up the collector by the oldest revision that a scan uses', async () => {
    const used = { ...status, oldestRevisionInUse: 0 as Revision };
    const { rig, master } = await setUp({ status: () => used });
    await rig.simulation.runFor(1_100);
    expect(master.heard.heartbeats).toMatchObject([{ oldestRevisionInUse: 0n }]);
  });

  it('bring the list when the last answer asked for it, and only then', async () => {
    const { rig, master } = await setUp();
    let asks = 0;
    master.on = { heartbeat: () => ({ epoch: 1n, wantsRegions: ++asks === 1 }) };
    await rig.simulation.runFor(3_300);
    expect(master.heard.heartbeats.map(({ regions }) => regions?.regions.length)).toEqual([
      undefined,
      1,
      undefined,
    ]);
  });

  it('let go of what the master says is not this server’s', async () => {
    const { rig, master, letGo } = await setUp();
    master.on = {
      heartbeat: () => ({ epoch: 1n, close: [{ regionId: 11n, generation: 1n }] }),
    };
    await rig.simulation.runFor(1_100);
    expect(letGo).toEqual(['11/1']);
  });

  it('go on while there is no master, and when an answer is an error', async () => {
    const { rig, master, counts } = await setUp();
    master.failNext('heartbeat', new CadastreError('internal', 'a fault'));
    await rig.simulation.runFor(2_200);
    expect(master.heard.heartbeats).toHaveLength(2);
    master.kill();
    await rig.simulation.runFor(5_000);
    const second = await rig.elect(2);
    await rig.simulation.runFor(3_000);
    expect(second.heard.heartbeats.length).toBeGreaterThan(0);
    expect(second.heard.heartbeats[0]).toMatchObject({ epoch: 2n });
    expect(counts.beats).toBeGreaterThan(7);
  });

  it('go on after a fault of this server’s own, which is said', async () => {
    let isFaulty = true;
    const { rig, master } = await setUp({
      residentBytes: () => {
        if (isFaulty) throw new Error('a fault');
        return 1;
      },
    });
    await rig.simulation.runFor(1_100);
    isFaulty = false;
    await rig.simulation.runFor(1_100);
    expect(master.heard.heartbeats).toHaveLength(1);
    expect(rig.simulation.logLines.map(({ message }) => message)).toContain(
      'a heartbeat went wrong',
    );
  });

  it('end when they are stopped, also while one is under way', async () => {
    const { rig, master, heartbeat, counts } = await setUp();
    master.on = {
      heartbeat: async () => {
        await master.node.world.clock.sleep(500);
        return { epoch: 1n };
      },
    };
    await rig.until(() => master.heard.heartbeats.length === 1);
    heartbeat.stop();
    await rig.simulation.runFor(5_000);
    expect(master.heard.heartbeats).toHaveLength(1);
    expect(counts.beats).toBe(0);
  });

  it('tell the server that its incarnation is over (race A3)', async () => {
    const { rig, master } = await setUp();
    master.failNext('heartbeat', staleIncarnation);
    await rig.simulation.runFor(1_100);
    expect(rig.fenced).toMatchObject([{ code: 'stale-incarnation' }]);
  });
});
