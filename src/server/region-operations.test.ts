import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import type { Generation, Incarnation, RegionId } from '../base/ids.js';
import type { OpenRegionOptions, Region } from '../region/api.js';
import { TransitionKind } from '../wire/internal.js';
import type { Logger } from '../world/log.js';
import { HostedRegions } from './hosted-regions.js';
import { serverLimits } from './limits.js';
import { RegionOperations } from './region-operations.js';
import { Gate, ScriptedRegion, openOrder } from './testing/scripted-region.js';
import type { TransitionReport, Verdict } from './transition-reports.js';
import { TestClock } from '../region/testing/region-rig.js';

const accepted: Verdict = { kind: 'accepted' };
const order = { procedure: 40, operation: 2 };
const names: Readonly<Record<number, string>> = {
  [TransitionKind.TRANSITION_OPENED]: 'OPENED',
  [TransitionKind.TRANSITION_CLOSED]: 'CLOSED',
  [TransitionKind.TRANSITION_FAILED_OPEN]: 'FAILED_OPEN',
};

function setUp() {
  const regions = new HostedRegions(new TestClock(), () => 'host,1,3');
  const lines: string[] = [];
  const line = (message: string): void => void lines.push(message);
  const log: Logger = { debug: line, info: line, warn: line, error: line, with: () => log };
  /** Reports as `OPENED 11/1`, and what the master says to the next ones. */
  const told: string[] = [];
  const sent: TransitionReport[] = [];
  const verdicts: Promise<Verdict>[] = [];
  const reports = {
    send: (report: TransitionReport): Promise<Verdict> => {
      sent.push(report);
      told.push(`${names[report.kind ?? 0]} ${report.regionId}/${report.generation}`);
      return verdicts.shift() ?? Promise.resolve(accepted);
    },
  };
  /** What openings wait for; then they give the region. */
  const gates: Promise<unknown>[] = [];
  const opened: ScriptedRegion[] = [];
  const open = async (options: OpenRegionOptions): Promise<Region> => {
    const region = new ScriptedRegion(options);
    opened.push(region);
    await gates.shift();
    return region;
  };
  const operations = new RegionOperations({ regions, reports, open, log });
  const close = (regionId: number, generation: number, destination = false): Promise<void> =>
    operations.close(
      {
        kind: 'close',
        regionId: regionId as RegionId,
        generation: generation as Generation,
        destination: destination
          ? { host: 'there', port: 7, incarnation: 8 as Incarnation }
          : undefined,
      },
      order,
    );
  const start = (regionId: number, generation: number): Promise<void> =>
    operations.open(openOrder(regionId, generation), order);
  const kind = (regionId = 11) => regions.get(regionId as RegionId)?.hosting.kind;
  return { regions, operations, told, sent, verdicts, gates, opened, lines, close, start, kind };
}

type Rig = ReturnType<typeof setUp>;

/** The region, opened and serving. */
async function serve({ start, opened }: Rig, generation = 1, id = 11): Promise<ScriptedRegion> {
  await start(id, generation);
  await settle();
  return opened.at(-1) as ScriptedRegion;
}

async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve();
}

const stale = new CadastreError('stale-generation', 'a flush was refused');

