import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import type { Epoch } from '../base/ids.js';
import { ServerStatusService } from '../wire/internal.js';
import { LinkRig, staleIncarnation } from './testing/scripted-master.js';

const { commitStores, heartbeat } = ServerStatusService.method;
const noCommits = () => ({ incarnation: 3n, commits: [] });

describe("a server's link to the master", () => {
  it('registers first, with how things stand, and then calls', async () => {
    const rig = new LinkRig();
    const master = await rig.elect(1);
    await rig.run(rig.link.call(commitStores, noCommits));
    expect(master.heard.registrations).toMatchObject([{ incarnation: 3n, host: 'server' }]);
    expect(master.heard.commits).toHaveLength(1);
    expect(rig.registered).toMatchObject([{ epoch: 1n, clusterId: 'cluster' }]);
    expect(rig.link.master?.epoch).toBe(1);
    await rig.run(rig.link.call(commitStores, noCommits));
    expect(master.heard.registrations).toHaveLength(1);
  });

  it('waits for the first master that there is', async () => {
    const rig = new LinkRig();
    const ready = rig.link.ready();
    await rig.simulation.runFor(10_000);
    expect(rig.link.master).toBeUndefined();
    await rig.elect(1);
    expect(await rig.run(ready)).toMatchObject({ epoch: 1 });
  });

  it('repeats a call that the master died over at the next master, after registering there', async () => {
    const rig = new LinkRig();
    const first = await rig.elect(1);
    first.on = {
      commitStores: () => {
        first.kill();
        return { answers: [] };
      },
    };
    const answer = rig.link.call(commitStores, noCommits);
    await rig.until(() => first.heard.commits.length === 1);
    await rig.simulation.runFor(3_000);
    const second = await rig.elect(2);
    await rig.run(answer);
    expect(second.heard.registrations).toHaveLength(1);
    expect(second.heard.commits).toHaveLength(1);
    expect(rig.link.master?.epoch).toBe(2);
  });

  it('waits for a master that is starting', async () => {
    const rig = new LinkRig();
    const master = await rig.elect(1);
    const hold = new CadastreError('please-hold', 'starting');
    master.failNext('register', hold, hold, hold);
    await rig.run(rig.link.ready());
    expect(master.heard.registrations).toHaveLength(4);
  });

  it('gives back what the master itself refuses', async () => {
    const rig = new LinkRig();
    const master = await rig.elect(1);
    master.failNext('commitStores', new CadastreError('bad-request', 'no'));
    const answer = rig.link.call(commitStores, noCommits);
    await expect(rig.run(answer)).rejects.toMatchObject({ code: 'bad-request' });
    expect(rig.link.master?.epoch).toBe(1);
  });

  it('registers again with a master that calls its epoch over', async () => {
    const rig = new LinkRig();
    const master = await rig.elect(1);
    master.failNext('commitStores', new CadastreError('stale-epoch', 'epoch 0 is over'));
    await rig.run(rig.link.call(commitStores, noCommits));
    expect(master.heard.registrations).toHaveLength(2);
    expect(master.heard.commits).toHaveLength(2);
  });

  it('does not listen to a master of a lower epoch than one it has seen (L3)', async () => {
    const rig = new LinkRig();
    const old = await rig.elect(1);
    const newer = await rig.elect(2);
    await rig.run(rig.link.ready());
    newer.kill();
    rig.elected = old.location;
    await rig.simulation.runFor(1_000);
    const answer = rig.link.tryCall(heartbeat, { incarnation: 3n });
    expect(await rig.run(answer)).toBeUndefined();
    await rig.simulation.runFor(10_000);
    expect(old.heard.registrations).toEqual([]);
    expect(rig.link.master).toBeUndefined();
  });

  it('does not take a deposed master that answers at the address of the elected one (L3)', async () => {
    const rig = new LinkRig();
    const old = await rig.elect(1);
    rig.elected = { address: (await old.start()).address, epoch: 2 as Epoch };
    rig.link.ready().catch(() => undefined);
    await rig.simulation.runFor(3_000);
    expect(old.heard.registrations.length).toBeGreaterThan(1);
    expect(rig.link.master).toBeUndefined();
    expect(rig.registered).toEqual([]);
    await rig.elect(3);
    expect(await rig.run(rig.link.ready())).toMatchObject({ epoch: 3 });
  });

  it('stops for good when its incarnation is over, and says so once (race A3)', async () => {
    const rig = new LinkRig();
    const master = await rig.elect(1);
    await rig.run(rig.link.ready());
    master.failNext('commitStores', staleIncarnation, staleIncarnation);
    const answers = [1, 2].map(() => rig.link.call(commitStores, noCommits));
    const settled = await rig.run(Promise.allSettled(answers));
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(rig.fenced).toMatchObject([{ code: 'stale-incarnation' }]);
    const late = rig.link.call(commitStores, noCommits);
    await expect(rig.run(late)).rejects.toMatchObject({ code: 'stopped' });
    expect(await rig.run(rig.link.tryCall(heartbeat, {}))).toBeUndefined();
    expect(master.heard.commits).toHaveLength(2);
    expect(master.heard.heartbeats).toEqual([]);
  });

  it('stops as well when it is told so at the registration (race A3)', async () => {
    const rig = new LinkRig();
    const master = await rig.elect(1);
    master.failNext('register', staleIncarnation);
    await expect(rig.run(rig.link.ready())).rejects.toThrow();
    await rig.simulation.runFor(5_000);
    expect(rig.fenced).toHaveLength(1);
    expect(master.heard.registrations).toHaveLength(1);
  });

  it('ends calls that wait for a master when it is stopped', async () => {
    const rig = new LinkRig();
    const waiting = rig.link.call(commitStores, noCommits);
    waiting.catch(() => undefined);
    await rig.simulation.runFor(1_000);
    rig.link.stop();
    await expect(rig.run(waiting)).rejects.toMatchObject({ code: 'stopped' });
  });

  it('tries a heartbeat once, and looks for a master meanwhile', async () => {
    const rig = new LinkRig();
    const first = await rig.elect(1);
    expect(await rig.run(rig.link.tryCall(heartbeat, {}))).toBeUndefined();
    await rig.run(rig.link.ready());
    expect(await rig.run(rig.link.tryCall(heartbeat, {}))).toMatchObject({ epoch: 1n });
    first.kill();
    expect(await rig.run(rig.link.tryCall(heartbeat, {}))).toBeUndefined();
    expect(rig.link.master).toBeUndefined();
    const second = await rig.elect(2);
    await rig.until(() => {
      rig.link.ready().catch(() => undefined);
      return rig.link.master !== undefined;
    });
    expect(second.heard.registrations).toHaveLength(1);
  });
});
