import { describe, expect, it } from 'vitest';
import type { Epoch, Incarnation, ProcedureId } from '../base/ids.js';
import { Auditor } from './auditor.js';
import { Core } from './core.js';
import { lockRegion, lockTable } from './lock-request.js';
import { child, children, done, failed, step, wait } from './next.js';
import type { Next } from './next.js';
import { Procedure } from './procedure.js';
import { CadastreError } from '../base/errors.js';
import type { ProcedureRecord, StoredWait } from './record.js';
import { RemoteDispatcher, remoteDefaults } from './remote.js';
import { EngineWorld } from './testing/engine-world.js';
import { Count, define, FanOut, Ladder, Open, plain, sampleTypes } from './testing/sample-types.js';
import { WaitForKey } from './testing/sample-types.js';
import type { WakeReason } from './views.js';

const common = {
  version: 1,
  onRestore: 'resume',
  priority: 'table',
  state: plain<{ text: string }>(),
  initial: () => ({ text: '' }),
  locks: () => [],
  group: () => '',
} as const;

/** Does what the test says. */
function misbehaving(
  commit: () => Next<'first' | 'last' | 'end', { text: string }>,
  before?: () => Promise<unknown>,
) {
  return define({
    ...common,
    type: 'Misbehaving',
    input: plain<Record<string, never>>(),
    first: 'first',
    steps: {
      first: { ...(before && { before }), commit, undo: 'none' },
      last: { commit: () => step('end'), undo: 'point-of-no-return' },
    },
    finalSteps: { end: { commit: () => failed(new CadastreError('bad-request', 'no')) } },
  });
}

async function run(type: ReturnType<typeof misbehaving>, ms = 1_000) {
  const world = new EngineWorld([...sampleTypes, type]);
  await world.boot();
  const { value: id } = world.engine.submit(type, {});
  const other = world.engine.submit(Count, { key: 'other' }).value;
  await world.run(ms);
  expect(world.engine.result(other)?.kind).toBe('succeeded');
  return { world, id };
}

describe('containment (L10)', () => {
  it('a step that throws what is no error of ours is retried and shown', async () => {
    const { world, id } = await run(
      misbehaving(() => {
        throw new TypeError('oops');
      }),
    );
    expect(world.engine.show(id)).toMatchObject({
      reason: 'back-off',
      error: { code: 'internal', message: 'oops' },
    });
  });

  it.each([
    ['nothing', undefined],
    ['a number', 7],
    ['an unknown kind', { kind: 'jump' }],
    ['a step that is not there', { kind: 'step', step: 'nowhere' }],
    ['a final step before the point of no return', { kind: 'step', step: 'end' }],
    ['a wait for nothing', { kind: 'wait', on: {}, step: 'first' }],
  ])('a step that returns nonsense (%s) leaves no trace and is shown', async (_what, value) => {
    const { world, id } = await run(misbehaving(() => value as Next<'first', never>));
    const view = world.engine.show(id);
    expect(view).toMatchObject({ reason: 'back-off', step: 'first', error: { code: 'internal' } });
    expect(view.error?.message).toContain('Misbehaving');
  });

  it('a failure past the point of no return is retried, not obeyed', async () => {
    const { world, id } = await run(misbehaving(() => step('last')));
    expect(world.engine.show(id)).toMatchObject({
      reason: 'back-off',
      step: 'end',
      isPastPointOfNoReturn: true,
    });
    const refusal = world.engine.cancel(id).value;
    expect(refusal.kind === 'refused' && refusal.reason).toContain('point of no return');
  });

  it('a step whose async part never settles is overdue and holds up nobody', async () => {
    const { world, id } = await run(
      misbehaving(
        () => done(),
        () => new Promise(() => {}),
      ),
      70_000,
    );
    expect(world.engine.show(id)).toMatchObject({ reason: 'running', isOverdue: true });
    expect(world.story(id)).toContain('step is overdue');
  });

  it('async parts that never settle hold up neither other priorities nor steps without one', async () => {
    const Hung = define({
      ...common,
      type: 'Hung',
      input: plain<{ n: number }>(),
      first: 'hang',
      steps: {
        hang: {
          before: (run) =>
            new Promise<void>((resolve) => {
              run.signal.addEventListener('abort', () => resolve());
            }),
          commit: () => done(),
          undo: 'none',
        },
      },
    });
    const world = new EngineWorld([...sampleTypes, Hung]);
    await world.boot();
    const hung = Array.from({ length: 70 }, (_, n) => world.engine.submit(Hung, { n }).value);
    await world.run(100);
    const reasons = () =>
      hung.map(
        (id) =>
          world.engine.list({ after: (id - 1) as ProcedureId, limit: 1 }).procedures[0]?.reason,
      );
    expect(reasons().filter((reason) => reason === 'running')).toHaveLength(64);
    expect(reasons().filter((reason) => reason === 'place')).toHaveLength(6);
    const count = world.engine.submit(Count, { key: 'a' }).value;
    await world.settle(world.engine.ended(count), 100);
    await world.run(15_000);
    expect(world.engine.faults()).toEqual([]);
    // One that gives up makes room for the next.
    world.engine.cancel(hung[0] as ProcedureId);
    world.engine.cancel(hung[69] as ProcedureId);
    await world.run(100);
    expect(reasons().filter((reason) => reason === 'running')).toHaveLength(64);
    expect(reasons().filter((reason) => reason === 'place')).toHaveLength(4);
  });

  it('a state larger than a record may be fails the procedure', async () => {
    const text = 'x'.repeat(2 * 1024 * 1024);
    const { world, id } = await run(misbehaving(() => step('first', { text })));
    expect(world.engine.result(id)).toMatchObject({
      kind: 'failed',
      error: { code: 'request-too-big' },
    });
  });

  it('more than a thousand children in one record are refused', async () => {
    const specs = Array.from({ length: 1_001 }, () => child(Count, { key: 'k' }));
    const { world, id } = await run(misbehaving(() => children(specs, 'last')));
    expect(world.engine.show(id).error?.message).toContain('1001 children');
  });

  it('a child that asks for locks out of order is refused, naming both', async () => {
    const LocksRegion = define({
      ...common,
      type: 'LocksRegion',
      input: plain<{ region: number }>(),
      locks: ({ region }) => [lockRegion(region)],
      first: 'spawn',
      steps: {
        spawn: {
          commit: () => children([child(Ladder, { table: 't' })], 'end'),
          undo: 'none',
        },
        end: { commit: () => done(), undo: 'none' },
      },
    });
    const world = new EngineWorld([...sampleTypes, LocksRegion]);
    await world.boot();
    const { value: id } = world.engine.submit(LocksRegion, { region: 1 });
    await world.run(1_000);
    const text = world.engine.show(id).error?.message ?? '';
    expect(text).toContain('shared namespace default');
    expect(text).toContain('exclusive region');
  });

  it('a transaction that fails creates nothing', async () => {
    const world = new EngineWorld(sampleTypes);
    await world.boot();
    const attempt = () =>
      world.engine.transact((tx, procedures) => {
        tx.put('a', '1');
        procedures.submit(Count, { key: 'b' }, { nonce: 'n' });
        throw new Error('no');
      });
    expect(attempt).toThrow('no');
    const ids = world.engine.transact((tx, procedures) => {
      tx.put('a', '2');
      return procedures.submit(Count, { key: 'b' }, { nonce: 'n' });
    });
    await world.settle(world.engine.ended(ids.value));
    expect([...world.disk.values]).toEqual([
      ['a', '2'],
      ['b', '1'],
    ]);
  });
});