describe('opening a region', () => {
  it('is reported with who asked and the open sequence, and serves when that is accepted', async () => {
    const rig = setUp();
    const verdict = new Gate<Verdict>();
    rig.verdicts.push(verdict.promise);
    await rig.start(11, 1);
    expect(rig.kind()).toBe('opened');
    expect(rig.sent).toMatchObject([
      { regionId: 11n, generation: 1n, openSequence: 9n, procedureId: 40n, operationNumber: 2n },
    ]);
    verdict.open(accepted);
    await settle();
    expect(rig.kind()).toBe('serving');
  });

  it('that the master refuses is closed quietly', async () => {
    const rig = setUp();
    rig.verdicts.push(Promise.resolve({ kind: 'refused', reason: 'it is being closed' }));
    await rig.start(11, 1);
    await settle();
    expect(rig.kind()).toBeUndefined();
    expect(rig.opened[0]?.closes).toEqual([{ flush: false }]);
    expect(rig.told).toEqual(['OPENED 11/1']);
  });

  it('that fails is reported with the reason (race A7)', async () => {
    const rig = setUp();
    rig.gates.push(Promise.reject(new CadastreError('object-missing', 'data/1 is gone')));
    await rig.start(11, 1);
    expect(rig.kind()).toBeUndefined();
    expect(rig.sent).toMatchObject([
      {
        kind: TransitionKind.TRANSITION_FAILED_OPEN,
        error: { code: 'object-missing', message: 'data/1 is gone' },
      },
    ]);
  });

  it('that fails while the master is away does not keep others from opening (L9)', async () => {
    const rig = setUp();
    for (let i = 0; i < serverLimits.opensMax; i++) {
      rig.gates.push(Promise.reject(new CadastreError('object-missing', 'gone')));
      rig.verdicts.push(new Promise(() => undefined));
      void rig.start(100 + i, 1);
    }
    await settle();
    await serve(rig);
    expect(rig.kind()).toBe('serving');
  });

  it('again for the same generation has no effect; for an older one it is refused', async () => {
    const rig = setUp();
    await serve(rig, 2);
    await rig.start(11, 2);
    expect(rig.opened).toHaveLength(1);
    await expect(rig.start(11, 1)).rejects.toMatchObject({ code: 'stale-generation' });
    expect(rig.kind()).toBe('serving');
  });

  it('is bounded: so many at once, the others in line (L9)', async () => {
    const rig = setUp();
    const gate = new Gate();
    const all = Array.from({ length: serverLimits.opensMax + 2 }, (_, i) => {
      rig.gates.push(gate.promise);
      return rig.start(100 + i, 1);
    });
    await settle();
    expect(rig.opened).toHaveLength(serverLimits.opensMax);
    gate.open();
    await Promise.all(all);
    expect(rig.opened).toHaveLength(serverLimits.opensMax + 2);
  });

  it('that ends when the region is not wanted any more closes what it opened (race A1)', async () => {
    const rig = setUp();
    const gate = new Gate();
    rig.gates.push(gate.promise);
    const opening = rig.start(11, 1);
    await settle();
    await rig.close(11, 1);
    expect(rig.told).toEqual(['CLOSED 11/1']);
    gate.open();
    await opening;
    expect(rig.opened[0]?.closes).toEqual([{ flush: false }]);
    expect(rig.told).toEqual(['CLOSED 11/1']);
  });

  it('whose report ends with the server is left as it is', async () => {
    const rig = setUp();
    rig.verdicts.push(Promise.reject(new CadastreError('stopped', 'stopping')));
    await rig.start(11, 1);
    await settle();
    expect(rig.kind()).toBe('opened');
  });
});

