import { describe, expect, it } from 'vitest';
import { Settings } from '../base/settings.js';
import { familyDescriptor } from '../base/table.js';
import { RegionRig } from '../region/testing/region-rig.js';
import { get, increment, put, scan } from '../region/testing/requests.js';
import type { SpaceLevel } from '../storage/space.js';
import type { CellCodec } from '../wire/headers.js';
import {
  multiRequestCells,
  writeGetRequest,
  writeMultiRequest,
  writeMutateRequest,
  writeScanRequest,
} from '../wire/request-encoder.js';
import {
  decodeGetResponse,
  decodeMultiResponse,
  decodeMutateResponse,
  decodeScanResponse,
} from '../wire/response-decoder.js';
import type { MessageEncoder } from '../wire/rpc-call.js';
import { RpcClient } from '../wire/rpc-client.js';
import { RpcServer } from '../wire/rpc-server.js';
import type { Cell } from '../base/cell.js';
import { Simulation } from '../world/simulated/simulation.js';
import { clientService } from './client-service.js';
import { HostedRegions } from './hosted-regions.js';
import { Scanners } from './scanners.js';

const noScan = {
  open: undefined,
  scannerId: undefined,
  rowsMax: 100,
  isClosing: false,
  nextCall: undefined,
  rowsLimit: 0,
  isRenewing: false,
  handlesPartials: true,
  handlesHeartbeats: true,
  tracksMetrics: false,
  wantsCursor: false,
};

/** A region served over the network; its own clock stands still. */
async function setUp(codec: CellCodec = 'key-value') {
  const simulation = new Simulation(1);
  const { world } = simulation.node('server');
  const rig = new RegionRig({
    families: [familyDescriptor('f')],
    settings: { 'hbase.client.keyvalue.maxsize': '1024' },
    endKey: 'z',
  });
  const region = await rig.open();
  const regions = new HostedRegions(world.clock, () => 'server,1,3');
  const hosted = regions.add(rig.info, region.generation);
  regions.opened(hosted, region);
  regions.serve(hosted);
  const settings = Settings.parse({});
  const scanners = new Scanners(world.clock, world.random, settings);
  const space: { level: SpaceLevel } = { level: 'ok' };
  const seal = { isUnsealed: true };
  const server = new RpcServer({
    ...world,
    services: [clientService({ regions, scanners, clock: world.clock, settings, space })],
    clusterId: () => undefined,
    mayReply: () => seal.isUnsealed,
  });
  const address = await simulation.run(server.listen({ host: 'server', port: 0 }));
  const client = new RpcClient({
    ...simulation.node('client').world,
    user: 'tester',
    softwareVersion: 'test',
    codec,
  });
  const specifier = { kind: 'name', value: Buffer.from(hosted.name, 'latin1') } as const;
  const call = async <T, R>(
    method: string,
    encode: MessageEncoder<T>,
    value: T,
    decode: (reply: Awaited<ReturnType<RpcClient['call']>>) => R,
    cells?: readonly Cell[],
  ): Promise<R> => {
    const request = { method, encode, value, timeoutMs: 5_000, ...(cells ? { cells } : {}) };
    return decode(await simulation.run(client.call(address, 'ClientService', request)));
  };
  return {
    simulation,
    rig,
    regions,
    hosted,
    scanners,
    space,
    seal,
    server,
    call,
    region: specifier,
    get: (wanted: ReturnType<typeof get>, of = specifier) =>
      call('Get', writeGetRequest, { region: of, get: wanted }, decodeGetResponse),
    mutate: (mutation: ReturnType<typeof put | typeof increment>) =>
      call(
        'Mutate',
        writeMutateRequest,
        { region: specifier, mutation, condition: undefined },
        decodeMutateResponse,
      ),
    multi: (mutation: ReturnType<typeof put>) => {
      const actions = [{ kind: 'mutation', index: 0, mutation } as const];
      const action = { region: specifier, isAtomic: false, condition: undefined, actions };
      const request = { regions: [action], hasRequestCondition: false };
      const cells = codec === 'none' ? undefined : multiRequestCells(request);
      return call('Multi', writeMultiRequest, request, decodeMultiResponse, cells);
    },
    scan: (changes: Partial<Parameters<typeof writeScanRequest>[1]>) =>
      call('Scan', writeScanRequest, { ...noScan, ...changes }, decodeScanResponse),
  };
}

function values(cells: readonly Cell[]): readonly string[] {
  return cells.map(({ value }) => value.toString());
}