describe('quarantine (race P9)', () => {
  const Vanished = define({
    ...common,
    type: 'Vanished',
    input: plain<{ name: string }>(),
    locks: () => [lockTable({ namespace: 'default', qualifier: 't' }, 'exclusive')],
    first: 'hold',
    steps: { hold: { commit: () => wait({ event: 'never' }, 'hold'), undo: 'none' } },
  });

  it('what cannot be decoded or is of an unknown type is listed, keeps its locks, can be bypassed; all others resume', async () => {
    const world = new EngineWorld([...sampleTypes, Vanished]);
    await world.boot();
    const waiting = world.engine.submit(WaitForKey, { key: 'x' }).value;
    const vanished = world.engine.submit(Vanished, { name: 'v' }).value;
    await world.run(50);
    world.kill();
    const garbage = (world.disk.lastId + 1) as ProcedureId;
    world.disk.lastId = garbage;
    world.disk.rows.set(garbage, Buffer.from([0, 1, 255, 255, 255]));
    const after = new EngineWorld(sampleTypes, { disk: world.disk });
    const report = await after.boot();
    expect(report).toEqual({ unfinished: 1, ended: 0, quarantined: 2 });
    const listed = after.engine.list({ phases: ['quarantined'] }).procedures;
    expect(listed.map(({ id }) => id)).toEqual([vanished, garbage]);
    const behind = after.engine.submit(Ladder, { table: 't' }).value;
    await after.run(60_000);
    expect(after.engine.show(behind).reason).toBe('lock');
    expect(after.engine.explain(behind).chain.map(({ id }) => id)).toEqual([behind, vanished]);
    expect(after.engine.cancel(vanished).value.kind).toBe('refused');
    expect(after.engine.retryNow(vanished).kind).toBe('refused');
    expect(after.engine.show(vanished).reason).toBe('quarantined');
    expect(after.engine.bypass(vanished).value.kind).toBe('done');
    expect(after.engine.bypass(garbage).value.kind).toBe('done');
    expect((await after.settle(after.engine.ended(behind))).kind).toBe('succeeded');
    after.store.transact((tx) => tx.put('x', '1'));
    after.engine.signal('key-x');
    expect((await after.settle(after.engine.ended(waiting))).kind).toBe('succeeded');
    expect(after.engine.faults()).toEqual([]);
  });
});