describe('opening a newer generation', () => {
  it('lets go of an older one that was never acknowledged, without a flush', async () => {
    const rig = setUp();
    rig.verdicts.push(new Promise(() => undefined));
    await rig.start(11, 1);
    await rig.start(11, 2);
    await settle();
    expect(rig.opened.map(({ closes }) => closes)).toEqual([[{ flush: false }], []]);
    expect(rig.told).toEqual(['OPENED 11/1', 'OPENED 11/2']);
    expect(rig.regions.servingNow()).toEqual([{ regionId: 11, generation: 2 }]);
  });

  it('waits for the older opening to end: the host keeps one set of books for a region', async () => {
    const rig = setUp();
    const gate = new Gate();
    rig.gates.push(gate.promise);
    const older = rig.start(11, 1);
    await settle();
    const newer = rig.start(11, 2);
    await settle();
    expect(rig.opened.map(({ generation }) => generation)).toEqual([1]);
    gate.open();
    await Promise.all([older, newer]);
    await settle();
    expect(rig.opened.map(({ generation }) => generation)).toEqual([1, 2]);
    expect(rig.opened[0]?.closes).toEqual([{ flush: false }]);
    expect(rig.told).toEqual(['OPENED 11/2']);
    expect(rig.kind()).toBe('serving');
  });

  it('is not undone by the failure of the older one', async () => {
    const rig = setUp();
    const gate = new Gate();
    rig.gates.push(gate.promise);
    const older = rig.start(11, 1);
    await settle();
    const newer = rig.start(11, 2);
    gate.fail(new CadastreError('object-missing', 'gone'));
    await Promise.all([older, newer]);
    await settle();
    expect(rig.told).toEqual(['OPENED 11/2']);
    expect(rig.kind()).toBe('serving');
  });

  it('waits for a region that the master had closed here to be gone', async () => {
    const rig = setUp();
    const region = await serve(rig);
    const gate = new Gate();
    region.close = () => gate.promise;
    void rig.operations.letGo(11 as RegionId, 1 as Generation);
    const newer = rig.start(11, 2);
    await settle();
    expect(rig.opened).toHaveLength(1);
    gate.open();
    await newer;
    expect(rig.opened).toHaveLength(2);
  });

  it('twice at once ends with the newest', async () => {
    const rig = setUp();
    await serve(rig);
    await Promise.all([rig.start(11, 2), rig.start(11, 3)]);
    await settle();
    expect(rig.regions.servingNow()).toEqual([{ regionId: 11, generation: 3 }]);
    expect(rig.told).toEqual(['OPENED 11/1', 'OPENED 11/3']);
  });
});

