import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import { TransitionKind } from '../wire/internal.js';
import { LinkRig, staleIncarnation } from './testing/scripted-master.js';
import type { ScriptedMaster } from './testing/scripted-master.js';
import { TransitionReports } from './transition-reports.js';

const internal = new CadastreError('internal', 'a fault of the master');

async function setUp() {
  const rig = new LinkRig();
  const master = await rig.elect(1);
  await rig.run(rig.link.ready());
  let version = 4;
  const { log } = rig.server.world;
  const reports = new TransitionReports(rig.link, rig.incarnation, () => version, log);
  const send = (region: number) =>
    reports.send({ regionId: BigInt(region), kind: TransitionKind.TRANSITION_OPENED });
  const setVersion = (to: number): void => {
    version = to;
  };
  return { rig, master, send, setVersion };
}

/** Regions of each call, in order. */
function told({ heard }: ScriptedMaster): readonly (readonly number[])[] {
  return heard.reports.map(({ reports }) => reports.map(({ regionId }) => Number(regionId)));
}

describe('reports of transitions', () => {
  it('carry who sends, to which epoch, and the version of the set as of the sending', async () => {
    const { rig, master, send, setVersion } = await setUp();
    const verdict = send(11);
    setVersion(5);
    expect(await rig.run(verdict)).toEqual({ kind: 'accepted' });
    expect(master.heard.reports).toMatchObject([
      { incarnation: 3n, epoch: 1n, regionSetVersion: 5n, reports: [{ regionId: 11n }] },
    ]);
  });

  it('go one call at a time, in their order; what gathers meanwhile shares the next', async () => {
    const { rig, master, send } = await setUp();
    let underWay = 0;
    let most = 0;
    master.on = {
      reportTransition: async ({ reports }) => {
        most = Math.max(most, ++underWay);
        await master.node.world.clock.sleep(50);
        underWay--;
        return { answers: reports.map(() => ({ accepted: true })) };
      },
    };
    const verdicts = [send(1), send(2), send(3)];
    await rig.run(Promise.all(verdicts));
    expect(told(master)).toEqual([[1], [2, 3]]);
    expect(most).toBe(1);
  });

  it('give each its own verdict', async () => {
    const { rig, master, send } = await setUp();
    master.on = {
      reportTransition: ({ reports }) => ({
        answers: reports.map(({ regionId }) => ({
          accepted: regionId !== 2n,
          reason: regionId === 2n ? 'it is elsewhere' : '',
        })),
      }),
    };
    const verdicts = await rig.run(Promise.all([send(1), send(2), send(3)]));
    const refused = { kind: 'refused', reason: 'it is elsewhere' };
    expect(verdicts).toEqual([{ kind: 'accepted' }, refused, { kind: 'accepted' }]);
  });

  it('are sent again to the next master when the answer was lost (race A17)', async () => {
    const { rig, master, send } = await setUp();
    master.on = {
      reportTransition: () => {
        master.kill();
        return { answers: [{ accepted: true }] };
      },
    };
    const verdict = send(11);
    await rig.until(() => master.heard.reports.length === 1);
    const second = await rig.elect(2);
    expect(await rig.run(verdict)).toEqual({ kind: 'accepted' });
    expect(second.heard.reports).toMatchObject([{ epoch: 2n, reports: [{ regionId: 11n }] }]);
  });

  it('are sent until they are answered, whatever fault the master has', async () => {
    const { rig, master, send } = await setUp();
    master.failNext('reportTransition', internal, internal, internal);
    expect(await rig.run(send(11))).toEqual({ kind: 'accepted' });
    expect(told(master)).toEqual([[11], [11], [11], [11]]);
  });

  it('go alone after a call with several failed, so that a bad one stops only itself (L10)', async () => {
    const { rig, master, send } = await setUp();
    let isMended = false;
    master.on = {
      reportTransition: ({ reports }) => {
        if (!isMended && reports.some(({ regionId }) => regionId === 2n)) throw internal;
        return { answers: reports.map(() => ({ accepted: true })) };
      },
    };
    const first = send(9);
    const bad = send(2);
    const others = [send(1), send(3), send(4)];
    await rig.run(Promise.all([first, ...others]));
    expect(told(master).slice(1)).toEqual([[2, 1, 3, 4], [2], [1], [3], [4]]);
    isMended = true;
    expect(await rig.run(bad)).toEqual({ kind: 'accepted' });
  });

  it('are not taken for answered when the master answers too few', async () => {
    const { rig, master, send } = await setUp();
    let calls = 0;
    master.on = {
      reportTransition: ({ reports }) => ({
        answers: ++calls === 1 ? [] : reports.map(() => ({ accepted: true })),
      }),
    };
    expect(await rig.run(send(1))).toEqual({ kind: 'accepted' });
    expect(calls).toBe(2);
  });

  it('end with the server: when it is fenced (race A3) or stopped', async () => {
    const { rig, master, send } = await setUp();
    master.failNext('reportTransition', staleIncarnation);
    const verdicts = [send(1), send(2)];
    const settled = await rig.run(Promise.allSettled(verdicts));
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(rig.run(send(3))).rejects.toMatchObject({ code: 'stopped' });
    expect(rig.fenced).toHaveLength(1);
  });

  it('end with the server also while they wait to be sent again', async () => {
    const { rig, master, send } = await setUp();
    master.failNext('reportTransition', ...Array.from({ length: 100 }, () => internal));
    const verdict = send(1);
    verdict.catch(() => undefined);
    await rig.simulation.runFor(500);
    rig.link.stop();
    await expect(rig.run(verdict)).rejects.toMatchObject({ code: 'stopped' });
  });
});