describe('a restored system', () => {
  it('resumes, aborts or drops each procedure as its type says', async () => {
    const world = new EngineWorld(sampleTypes);
    await world.boot({ servers: [7] });
    const resumed = world.engine.submit(WaitForKey, { key: 'x' }).value;
    const aborted = world.engine.submit(FanOut, { prefix: 'k', count: 2, window: 1 }).value;
    const dropped = world.engine.submit(Open, { region: 1, server: 7 }).value;
    world.engine.pause(aborted);
    await world.run(50);
    world.kill();
    await world.settle(world.engine.load({ afterRestore: true }));
    world.engine.start();
    world.engine.resume(aborted);
    await world.run(50);
    expect(world.engine.show(resumed).reason).toBe('event');
    expect(world.engine.result(aborted)).toMatchObject({
      kind: 'failed',
      error: { code: 'procedure-cancelled' },
    });
    expect(() => world.engine.result(dropped)).toThrow('nothing is known');
    expect((await world.engine.locks()).locks).toEqual([]);
  });
});

const row: ProcedureRecord = {
  type: 'Count',
  version: 1,
  parent: undefined,
  owner: '',
  nonce: '',
  phase: 'forward',
  step: 'count',
  input: Buffer.from('{}'),
  state: new Uint8Array(0),
  executed: [],
  status: { kind: 'ready', reply: undefined },
  locks: [],
  holdsLocks: false,
  isPastPointOfNoReturn: false,
  error: undefined,
  errorOrigin: '',
  result: new Uint8Array(0),
  isPaused: false,
  isCancelRequested: false,
  priority: 'table',
  submittedAt: 1,
  stepSince: 1,
  endedAt: 0,
  history: [],
  childrenStarted: 0,
  childrenFailed: 0,
};

describe('the auditor (L7, R-P12)', () => {
  /** What it finds after one round over a procedure that a defect left like this. */
  async function found(plant: (procedure: Procedure, core: Core) => void, record = row) {
    const world = new EngineWorld(sampleTypes);
    const options = {
      context: undefined,
      types: sampleTypes,
      clock: world.clock,
      random: world.random,
      log: world.logger,
      epoch: 1 as Epoch,
      send: () => Promise.resolve(),
      remote: remoteDefaults,
    };
    const core = new Core(options);
    const remote = new RemoteDispatcher({ ...options, settings: remoteDefaults, onEnd: () => {} });
    const id = 1 as ProcedureId;
    const procedure = new Procedure(id, record, Count, { key: 'k' }, undefined, world.logger);
    core.procedures.set(id, procedure);
    plant(procedure, core);
    const auditor = new Auditor(core, remote);
    auditor.start();
    await world.run(11_000);
    auditor.stop();
    return auditor.faults;
  }

  const waiting = (on: StoredWait): ProcedureRecord => ({ ...row, status: { kind: 'wait', on } });

  it('finds nothing wrong with a procedure that is queued', async () => {
    expect(await found((procedure, core) => core.enqueue(procedure))).toEqual([]);
  });

  it.each<[WakeReason, string]>([
    ['runnable', 'is not queued'],
    ['lock', 'stands in no queue'],
    ['place', 'is not among those that wait for a place'],
    ['back-off', 'has no timer'],
    ['timer', 'has no timer'],
    ['paused', 'is not among the paused'],
    ['children', 'waits for no children'],
    ['event', 'waits for no event'],
    ['report', 'its wait is over'],
    ['remote', 'has no operation'],
    ['storing', 'no record of it is under way'],
    ['quarantined', 'is sound'],
  ])('finds one that says %s and %s', async (reason, missing) => {
    const faults = await found((procedure, core) => core.setReason(procedure, reason));
    expect(faults).toEqual([`L7: Count k (pid=1) is '${reason}' but ${missing}`]);
  });

  it('finds an event, an operation, a child or a pause that is gone', async () => {
    const says = (reason: WakeReason) => (procedure: Procedure, core: Core) =>
      core.setReason(procedure, reason);
    const remote = { server: 1 as Incarnation, number: 5, kind: 'open', body: new Uint8Array(0) };
    const withChildren: ProcedureRecord = {
      ...row,
      status: { kind: 'children', atMost: 0, failedBefore: undefined },
    };
    const all = [
      await found(says('event'), waiting({ event: 'e' })),
      await found(says('remote'), waiting({ remote })),
      await found(says('children'), withChildren),
      await found((procedure, core) => {
        core.paused.add(procedure);
        core.setReason(procedure, 'paused');
      }),
    ];
    expect(all.map((faults) => faults.join().split(' but ')[1])).toEqual([
      'is not listed for its event',
      'its operation is not outstanding',
      'its children have ended',
      'nothing pauses it',
    ]);
  });
});
