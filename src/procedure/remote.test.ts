import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import type { Epoch, Incarnation, ProcedureId } from '../base/ids.js';
import { SimClock } from '../world/simulated/clock.js';
import { SimLife } from '../world/simulated/life.js';
import { SimRandom } from '../world/simulated/random.js';
import { SimScheduler } from '../world/simulated/scheduler.js';
import type { RemoteBatch } from './api.js';
import { OperationReceiver } from './operation-receiver.js';
import { RemoteDispatcher, remoteDefaults } from './remote.js';
import type { RemoteEnd } from './remote.js';

const server = 3 as Incarnation;
const silent = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => silent,
};

/** A dispatcher whose calls the test answers. */
function setUp(settings: Partial<typeof remoteDefaults> = {}) {
  const random = new SimRandom(1);
  const scheduler = new SimScheduler(random);
  const clock = new SimClock(new SimLife('master', scheduler));
  const batches: RemoteBatch[] = [];
  const answers: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const ends: { number: number; end: RemoteEnd }[] = [];
  const dispatcher = new RemoteDispatcher({
    clock,
    random,
    log: silent,
    epoch: 5 as Epoch,
    settings: { ...remoteDefaults, ...settings },
    send: (batch) => {
      batches.push(batch);
      return new Promise<void>((resolve, reject) => answers.push({ resolve, reject }));
    },
    onEnd: ({ number }, end) => ends.push({ number, end }),
  });
  const expectNumber = (number: number): void => {
    const procedure = number as ProcedureId;
    const body = new Uint8Array(0);
    dispatcher.expect({ server, number, procedure, parent: undefined, kind: 'open', body });
  };
  const send = (number: number): void => {
    expectNumber(number);
    dispatcher.dispatch(server, number);
  };
  const run = (ms: number) => scheduler.drive(() => false, scheduler.nowMs + ms);
  const numbers = () => batches.map(({ operations }) => operations.map(({ number }) => number));
  return { dispatcher, batches, answers, ends, send, expectNumber, run, numbers };
}

describe('remote dispatcher', () => {
  it('race P19: a restart that hands out numbers in another order keeps the floor below all of them', async () => {
    const { dispatcher, batches, send, expectNumber, run } = setUp();
    for (const number of [7, 5, 9]) expectNumber(number);
    dispatcher.serverJoined(server);
    send(11);
    await run(1_000);
    expect(batches.map(({ floor }) => floor)).toEqual([4]);
    dispatcher.release(server, 5);
    expect(dispatcher.floor(server)).toBe(6);
  });

  it('sends to an idle server at once, and gathers while a call is in flight', async () => {
    const { dispatcher, answers, send, run, numbers } = setUp();
    dispatcher.serverJoined(server);
    send(1);
    send(2);
    send(3);
    await run(1);
    expect(numbers()).toEqual([[1]]);
    answers[0]?.resolve();
    await run(1);
    expect(numbers()).toEqual([[1], [2, 3]]);
  });

  it('does not gather longer than the delay, nor more than the queue', async () => {
    const { dispatcher, send, run, numbers } = setUp({ queueMax: 3 });
    dispatcher.serverJoined(server);
    for (const number of [1, 2, 3]) send(number);
    await run(149);
    expect(numbers()).toEqual([[1]]);
    await run(2);
    expect(numbers()).toEqual([[1], [2, 3]]);
    for (const number of [4, 5, 6, 7]) send(number);
    await run(1);
    expect(numbers()[2]).toEqual([4, 5, 6, 7]);
  });

  it('never has more calls under way than the setting says', async () => {
    const { dispatcher, answers, batches, run } = setUp({ callsMax: 2 });
    for (const id of [1, 2, 3]) {
      const incarnation = id as Incarnation;
      dispatcher.serverJoined(incarnation);
      const body = new Uint8Array(0);
      const procedure = id as ProcedureId;
      const operation = { number: id, procedure, parent: undefined, kind: 'open', body };
      dispatcher.expect({ server: incarnation, ...operation });
      dispatcher.dispatch(incarnation, id);
    }
    await run(1);
    expect(batches).toHaveLength(2);
    answers[0]?.resolve();
    await run(1);
    expect(batches).toHaveLength(3);
  });

  it('race P6: when a server dies all its operations fail at once, sent or not', async () => {
    const { dispatcher, ends, send, run } = setUp();
    dispatcher.serverJoined(server);
    send(1);
    send(2);
    await run(1);
    dispatcher.serverDied(server);
    expect(ends.map(({ number, end }) => [number, end.kind])).toEqual([
      [1, 'server-died'],
      [2, 'server-died'],
    ]);
  });

  it('race P6: an operation for an unknown or dead server fails at once', () => {
    const { ends, send } = setUp();
    send(1);
    expect(ends).toHaveLength(1);
  });

  it('race P6: gives an operation back only if it surely was not executed', async () => {
    const { dispatcher, answers, ends, send, run, numbers } = setUp();
    dispatcher.serverJoined(server);
    send(1);
    await run(1);
    answers[0]?.reject(new CadastreError('connection-lost', 'broke'));
    await run(200);
    expect(numbers()).toEqual([[1], [1]]);
    // It may have been executed the first time: this refusal proves nothing about that.
    answers[1]?.reject(new CadastreError('call-queue-too-big', 'full'));
    await run(1_000);
    expect(ends).toEqual([]);
    send(2);
    answers[2]?.resolve();
    await run(1);
    answers[3]?.reject(new CadastreError('call-queue-too-big', 'full'));
    await run(1);
    expect(ends).toMatchObject([{ number: 2, end: { kind: 'remote-failed', delivered: 'never' } }]);
  });

  it('waits for a server that is starting, but not longer than the setting says', async () => {
    const { dispatcher, answers, ends, send, run } = setUp({ startupWaitMs: 1_000 });
    dispatcher.serverJoined(server);
    send(1);
    await run(1);
    for (let call = 0; call < 20 && ends.length === 0; call++) {
      answers[call]?.reject(new CadastreError('server-not-running', 'starting'));
      await run(100);
    }
    expect(answers.length).toBeGreaterThan(8);
    expect(ends).toMatchObject([{ number: 1, end: { delivered: 'never' } }]);
  });

  it('race P19: one slow operation holds back the floor, and the finished above it are voided', async () => {
    const { dispatcher, answers, batches, send, run } = setUp();
    dispatcher.serverJoined(server);
    send(11);
    send(15);
    await run(1);
    answers[0]?.resolve();
    await run(1);
    answers[1]?.resolve();
    dispatcher.release(server, 15);
    send(20);
    await run(1);
    expect(batches[2]).toMatchObject({ floor: 10, voided: [15] });
    dispatcher.release(server, 11);
    expect(dispatcher.floor(server)).toBe(19);
  });

  it('a number that is handed out but not sent holds the floor back', () => {
    const { dispatcher, expectNumber } = setUp();
    expectNumber(5);
    expectNumber(6);
    dispatcher.release(server, 6);
    expect(dispatcher.floor(server)).toBe(4);
  });
});

