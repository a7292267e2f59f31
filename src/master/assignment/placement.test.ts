import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Incarnation } from '../../base/ids.js';
import type { PlacementRequest, PlacementServer } from './placement.js';
import { choosePlacement } from './placement.js';

const server = (incarnation: number, regions: number): PlacementServer => ({
  incarnation: incarnation as Incarnation,
  address: `host:${16020 + incarnation}`,
  regions,
});
const anywhere: PlacementRequest = {
  lastServer: undefined,
  lastAddress: undefined,
  wanted: undefined,
  avoid: new Set(),
};
const id = (n: number) => n as Incarnation;

describe('placement', () => {
  it('gives nothing while there is no server', () => {
    expect(choosePlacement(anywhere, [])).toBeUndefined();
  });

  it('keeps the last server while it lives', () => {
    const placement = choosePlacement({ ...anywhere, lastServer: id(2) }, [
      server(1, 0),
      server(2, 9),
    ]);
    expect(placement).toEqual({ server: 2, reason: 'retained' });
  });

  it('takes a server restarted on the same address for the last one', () => {
    const request = { ...anywhere, lastServer: id(7), lastAddress: 'host:16022' };
    expect(choosePlacement(request, [server(1, 0), server(2, 9)])).toEqual({
      server: 2,
      reason: 'restarted',
    });
  });

  it('goes to the server asked for, even if it failed before', () => {
    const request = { ...anywhere, wanted: id(2), avoid: new Set([id(2)]) };
    expect(choosePlacement(request, [server(1, 0), server(2, 9)])?.reason).toBe('wanted');
  });

  it('avoids servers that failed, unless there is no other', () => {
    const request = { ...anywhere, lastServer: id(1), avoid: new Set([id(1)]) };
    expect(choosePlacement(request, [server(1, 0), server(2, 9)])?.server).toBe(2);
    expect(choosePlacement(request, [server(1, 0)])?.server).toBe(1);
  });

  it('spreads regions evenly when each choice is counted', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 0, max: 200 }),
        (count, regions) => {
          const loads = Array.from({ length: count }, () => 0);
          for (let i = 0; i < regions; i++) {
            const servers = loads.map((load, index) => server(index, load));
            const chosen = choosePlacement(anywhere, servers);
            if (chosen !== undefined) loads[chosen.server] = (loads[chosen.server] ?? 0) + 1;
          }
          expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});
