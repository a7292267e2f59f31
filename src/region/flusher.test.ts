import { describe, expect, it } from 'vitest';
import { familyDescriptor } from '../base/table.js';
import { RegionRig } from './testing/region-rig.js';
import { put } from './testing/requests.js';

describe('Flusher', () => {
  it('lets one that asks just as a flush ends join the one that waits (simulation seed 1036)', async () => {
    const rig = new RegionRig({ families: [familyDescriptor('f')] });
    await rig.open();
    await rig.mutate(put('r1', 'f:a', 'one'));
    const running = rig.region.flush();
    const waiting = rig.region.flush();
    const late = running.then(() => rig.region.flush());
    await rig.mutate(put('r2', 'f:a', 'two'));
    await expect(Promise.all([running, waiting, late])).resolves.toEqual([true, true, true]);
  });
});