describe('operation receiver', () => {
  const operation = (number: number) => ({
    number,
    procedure: 1 as ProcedureId,
    parent: undefined,
    attempt: 1,
    kind: 'open',
    body: new Uint8Array(0),
  });
  const batch = (changes: Partial<RemoteBatch>): RemoteBatch => ({
    epoch: 5 as Epoch,
    server,
    floor: 0,
    voided: [],
    operations: [],
    ...changes,
  });
  const ok = { kind: 'executed', body: Buffer.from('ok') } as const;

  it('race P7: executes a number once, also when the next master sends it again', () => {
    const receiver = new OperationReceiver(server);
    expect(receiver.receive(batch({ operations: [operation(4)] }))).toHaveLength(1);
    expect(receiver.receive(batch({ operations: [operation(4)] }))).toHaveLength(0);
    receiver.finished(4, ok);
    const next = batch({ epoch: 6 as Epoch, operations: [operation(4)] });
    expect(receiver.receive(next)).toHaveLength(0);
    expect(receiver.pending(10)).toMatchObject([{ number: 4, outcome: ok }]);
  });

  it('race P8: refuses an old master whole, and what is meant for another incarnation', () => {
    const receiver = new OperationReceiver(server);
    receiver.sawEpoch(6 as Epoch);
    expect(() => receiver.receive(batch({ operations: [operation(1)] }))).toThrow(
      'epoch 5 is over',
    );
    const other = batch({ epoch: 6 as Epoch, server: 9 as Incarnation });
    expect(() => receiver.receive(other)).toThrow('operations for server 9');
  });

  it('race P19: a duplicate is refused after its result was acknowledged and forgotten', () => {
    const receiver = new OperationReceiver(server);
    receiver.receive(batch({ operations: [operation(4), operation(7)] }));
    receiver.finished(7, ok);
    receiver.receive(batch({ voided: [7] }));
    expect(receiver.pending(10)).toEqual([]);
    expect(receiver.receive(batch({ operations: [operation(7)] }))).toHaveLength(0);
    receiver.acknowledge(8, []);
    expect(receiver.receive(batch({ operations: [operation(7), operation(4)] }))).toHaveLength(0);
    expect(receiver.receive(batch({ operations: [operation(9)] }))).toHaveLength(1);
  });

  it('a result that comes after its number was voided is not kept', () => {
    const receiver = new OperationReceiver(server);
    receiver.receive(batch({ operations: [operation(4)] }));
    receiver.acknowledge(0, [4]);
    receiver.finished(4, ok);
    expect(receiver.pending(10)).toEqual([]);
  });
});
