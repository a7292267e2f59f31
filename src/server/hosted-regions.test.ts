import { describe, expect, it } from 'vitest';
import type { CadastreError } from '../base/errors.js';
import type { Generation, Incarnation } from '../base/ids.js';
import { encodedRegionName } from '../base/table.js';
import { TestClock } from '../region/testing/region-rig.js';
import { exceptionText } from '../wire/exceptions.js';
import { HostedRegions } from './hosted-regions.js';
import { serverLimits } from './limits.js';
import { ScriptedRegion, regionInfo } from './testing/scripted-region.js';

function setUp() {
  const clock = new TestClock();
  const regions = new HostedRegions(clock, () => 'host,1,3');
  const info = regionInfo();
  const add = (generation = 1) => {
    const hosted = regions.add(info, generation as Generation);
    return { hosted, region: new ScriptedRegion({ info, generation: hosted.generation }) };
  };
  const outcomes: string[] = [];
  const ask = (name: string): void => {
    regions.whenServing(
      name,
      () => outcomes.push('run'),
      (error: CadastreError) => outcomes.push(error.code),
    );
  };
  return { clock, regions, info, add, ask, outcomes };
}

const destination = { host: 'there', port: 7, incarnation: 8 as Incarnation };

describe('a region of a server', () => {
  it('serves only once its opening is acknowledged; its requests wait until then', () => {
    const { regions, add, ask, outcomes } = setUp();
    const { hosted, region } = add();
    ask(hosted.name);
    expect(outcomes).toEqual(['region-opening']);
    regions.opened(hosted, region);
    ask(hosted.name);
    expect(() => regions.serving(hosted.name)).toThrow(/is opening on host,1,3/);
    expect(outcomes).toEqual(['region-opening']);
    expect(regions.servingNow()).toEqual([]);
    regions.serve(hosted);
    expect(outcomes).toEqual(['region-opening', 'run']);
    expect(regions.serving(hosted.name)).toBe(region);
    expect(regions.servingNow()).toEqual([{ regionId: 11, generation: 1 }]);
  });

  it('is found by its full and by its encoded name', () => {
    const { regions, info, add } = setUp();
    const { hosted, region } = add();
    regions.opened(hosted, region);
    regions.serve(hosted);
    expect(regions.serving(encodedRegionName(info))).toBe(region);
    expect(() => regions.serving('t,,12.x.')).toThrow(/t,,12.x. is not online on host,1,3/);
  });

  it('lets requests wait no longer than a moment', () => {
    const { clock, regions, add, ask, outcomes } = setUp();
    const { hosted, region } = add();
    regions.opened(hosted, region);
    ask(hosted.name);
    clock.advance(serverLimits.waitForOpenMs - 1);
    ask(hosted.name);
    expect(outcomes).toEqual([]);
    clock.advance(1);
    expect(outcomes).toEqual(['region-opening', 'region-opening']);
    regions.serve(hosted);
    expect(outcomes).toHaveLength(2);
  });

  it('lets a bounded number of requests wait, of all regions together', () => {
    const { regions, add, ask, outcomes } = setUp();
    const { hosted, region } = add();
    regions.opened(hosted, region);
    for (let i = 0; i <= serverLimits.callsWaitingForOpenMax; i++) ask(hosted.name);
    expect(outcomes).toEqual(['region-opening']);
    regions.serve(hosted);
    expect(outcomes).toHaveLength(serverLimits.callsWaitingForOpenMax + 1);
    // The places are free again.
    const other = regions.add(regionInfo(12), 1 as Generation);
    regions.opened(other, region);
    ask(other.name);
    expect(outcomes).toHaveLength(serverLimits.callsWaitingForOpenMax + 1);
  });

  it('runs every request that waited, also when one of them throws', () => {
    const { regions, add, ask, outcomes } = setUp();
    const { hosted, region } = add();
    regions.opened(hosted, region);
    const fault = (): void => {
      throw new Error('a fault');
    };
    regions.whenServing(hosted.name, fault, () => undefined);
    ask(hosted.name);
    expect(() => regions.serve(hosted)).toThrow('a fault');
    expect(outcomes).toEqual(['run']);
    expect(regions.serving(hosted.name)).toBe(region);
  });

  it('fails the requests that wait when it closes instead', () => {
    const { regions, add, ask, outcomes } = setUp();
    const { hosted, region } = add();
    regions.opened(hosted, region);
    ask(hosted.name);
    regions.closing(hosted, undefined);
    ask(hosted.name);
    expect(outcomes).toEqual(['region-not-serving', 'region-not-serving']);
    expect(() => regions.serving(hosted.name)).toThrow(/is closing on/);
  });

  it('sends clients that come late to where it went, in the words that they parse (R-D6)', () => {
    const { clock, regions, add, ask, outcomes } = setUp();
    const { hosted, region } = add();
    regions.opened(hosted, region);
    regions.serve(hosted);
    regions.closing(hosted, destination);
    regions.remove(hosted, 9);
    let error: CadastreError | undefined;
    regions.whenServing(
      hosted.name,
      () => undefined,
      (given) => {
        error = given;
      },
    );
    expect(error?.code).toBe('region-moved');
    expect(exceptionText(error as CadastreError)).toContain(
      'Region moved to: hostname=there port=7 startCode=8. As of locationSeqNum=9.',
    );
    clock.advance(serverLimits.moveRememberedMs);
    ask(hosted.name);
    expect(outcomes).toEqual(['region-not-serving']);
  });

  it('that comes back is not said to have moved', () => {
    const { regions, add, ask, outcomes } = setUp();
    const { hosted } = add();
    regions.closing(hosted, destination);
    regions.remove(hosted, 9);
    const again = add(3);
    ask(hosted.name);
    regions.closing(again.hosted, undefined);
    regions.remove(again.hosted, 9);
    ask(hosted.name);
    expect(outcomes).toEqual(['region-opening', 'region-not-serving']);
  });

  it('that left already cannot take a newer generation of it along', () => {
    const { regions, add } = setUp();
    const { hosted: old } = add(1);
    regions.closing(old, undefined);
    regions.remove(old, 0);
    const { hosted: newer } = add(2);
    const { version } = regions;
    regions.remove(old, 0);
    expect(regions.get(newer.info.regionId)).toBe(newer);
    expect(regions.version).toBe(version);
  });

  it('changes the version of the set with every step (race A18)', () => {
    const { regions, add } = setUp();
    const seen = [regions.version];
    const { hosted, region } = add();
    seen.push(regions.version);
    regions.opened(hosted, region);
    seen.push(regions.version);
    regions.serve(hosted);
    seen.push(regions.version);
    regions.closing(hosted, undefined);
    seen.push(regions.version);
    regions.remove(hosted, 9);
    seen.push(regions.version);
    expect(new Set(seen).size).toBe(seen.length);
    expect([...seen].sort((a, b) => a - b)).toEqual(seen);
  });

  it('is held once (L3)', () => {
    const { add } = setUp();
    add(1);
    expect(() => add(2)).toThrow(/L3/);
  });

  it('remembers a bounded number of moves', () => {
    const { regions } = setUp();
    const names: string[] = [];
    for (let id = 1; id <= serverLimits.movesRememberedMax + 1; id++) {
      const hosted = regions.add(regionInfo(id), 1 as Generation);
      names.push(hosted.name);
      regions.closing(hosted, destination);
      regions.remove(hosted, 9);
    }
    const codes = [names[0], names[1], names.at(-1)].map((name) => {
      let code = '';
      regions.whenServing(
        name ?? '',
        () => undefined,
        (error) => {
          code = error.code;
        },
      );
      return code;
    });
    expect(codes).toEqual(['region-not-serving', 'region-moved', 'region-moved']);
  });
});
