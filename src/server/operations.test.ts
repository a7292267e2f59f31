import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import type { Epoch, Generation, RegionId, Sequence } from '../base/ids.js';
import { ServerControlService, decodeSortLogResult, encodeOperation } from '../wire/internal.js';
import type { RemoteOperation, SortLogResult } from '../wire/internal.js';
import type { OperationKind } from '../wire/generated/cadastre/internal_pb.js';
import { callProto } from '../wire/proto-service.js';
import { RpcClient } from '../wire/rpc-client.js';
import { RpcServer } from '../wire/rpc-server.js';
import { Operations } from './operations.js';
import type { OperationsOptions } from './operations.js';
import { LinkRig } from './testing/scripted-master.js';
import type { ScriptedMaster } from './testing/scripted-master.js';
import { Gate, openOrder } from './testing/scripted-region.js';

const held = { regionId: 11 as RegionId, generation: 1 as Generation };
const flush: RemoteOperation = { kind: 'flush', ...held };

interface Batch {
  readonly epoch?: number;
  readonly incarnation?: number;
  readonly floor?: number;
  readonly voided?: readonly number[];
}

/** A server that executes, over the network, and what it was asked to do, in order. */
async function setUp() {
  const done: string[] = [];
  const behaviour: { flush: () => Promise<void> } = { flush: () => Promise.resolve() };
  const sorted: SortLogResult = { object: 'data/00/3-1-sorted', bytes: 9, crc32: 1, regions: [] };
  const regions: OperationsOptions['regions'] = {
    open: ({ region }, { procedure, operation }) => {
      done.push(`open ${region.regionId} for ${procedure} by ${operation}`);
      return Promise.resolve();
    },
    close: ({ regionId }) => {
      done.push(`close ${regionId}`);
      return Promise.resolve();
    },
    flush: ({ regionId }) => {
      done.push(`flush ${regionId}`);
      return behaviour.flush();
    },
    compact: ({ regionId }) => {
      done.push(`compact ${regionId}`);
      return Promise.resolve();
    },
  };
  const rig: LinkRig = new LinkRig({
    registration: () => ({ incarnation: 3n, results: operations.unacknowledged() }),
    onRegistered: ({ epoch, acknowledgedFloor }) => {
      operations.registered(Number(epoch) as Epoch, Number(acknowledgedFloor));
    },
  });
  const { world } = rig.server;
  const { link, incarnation } = rig;
  const sortLog = () => Promise.resolve(sorted);
  const operations = new Operations({ incarnation, link, regions, sortLog, log: world.log });
  const services = [operations.service];
  const server = new RpcServer({ ...world, services, clusterId: () => undefined });
  const address = await rig.run(server.listen({ host: 'server', port: 0 }));
  const caller = new RpcClient({
    ...rig.simulation.node('caller').world,
    user: 'master',
    softwareVersion: 'test',
  });
  const { executeOperations } = ServerControlService.method;
  /** Sends operations as [number, operation]; procedure n × 10 asks for number n. */
  const send = (
    list: readonly (readonly [number, RemoteOperation | 'unknown'])[],
    { epoch = 1, incarnation: to = 3, floor = 0, voided = [] }: Batch = {},
  ) =>
    rig.run(
      callProto(
        caller,
        address,
        executeOperations,
        {
          epoch: BigInt(epoch),
          incarnation: BigInt(to),
          acknowledgedFloor: BigInt(floor),
          voided: voided.map(BigInt),
          operations: list.map(([number, operation]) => ({
            number: BigInt(number),
            procedureId: BigInt(number * 10),
            attempt: 1,
            ...(operation === 'unknown'
              ? { kind: 77 as OperationKind, body: Buffer.from('x') }
              : encodeOperation(operation)),
          })),
        },
        { timeoutMs: 1_000 },
      ),
    );
  return { rig, operations, send, done, behaviour };
}

/** Numbers of the results, by call. */
function told({ heard }: ScriptedMaster): readonly (readonly number[])[] {
  return heard.results.map(({ results }) => results.map(({ number }) => Number(number)));
}