describe.each(['key-value', 'key-value-with-tags', 'none'] as const)(
  'ClientService on a connection with cells in "%s"',
  (codec) => {
    it('puts, gets, tells existence, counts and scans', async () => {
      const { mutate, multi, get: ask, scan: page, region, scanners } = await setUp(codec);
      expect(await mutate(put('a', 'f:q', 'one'))).toEqual({ processed: true });
      expect(await multi(put('b', 'f:q', 'two'))).toMatchObject({
        regions: [{ kind: 'outcomes', outcomes: [{ kind: 'done', index: 0 }] }],
      });
      expect(values((await ask(get('a'))).cells)).toEqual(['one']);
      expect((await ask(get('c'))).cells).toEqual([]);
      expect(await ask(get('a', { existenceOnly: true }))).toMatchObject({ exists: true });
      expect(await ask(get('c', { existenceOnly: true }))).toMatchObject({ exists: false });
      const counted = await mutate(increment('n', 'f:n', 5));
      expect(counted.result?.cells.map(({ value }) => Number(value.readBigInt64BE()))).toEqual([5]);
      const open = { region, scan: scan({ stopRow: Buffer.from('c') }), sizeMax: 0 };
      const first = await page({ open, rowsMax: 1 });
      expect(values(first.cells)).toEqual(['one']);
      expect(first).toMatchObject({ moreResults: true, moreResultsInRegion: true });
      const { scannerId } = first;
      const second = await page({ scannerId, nextCall: 0 });
      expect(values(second.cells)).toEqual(['two']);
      expect(second.moreResultsInRegion).toBe(false);
      expect(scanners.size).toBe(0);
      expect(await page({ scannerId, rowsMax: 0, isClosing: true })).toMatchObject({
        moreResults: true,
      });
    });
  },
);

describe('ClientService', () => {
  it.each([
    [
      'a family that is not there',
      get('a', { families: [{ family: Buffer.from('no'), qualifiers: [] }] }),
      'family-not-found',
    ],
    ['a row outside of the region', get('zz'), 'wrong-region'],
  ])('answers a get of %s with its error', async (_what, wanted, code) => {
    const { get: ask, server } = await setUp();
    await expect(ask(wanted)).rejects.toMatchObject({ code });
    expect(server.figures.callsUnderWay).toBe(0);
  });

  it.each([
    ['a family that is not there', put('a', 'no:q', 'v'), 'family-not-found'],
    ['a row outside of the region', put('zz', 'f:q', 'v'), 'row-outside-region'],
    ['a cell that is too large', put('a', 'f:q', 'v'.repeat(2_000)), 'cell-too-large'],
  ])('answers a put of %s with its error', async (_what, mutation, code) => {
    const { mutate, server } = await setUp();
    await expect(mutate(mutation)).rejects.toMatchObject({ code });
    expect(server.figures.callsUnderWay).toBe(0);
  });

  it('says of a region that is not here, or closing, that it must be looked up', async () => {
    const { get: ask, regions, hosted } = await setUp();
    const other = { kind: 'name', value: Buffer.from('t,q,9.x.') } as const;
    await expect(ask(get('a'), other)).rejects.toMatchObject({ code: 'region-not-serving' });
    regions.closing(hosted, undefined);
    await expect(ask(get('a'))).rejects.toMatchObject({ code: 'region-not-serving' });
  });

  it('refuses writes on a nearly full disk, and goes on reading (race W10)', async () => {
    const { mutate, multi, get: ask, space } = await setUp();
    await mutate(put('a', 'f:q', 'one'));
    space.level = 'refuse-snapshots';
    await mutate(put('a', 'f:q', 'two'));
    for (const level of ['refuse-writes', 'refuse-compactions'] as const) {
      space.level = level;
      await expect(mutate(put('b', 'f:q', 'x'))).rejects.toMatchObject({ code: 'disk-full' });
      await expect(multi(put('b', 'f:q', 'x'))).rejects.toMatchObject({ code: 'disk-full' });
      expect(values((await ask(get('a'))).cells)).toEqual(['two']);
    }
    space.level = 'ok';
    await mutate(put('b', 'f:q', 'x'));
  });

  it('answers a write when it is durable, and no sooner (L4)', async () => {
    const { simulation, rig, mutate, server } = await setUp();
    rig.log.isHeld = true;
    const acknowledged = mutate(put('a', 'f:q', 'one'));
    simulation.node('server').clock.timer(100, () => {
      expect(server.figures.callsUnderWay).toBe(1);
      rig.log.settle();
    });
    expect(await acknowledged).toEqual({ processed: true });
    expect(simulation.nowMs).toBeGreaterThan(100);
  });

  it('lets no answer out once the log is sealed (races A4, W3)', async () => {
    const { get: ask, mutate, seal } = await setUp();
    await mutate(put('a', 'f:q', 'one'));
    seal.isUnsealed = false;
    await expect(ask(get('a'))).rejects.toMatchObject({ code: 'connection-lost' });
    await expect(mutate(put('a', 'f:q', 'two'))).rejects.toMatchObject({ code: 'connection-lost' });
  });

  it('refuses coprocessors and bulk loads by name, and garbage', async () => {
    const { call } = await setUp();
    const ask = (method: string, bytes = '') =>
      call(
        method,
        (writer, value: Buffer) => writer.bytes(value),
        Buffer.from(bytes),
        () => 1,
      );
    for (const method of ['ExecService', 'ExecRegionServerService', 'BulkLoadHFile']) {
      await expect(ask(method)).rejects.toMatchObject({ code: 'not-supported' });
    }
    for (const method of ['Get', 'Mutate', 'Multi', 'Scan']) {
      await expect(ask(method, '\u00ff\u00ff')).rejects.toMatchObject({ code: 'bad-request' });
    }
    await expect(ask('Replay')).rejects.toMatchObject({ code: 'unknown-method' });
  });
});
