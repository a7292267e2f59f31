import { describe, expect, it } from 'vitest';
import type { Generation, Incarnation, RegionId } from '../../base/ids.js';
import type { ServerRecord } from '../../catalog/records/servers.js';
import { sampleRegion } from '../../catalog/testing/samples.js';
import { digestRegions } from '../../wire/internal.js';
import { ServerSession } from './session.js';

const record: ServerRecord = {
  host: 'h',
  port: 1,
  version: 'test',
  state: 'online',
  process: { bootId: 'b', pidNamespace: 'p', pid: 1, startTime: '1' },
  log: '4',
  registeredAtMs: 0,
};
const held = (id: number, generation = 1) => ({
  regionId: id as RegionId,
  generation: generation as Generation,
});
const own = [sampleRegion(1), sampleRegion(2), sampleRegion(3, { state: 'opening' })];

function beat(session: ServerSession, regions: readonly ReturnType<typeof held>[], version = 9) {
  return session.judge(
    { regionSetVersion: version, digest: digestRegions(regions), held: regions },
    own,
  );
}

describe('a server’s heartbeats', () => {
  const start = () => new ServerSession(4 as Incarnation, record, 0);

  it('say nothing when they agree', () => {
    expect(beat(start(), [held(1), held(2), held(3)])).toEqual({
      wantsRegions: false,
      close: [],
      fence: undefined,
    });
  });

  it('start a question after two digests in a row that disagree', () => {
    const session = start();
    const digest = digestRegions([held(1)]);
    const judge = () => session.judge({ regionSetVersion: 1, digest, held: undefined }, own);
    expect(judge().wantsRegions).toBe(false);
    expect(judge().wantsRegions).toBe(true);
  });

  it('race A18: are ignored below the last report’s version', () => {
    const session = start();
    session.sawReport(10);
    for (let i = 0; i < 20; i++) expect(beat(session, [], 9).close).toEqual([]);
    expect(beat(session, [], 9).fence).toBeUndefined();
  });

  it('a region that is being opened may be missing', () => {
    const session = start();
    for (let i = 0; i < 20; i++) {
      const verdict = beat(session, [held(1), held(2)]);
      expect(verdict.close).toEqual([]);
      expect(verdict.fence).toBeUndefined();
    }
  });

  it('have foreign regions closed, also ones of an older generation', () => {
    const verdict = beat(start(), [held(1), held(2), held(3), held(7)]);
    expect(verdict.close).toEqual([held(7)]);
    expect(beat(start(), [held(1, 0), held(2), held(3)]).close).toEqual([held(1, 0)]);
  });

  it('fence a server that lacks an open region in three lists in a row, not before', () => {
    const session = start();
    expect(beat(session, [held(1)]).fence).toBeUndefined();
    expect(beat(session, [held(1)]).fence).toBeUndefined();
    expect(beat(session, [held(1), held(2)]).fence).toBeUndefined();
    expect(beat(session, [held(1)]).fence).toBeUndefined();
    expect(beat(session, [held(1)]).fence).toBeUndefined();
    expect(beat(session, [held(1)]).fence).toContain('region 2');
  });

  it('fence a server that does not close what is not its own', () => {
    const session = start();
    const all = [held(1), held(2), held(3), held(7)];
    for (let i = 0; i < 9; i++) expect(beat(session, all).fence).toBeUndefined();
    expect(beat(session, all).fence).toContain('region 7');
  });
});