describe('remote operations', () => {
  it('are executed by kind, and their results reported', async () => {
    const { rig, send, done } = await setUp();
    const master = await rig.elect(1);
    const position = { segment: 1, offset: 0, sequence: 1 };
    await send([
      [1, openOrder(11, 1)],
      [2, { kind: 'close', ...held, destination: undefined }],
      [3, flush],
      [4, { kind: 'compact', ...held, family: undefined, isMajor: true }],
      [
        5,
        {
          kind: 'sort-log',
          log: '2',
          from: position,
          until: position,
          regions: [{ regionId: 11 as RegionId, skipUpTo: 4 as Sequence }],
        },
      ],
    ]);
    const results = () => master.heard.results.flatMap((call) => call.results);
    await rig.until(() => results().length === 5);
    expect(done).toEqual(['open 11 for 10 by 1', 'close 11', 'flush 11', 'compact 11']);
    const byNumber = new Map(results().map((result) => [Number(result.number), result]));
    expect(byNumber.get(1)).toMatchObject({ procedureId: 10n, outcome: { case: 'result' } });
    const outcome = byNumber.get(5)?.outcome;
    const body = outcome?.case === 'result' ? outcome.value : Buffer.alloc(0);
    expect(decodeSortLogResult(body)).toMatchObject({ object: 'data/00/3-1-sorted', bytes: 9 });
  });

  it('that arrive twice are executed once, across a change of the master too (race P7)', async () => {
    const { rig, send, done, behaviour } = await setUp();
    const first = await rig.elect(1);
    const gate = new Gate();
    behaviour.flush = () => gate.promise;
    await send([[1, flush]]);
    await send([[1, flush]]);
    first.kill();
    const second = await rig.elect(2);
    await send([[1, flush]], { epoch: 2 });
    gate.open();
    await rig.until(() => second.heard.results.length === 1);
    await send([[1, flush]], { epoch: 2 });
    await rig.simulation.runFor(1_000);
    expect(done).toEqual(['flush 11']);
  });

  it('that arrive again after their result was forgotten are refused by the floor (race P19)', async () => {
    const { rig, send, done } = await setUp();
    const master = await rig.elect(1);
    await send([[1, flush]]);
    await rig.until(() => master.heard.results.length === 1);
    await send([[2, flush]], { floor: 1 });
    await send([[1, flush]], { floor: 1 });
    await send([[3, flush]], { floor: 1, voided: [3] });
    await rig.simulation.runFor(1_000);
    expect(done).toEqual(['flush 11', 'flush 11']);
  });

  it('of an old master are refused after those of a new one (race P8)', async () => {
    const { send, done } = await setUp();
    await send([[1, flush]], { epoch: 2 });
    await expect(send([[2, flush]], { epoch: 1 })).rejects.toMatchObject({ code: 'stale-epoch' });
    expect(done).toHaveLength(1);
  });

  it('of an old master are refused after the registration with a new one (race P8)', async () => {
    const { rig, send, done } = await setUp();
    await rig.elect(2);
    await rig.run(rig.link.ready());
    await expect(send([[1, flush]], { epoch: 1 })).rejects.toMatchObject({ code: 'stale-epoch' });
    expect(done).toEqual([]);
  });

  it('of a new master keep the server from registering with an old one (L3)', async () => {
    const { rig, send } = await setUp();
    await send([[1, flush]], { epoch: 2 });
    await rig.elect(1);
    rig.link.ready().catch(() => undefined);
    await rig.simulation.runFor(3_000);
    expect(rig.link.master).toBeUndefined();
  });

  it('for another incarnation are refused whole', async () => {
    const { send, done } = await setUp();
    await expect(send([[1, flush]], { incarnation: 2 })).rejects.toMatchObject({
      code: 'stale-incarnation',
    });
    expect(done).toEqual([]);
  });

  it('that fail, or of an unknown kind, give their error as the result (L10)', async () => {
    const { rig, send, behaviour } = await setUp();
    const master = await rig.elect(1);
    behaviour.flush = () => Promise.reject(new CadastreError('stale-generation', 'refused'));
    await send([
      [1, flush],
      [2, 'unknown'],
    ]);
    const results = () => master.heard.results.flatMap((call) => call.results);
    await rig.until(() => results().length === 2);
    const byNumber = results().sort((a, b) => Number(a.number - b.number));
    expect(byNumber.map(({ outcome }) => outcome)).toMatchObject([
      { case: 'error', value: { code: 'stale-generation', message: 'refused' } },
      { case: 'error', value: { code: 'bad-request' } },
    ]);
  });
});