describe('closing a region', () => {
  it('reports CLOSED after its last flush is committed', async () => {
    const rig = setUp();
    const region = await serve(rig);
    const gate = new Gate();
    region.flushGate = gate.promise;
    const closing = rig.close(11, 1, true);
    await settle();
    expect(rig.kind()).toBe('closing');
    expect(rig.told).toEqual(['OPENED 11/1']);
    gate.open();
    await closing;
    expect(rig.told).toEqual(['OPENED 11/1', 'CLOSED 11/1']);
    expect(rig.kind()).toBeUndefined();
  });

  it('asked for twice reports neither before the flush is committed', async () => {
    const rig = setUp();
    const region = await serve(rig);
    const gate = new Gate();
    region.flushGate = gate.promise;
    const closings = [rig.close(11, 1), rig.close(11, 1)];
    await settle();
    expect(rig.told).toEqual(['OPENED 11/1']);
    gate.open();
    await Promise.all(closings);
    expect(region.closes).toEqual([{ flush: true }]);
    expect(rig.told).toEqual(['OPENED 11/1', 'CLOSED 11/1', 'CLOSED 11/1']);
  });

  it('that was opened and not acknowledged closes it without a flush', async () => {
    const rig = setUp();
    rig.verdicts.push(new Promise(() => undefined));
    await rig.start(11, 1);
    await rig.close(11, 1);
    expect(rig.opened[0]?.closes).toEqual([{ flush: false }]);
    expect(rig.told).toEqual(['OPENED 11/1', 'CLOSED 11/1']);
  });

  it('that is acknowledged while it closes does not serve', async () => {
    const rig = setUp();
    const verdict = new Gate<Verdict>();
    rig.verdicts.push(verdict.promise);
    await rig.start(11, 1);
    const closing = rig.close(11, 1);
    verdict.open(accepted);
    await closing;
    await settle();
    expect(rig.kind()).toBeUndefined();
    expect(rig.opened[0]?.closes).toEqual([{ flush: false }]);
  });

  it('that is not here is reported: it is true', async () => {
    const rig = setUp();
    await rig.close(11, 4);
    expect(rig.told).toEqual(['CLOSED 11/4']);
  });

  it('of an older generation than the one here is refused', async () => {
    const rig = setUp();
    await serve(rig, 2);
    await expect(rig.close(11, 1)).rejects.toMatchObject({ code: 'stale-generation' });
    expect(rig.kind()).toBe('serving');
  });

  it('of a newer generation than the one here lets go of the old one', async () => {
    const rig = setUp();
    const region = await serve(rig);
    await rig.close(11, 2);
    expect(region.closes).toEqual([{ flush: false }]);
    expect(rig.kind()).toBeUndefined();
    expect(rig.told).toEqual(['OPENED 11/1', 'CLOSED 11/2']);
  });

  it('whose flush is refused is not reported, and nothing of it stays (race W7)', async () => {
    const rig = setUp();
    const region = await serve(rig);
    const gate = new Gate();
    region.flushGate = gate.promise;
    const closing = rig.close(11, 1);
    closing.catch(() => undefined);
    await settle();
    region.fence(stale);
    gate.fail(stale);
    await expect(closing).rejects.toMatchObject({ code: 'stale-generation' });
    expect(region.closes).toEqual([{ flush: true }, { flush: false }]);
    expect(rig.kind()).toBeUndefined();
    expect(rig.told).toEqual(['OPENED 11/1']);
  });

  it('again after a flush that failed never says CLOSED: the edits are in the log alone', async () => {
    const rig = setUp();
    const region = await serve(rig);
    region.flushGate = Promise.reject(stale);
    await expect(rig.close(11, 1)).rejects.toThrow();
    await expect(rig.close(11, 1)).rejects.toMatchObject({ code: 'region-not-serving' });
    expect(rig.told).toEqual(['OPENED 11/1']);
    expect(rig.operations.unflushed).toBe(1);
    // A newer generation was opened after the log was sealed or never: it counts for itself.
    await serve(rig, 2);
    await rig.close(11, 2);
    expect(rig.told).toEqual(['OPENED 11/1', 'OPENED 11/2', 'CLOSED 11/2']);
    expect(rig.operations.unflushed).toBe(0);
  });

  it('of one that was fenced with edits never says CLOSED; of one without any it does', async () => {
    const rig = setUp();
    const region = await serve(rig);
    region.memstoreBytes = 100;
    region.fence(stale);
    const empty = await serve(rig, 1, 12);
    empty.fence(stale);
    await settle();
    await expect(rig.close(11, 1)).rejects.toMatchObject({ code: 'region-not-serving' });
    await rig.close(12, 1);
    expect(rig.told).toEqual(['OPENED 11/1', 'OPENED 12/1', 'CLOSED 12/1']);
  });

  it('is bounded: so many flush at once (L9)', async () => {
    const rig = setUp();
    const gate = new Gate();
    const count = serverLimits.closesMax + 3;
    for (let i = 0; i < count; i++) (await serve(rig, 1, 100 + i)).flushGate = gate.promise;
    const all = rig.opened.map(({ info }) => rig.close(info.regionId, 1));
    await settle();
    const begun = (): number => rig.opened.filter(({ closes }) => closes.length > 0).length;
    expect(begun()).toBe(serverLimits.closesMax);
    // Those in line are closing for their clients all the same.
    expect(rig.regions.servingNow()).toEqual([]);
    gate.open();
    await Promise.all(all);
    expect(begun()).toBe(count);
  });
});

