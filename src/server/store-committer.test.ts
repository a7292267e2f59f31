import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import type { Generation, RegionId, Sequence } from '../base/ids.js';
import type { StoreCommit } from '../base/store-file.js';
import { serverLimits } from './limits.js';
import { MasterCommitter } from './store-committer.js';
import { LinkRig, staleIncarnation } from './testing/scripted-master.js';
import type { ScriptedMaster } from './testing/scripted-master.js';

const flush: StoreCommit = {
  added: [],
  removed: [],
  flushedSequence: 5 as Sequence,
  nonces: [],
  replayedSlices: [],
};

async function setUp() {
  const rig = new LinkRig();
  const master = await rig.elect(1);
  await rig.run(rig.link.ready());
  const log = { low: 1 };
  const position = () => ({ segment: 1, offset: 0, sequence: log.low });
  const committer = new MasterCommitter(rig.link, rig.incarnation, position);
  const commit = (region: number, number = 1) =>
    committer.commit(region as RegionId, 1 as Generation, number, flush);
  return { rig, master, log, committer, commit };
}

/** [region, number] of each commit, by call. */
function told({ heard }: ScriptedMaster): readonly (readonly (readonly number[])[])[] {
  return heard.commits.map(({ commits }) =>
    commits.map(({ regionId, number }) => [Number(regionId), Number(number)]),
  );
}

function lows({ heard }: ScriptedMaster): readonly (number | undefined)[] {
  return heard.commits.map(({ logNeededFrom }) =>
    logNeededFrom === undefined ? undefined : Number(logNeededFrom.sequence),
  );
}

describe('the commits of a server', () => {
  it('share a call, in their order, and each gets its outcome', async () => {
    const { rig, master, commit } = await setUp();
    master.on = {
      commitStores: ({ commits }) => ({
        answers: commits.map(({ regionId }) =>
          regionId === 2n
            ? { taken: false, reason: 'generation 2, not 1' }
            : { taken: true, revision: 70n + regionId },
        ),
      }),
    };
    const outcomes = await rig.run(Promise.all([commit(1), commit(2), commit(3)]));
    expect(outcomes).toEqual([
      { kind: 'taken', revision: 71 },
      // Race W7: the region fences itself by it.
      { kind: 'refused', reason: 'generation 2, not 1' },
      { kind: 'taken', revision: 73 },
    ]);
    expect(told(master)).toEqual([
      [
        [1, 1],
        [2, 1],
        [3, 1],
      ],
    ]);
  });

  it('go one call at a time, and no call is larger than its bound (L9)', async () => {
    const { rig, master, commit } = await setUp();
    let underWay = 0;
    let most = 0;
    master.on = {
      commitStores: async ({ commits }) => {
        most = Math.max(most, ++underWay);
        await master.node.world.clock.sleep(20);
        underWay--;
        return { answers: commits.map(() => ({ taken: true, revision: 1n })) };
      },
    };
    const count = serverLimits.commitsPerCallMax + 1;
    await rig.run(Promise.all(Array.from({ length: count }, (_, i) => commit(i))));
    expect(told(master).map(({ length }) => length)).toEqual([serverLimits.commitsPerCallMax, 1]);
    expect(most).toBe(1);
  });

  it('are repeated under their number when the answer was lost (race W14)', async () => {
    const { rig, master, commit } = await setUp();
    master.on = {
      commitStores: () => {
        master.kill();
        return { answers: [{ taken: true, revision: 5n }] };
      },
    };
    const outcome = commit(1, 7);
    await rig.until(() => master.heard.commits.length === 1);
    const second = await rig.elect(2);
    expect(await rig.run(outcome)).toMatchObject({ kind: 'taken' });
    expect(told(second)).toEqual([[[1, 7]]]);
  });

  it('say it when the outcome is unknown, and the next ones go on', async () => {
    const { rig, master, commit } = await setUp();
    master.failNext('commitStores', new CadastreError('internal', 'a fault'));
    await expect(rig.run(commit(1))).rejects.toMatchObject({ code: 'internal' });
    expect(await rig.run(commit(1))).toMatchObject({ kind: 'taken' });
  });

  it('are unknown when the master answers too few', async () => {
    const { rig, master, commit } = await setUp();
    master.on = { commitStores: () => ({ answers: [{ taken: true, revision: 9n }] }) };
    const [first, second] = await rig.run(Promise.allSettled([commit(1), commit(2)]));
    expect(first).toMatchObject({ value: { kind: 'taken', revision: 9 } });
    expect(second.status).toBe('rejected');
  });

  it('asked for in the very turn in which the last one ends are sent as well', async () => {
    const { rig, master, commit } = await setUp();
    for (let turns = 0; turns < 12; turns++) {
      const first = commit(1);
      const second = first.then(async () => {
        for (let i = 0; i < turns; i++) await Promise.resolve();
        return commit(2);
      });
      expect(await rig.run(second)).toMatchObject({ kind: 'taken' });
    }
    expect(told(master)).toHaveLength(24);
  });

  it('end with the incarnation (race A3)', async () => {
    const { rig, master, commit } = await setUp();
    master.failNext('commitStores', staleIncarnation);
    await expect(rig.run(commit(1))).rejects.toThrow();
    await expect(rig.run(commit(1))).rejects.toMatchObject({ code: 'stopped' });
    expect(rig.fenced).toHaveLength(1);
  });
});

describe('the release of the log', () => {
  it('is told when it is news, and only then', async () => {
    const { rig, master, log, committer } = await setUp();
    log.low = 0;
    await rig.run(committer.releaseLog());
    expect(master.heard.commits).toEqual([]);
    log.low = 8;
    await rig.run(committer.releaseLog());
    await rig.run(committer.releaseLog());
    expect(lows(master)).toEqual([8]);
  });

  it('goes along with commits', async () => {
    const { rig, master, log, committer, commit } = await setUp();
    log.low = 6;
    await rig.run(commit(1));
    await rig.run(committer.releaseLog());
    expect(lows(master)).toEqual([6]);
  });

  it('is told after a call that is under way with an older position', async () => {
    const { rig, master, log, committer, commit } = await setUp();
    const outcome = commit(1);
    await rig.until(() => master.heard.commits.length === 1);
    log.low = 9;
    await rig.run(committer.releaseLog());
    await rig.run(outcome);
    expect(lows(master)).toEqual([1, 9]);
  });

  it('is told again after a call in which the master did not take it', async () => {
    const { rig, master, log, committer, commit } = await setUp();
    log.low = 6;
    master.on = { commitStores: () => ({ answers: [{ taken: false, reason: 'no' }] }) };
    await rig.run(commit(1));
    master.on = {};
    await rig.run(committer.releaseLog());
    master.failNext('commitStores', new CadastreError('internal', 'a fault'));
    log.low = 7;
    await rig.run(committer.releaseLog());
    await rig.run(committer.releaseLog());
    expect(lows(master)).toEqual([6, 6, 7, 7]);
  });
});