describe('the results of operations', () => {
  it('are reported until a master has acknowledged them (race P6)', async () => {
    const { rig, operations, send } = await setUp();
    const first = await rig.elect(1);
    first.failNext('reportOperations', new CadastreError('internal', 'a fault'));
    await send([[1, flush]]);
    await rig.until(() => first.heard.results.length === 1);
    await rig.simulation.runFor(5_000);
    expect(told(first)).toEqual([[1]]);
    // As after each heartbeat.
    await rig.run(operations.reportPending());
    await rig.run(operations.reportPending());
    expect(told(first)).toEqual([[1], [1]]);
    expect(operations.unacknowledged()).toEqual([]);
  });

  it('come with the registration when the master changed before it acknowledged them (race P5)', async () => {
    const { rig, operations, send } = await setUp();
    const first = await rig.elect(1);
    first.on = {
      reportOperations: () => {
        first.kill();
        return { acknowledged: [1n] };
      },
    };
    await send([[1, flush]]);
    await rig.until(() => first.heard.results.length === 1);
    const second = await rig.elect(2);
    second.on = { register: () => ({ epoch: 2n, clusterId: 'cluster', acknowledgedFloor: 1n }) };
    await rig.until(() => second.heard.registrations.length === 1);
    expect(second.heard.registrations).toMatchObject([{ results: [{ number: 1n }] }]);
    await rig.until(() => operations.acknowledgedFloor === 1);
    expect(operations.unacknowledged()).toEqual([]);
  });

  it('that the master is not ready for do not hold up the ones behind', async () => {
    const { rig, operations, send, behaviour } = await setUp();
    const master = await rig.elect(1);
    const gate = new Gate();
    master.on = {
      reportOperations: ({ results }) => {
        gate.open();
        const taken = results.map(({ number }) => number).filter((number) => number !== 1n);
        return { acknowledged: taken };
      },
    };
    await send([[1, flush]]);
    behaviour.flush = () => gate.promise;
    // Ends while the report of the first is under way.
    await send([[2, flush]]);
    await rig.until(() => master.heard.results.length === 2);
    expect(told(master)).toEqual([[1], [2]]);
    expect(operations.unacknowledged().map(({ number }) => number)).toEqual([1n]);
    await rig.simulation.runFor(5_000);
    expect(told(master)).toHaveLength(2);
    await rig.run(operations.reportPending());
    expect(told(master)).toEqual([[1], [2], [1]]);
  });

  it('go one call at a time', async () => {
    const { rig, operations, send } = await setUp();
    const master = await rig.elect(1);
    let underWay = 0;
    let most = 0;
    master.on = {
      reportOperations: async ({ results }) => {
        most = Math.max(most, ++underWay);
        await master.node.world.clock.sleep(100);
        underWay--;
        return { acknowledged: results.map(({ number }) => number) };
      },
    };
    await send([[1, flush]]);
    await send([[2, flush]]);
    void operations.reportPending();
    await rig.until(() => master.heard.results.length === 2);
    expect(most).toBe(1);
  });

  it('raise the floor as the master says', async () => {
    const { rig, operations, send } = await setUp();
    const master = await rig.elect(1);
    master.on = { reportOperations: () => ({ acknowledgedFloor: 2n }) };
    await send([
      [1, flush],
      [2, flush],
    ]);
    await rig.until(() => operations.acknowledgedFloor === 2);
    expect(operations.unacknowledged()).toEqual([]);
  });
});