describe('a region that is not this server’s any more', () => {
  it('is closed without a flush and without a word', async () => {
    const rig = setUp();
    const region = await serve(rig);
    await rig.operations.letGo(11 as RegionId, 2 as Generation);
    expect(rig.kind()).toBe('serving');
    await rig.operations.letGo(11 as RegionId, 1 as Generation);
    expect(region.closes).toEqual([{ flush: false }]);
    expect(rig.kind()).toBeUndefined();
    expect(rig.told).toEqual(['OPENED 11/1']);
  });

  it('lets go of it also when its close fails, and rejects nothing', async () => {
    const rig = setUp();
    const region = await serve(rig);
    region.close = () => Promise.reject(new CadastreError('stopped', 'the region stopped'));
    await rig.operations.letGo(11 as RegionId, 1 as Generation);
    expect(rig.kind()).toBeUndefined();
    expect(rig.lines).toContain('a region that was let go of did not close');
  });

  it('closes when it is fenced', async () => {
    const rig = setUp();
    const region = await serve(rig);
    region.fence(stale);
    expect(rig.kind()).toBeUndefined();
    await settle();
    expect(region.closes).toEqual([{ flush: false }]);
  });

  it('and is fenced while it was being opened does not come to serve', async () => {
    const rig = setUp();
    const gate = new Gate();
    rig.gates.push(gate.promise);
    const opening = rig.start(11, 1);
    await settle();
    rig.opened[0]?.fence(stale);
    gate.open();
    await opening;
    expect(rig.kind()).toBeUndefined();
    expect(rig.told).toEqual([]);
  });
});

describe('flush and compact', () => {
  it('are for the generation that serves', async () => {
    const rig = setUp();
    const region = await serve(rig);
    const held = { regionId: 11 as RegionId, generation: 1 as Generation };
    await rig.operations.flush({ kind: 'flush', ...held });
    await rig.operations.compact({ kind: 'compact', ...held, family: 'f', isMajor: true });
    await rig.operations.compact({ kind: 'compact', ...held, family: undefined, isMajor: false });
    expect(region.flushes).toBe(1);
    expect(region.compactions).toEqual([{ major: true, family: 'f' }, { major: false }]);
    const other = { ...held, generation: 2 as Generation };
    await expect(rig.operations.flush({ kind: 'flush', ...other })).rejects.toMatchObject({
      code: 'region-not-serving',
    });
  });
});

describe('a clean stop', () => {
  it('flushes and closes everything, and keeps it in the list that heartbeats tell', async () => {
    const rig = setUp();
    const region = await serve(rig);
    rig.verdicts.push(new Promise(() => undefined));
    await rig.start(12, 1);
    await rig.operations.drain();
    expect(region.closes).toEqual([{ flush: true }]);
    expect(rig.opened[1]?.closes).toEqual([{ flush: false }]);
    expect(rig.regions.size).toBe(2);
    expect(rig.regions.servingNow()).toEqual([]);
    expect(() => rig.regions.serving(region.info.regionId.toString())).toThrow();
    expect(rig.told).toEqual(['OPENED 11/1', 'OPENED 12/1']);
    expect(rig.operations.unflushed).toBe(0);
  });

  it('waits for a close that is under way', async () => {
    const rig = setUp();
    const region = await serve(rig);
    const gate = new Gate();
    region.flushGate = gate.promise;
    const closing = rig.close(11, 1);
    let isDrained = false;
    const draining = rig.operations.drain().then(() => {
      isDrained = true;
    });
    await settle();
    expect(isDrained).toBe(false);
    gate.open();
    await Promise.all([closing, draining]);
    expect(rig.told).toEqual(['OPENED 11/1', 'CLOSED 11/1']);
  });

  it('still answers the order to close a region with CLOSED, once that is flushed', async () => {
    const rig = setUp();
    await serve(rig);
    await rig.operations.drain();
    await rig.close(11, 1);
    expect(rig.told).toEqual(['OPENED 11/1', 'CLOSED 11/1']);
  });

  it('opens nothing any more, and says so', async () => {
    const rig = setUp();
    await rig.operations.drain();
    await expect(rig.start(11, 1)).rejects.toMatchObject({ code: 'server-stopped' });
    expect(rig.regions.size).toBe(0);
  });

  it('says what it could not flush', async () => {
    const rig = setUp();
    const region = await serve(rig);
    await serve(rig, 1, 12);
    region.flushGate = Promise.reject(new CadastreError('stopped', 'the region stopped'));
    await rig.operations.drain();
    expect(rig.operations.unflushed).toBe(1);
    expect(rig.lines).toContain('a region was not flushed; its edits stay in the log');
  });
});
