import { describe, expect, it } from 'vitest';
import { CadastreError } from '../base/errors.js';
import type { Condition, Get, Mutation } from '../base/operations.js';
import { familyDescriptor, regionName } from '../base/table.js';
import { RegionRig, show } from '../region/testing/region-rig.js';
import { get, increment, put } from '../region/testing/requests.js';
import type {
  Action,
  ActionOutcome,
  MultiResponse,
  RegionAction,
  RegionActionResult,
} from '../wire/client-messages.js';
import { HostedRegions } from './hosted-regions.js';
import { runMulti } from './multi.js';

async function setUp() {
  const rig = new RegionRig({ families: [familyDescriptor('f')] });
  const region = await rig.open();
  const regions = new HostedRegions(rig.clock, () => 'host,1,3');
  const hosted = regions.add(rig.info, region.generation);
  regions.opened(hosted, region);
  const answers: MultiResponse[] = [];
  const run = (...actions: readonly RegionAction[]): void => {
    const request = { regions: actions, hasRequestCondition: false };
    runMulti(regions, request, (response) => answers.push(response));
  };
  const serve = (): void => regions.serve(hosted);
  return { rig, regions, hosted, answers, run, serve };
}

type Given = Mutation | Get | CadastreError;

function action(given: Given, index: number): Action {
  if (given instanceof CadastreError) return { kind: 'refused', index, error: given };
  return 'kind' in given
    ? { kind: 'mutation', index, mutation: given }
    : { kind: 'get', index, get: given };
}

const here = regionName({
  table: { namespace: 'default', qualifier: 't' },
  regionId: 11 as never,
  startKey: Buffer.alloc(0),
});

function each(...given: readonly Given[]): RegionAction {
  const region = { kind: 'name', value: here } as const;
  return { region, isAtomic: false, condition: undefined, actions: given.map(action) };
}

function atomic(condition: Condition | undefined, ...given: readonly Given[]): RegionAction {
  return { ...each(...given), isAtomic: true, condition };
}

const elsewhere: RegionAction = {
  ...each(get('a')),
  region: { kind: 'name', value: Buffer.from('t,zzz,12.x.') },
};

/** Outcomes by index, as texts. */
function shown(result: RegionActionResult | undefined): Readonly<Record<number, string>> | string {
  if (result === undefined || result.kind === 'error') return result?.error.code ?? 'none';
  return Object.fromEntries(result.outcomes.map((outcome) => [outcome.index, text(outcome)]));
}

function text(outcome: ActionOutcome): string {
  if (outcome.kind === 'error') return outcome.error.code;
  const { result } = outcome;
  if (result === undefined || result === 'empty') return result ?? 'nothing';
  if (result.exists !== undefined) return `exists ${result.exists}`;
  return result.cells.map((cell) => show(cell).replace(/\/\d+\/4=/, '=')).join(' ');
}

const isAbsent: Condition = {
  kind: 'value',
  row: Buffer.from('a'),
  family: Buffer.from('f'),
  qualifier: Buffer.from('q'),
  operator: 'equal',
  comparator: {
    name: 'org.apache.hadoop.hbase.filter.BinaryComparator',
    body: Buffer.from([0x0a, 0x02, 0x0a, 0x00]),
  },
  timeRange: undefined,
};

describe('a batch', () => {
  it('answers each of its region actions, in the order of the request', async () => {
    const { run, serve, answers } = await setUp();
    serve();
    run(each(put('a', 'f:q', '1')), elsewhere, each(put('b', 'f:q', '2')));
    expect(answers).toHaveLength(1);
    expect(answers[0]?.regions.map(shown)).toEqual([
      { 0: 'empty' },
      'region-not-serving',
      { 0: 'empty' },
    ]);
  });

  it('of nothing is answered by nothing', async () => {
    const { run, answers } = await setUp();
    run();
    expect(answers).toEqual([{ regions: [] }]);
  });

  it('with a region action of nothing is answered', async () => {
    const { run, serve, answers } = await setUp();
    serve();
    run(each(), each(put('a', 'f:q', '1')));
    expect(answers[0]?.regions.map(shown)).toEqual([{}, { 0: 'empty' }]);
  });

  it('lets what fails fail alone', async () => {
    const { run, serve, answers } = await setUp();
    serve();
    run(
      each(
        put('a', 'f:q', '1'),
        put('b', 'nope:q', '2'),
        get('a'),
        get('a', { families: [{ family: Buffer.from('nope'), qualifiers: [] }] }),
        increment('c', 'f:n', 3),
        new CadastreError('not-supported', 'no such filter'),
        get('a', { existenceOnly: true }),
      ),
    );
    // Its gets see none of its mutations (3.11 of the wire trace).
    expect(answers[0]?.regions.map(shown)).toEqual([
      {
        0: 'empty',
        1: 'family-not-found',
        2: '',
        3: 'family-not-found',
        4: `c/f:n=\0\0\0\0\0\0\0\u0003`,
        5: 'not-supported',
        6: 'exists false',
      },
    ]);
    run(each(get('a'), get('a', { existenceOnly: true })));
    expect(answers[1]?.regions.map(shown)).toEqual([{ 0: 'a/f:q=1', 1: 'exists true' }]);
  });

  it('keeps the client’s own indexes', async () => {
    const { run, serve, answers } = await setUp();
    serve();
    const { actions, ...rest } = each(put('a', 'f:q', '1'), get('a'));
    run({ ...rest, actions: actions.map((one) => ({ ...one, index: one.index * 10 + 4 })) });
    expect(answers[0]?.regions.map(shown)).toEqual([{ 4: 'empty', 14: '' }]);
  });

  it('goes out when its last write is durable, and not before (L4)', async () => {
    const { rig, run, serve, answers } = await setUp();
    serve();
    rig.log.isHeld = true;
    run(each(put('a', 'f:q', '1'), get('a')), each(get('b')));
    expect(answers).toEqual([]);
    rig.log.settle();
    expect(answers).toHaveLength(1);
  });

  it('waits for a region that is opened and not acknowledged', async () => {
    const { run, serve, answers } = await setUp();
    run(each(put('a', 'f:q', '1')), elsewhere);
    expect(answers).toEqual([]);
    serve();
    expect(answers[0]?.regions.map(shown)).toEqual([{ 0: 'empty' }, 'region-not-serving']);
  });

  it('reads blocks of files', async () => {
    const { rig, run, serve, answers } = await setUp();
    serve();
    await rig.mutate(put('a', 'f:q', '1'));
    await rig.region.flush();
    run(each(get('a'), put('b', 'f:q', '2')));
    for (let i = 0; i < 200 && answers.length === 0; i++) await Promise.resolve();
    expect(answers[0]?.regions.map(shown)).toEqual([{ 0: 'a/f:q=1', 1: 'empty' }]);
  });

  it('of a region that closes meanwhile says so for each action', async () => {
    const { rig, run, serve, answers } = await setUp();
    serve();
    await rig.region.close({ flush: false });
    run(each(put('a', 'f:q', '1'), get('a')), atomic(undefined, put('a', 'f:q', '1')));
    expect(answers[0]?.regions.map(shown)).toEqual([
      { 0: 'region-not-serving', 1: 'region-not-serving' },
      'region-not-serving',
    ]);
  });
});

describe('an atomic region action', () => {
  it('applies all its mutations, and says so at the top too (3.10 of the wire trace)', async () => {
    const { rig, run, serve, answers } = await setUp();
    serve();
    run(atomic(undefined, put('a', 'f:q', '1'), put('a', 'f:r', '2')));
    expect(answers[0]).toMatchObject({ processed: true, regions: [{ processed: true }] });
    expect(answers[0]?.regions.map(shown)).toEqual([{ 0: 'empty', 1: 'empty' }]);
    expect(await rig.get(get('a'))).toHaveLength(2);
  });

  it('applies nothing when one of them cannot be done', async () => {
    const { rig, run, serve, answers } = await setUp();
    serve();
    run(
      atomic(undefined, put('a', 'f:q', '1'), new CadastreError('not-supported', 'no')),
      atomic(undefined, put('a', 'f:q', '1'), put('b', 'f:q', '1')),
      atomic(undefined, put('a', 'f:q', '1'), get('a')),
      atomic(undefined),
    );
    expect(answers[0]?.regions.map(shown)).toEqual([
      'not-supported',
      'bad-request',
      'bad-request',
      'bad-request',
    ]);
    expect(await rig.get(get('a'))).toEqual([]);
  });

  it('with a condition tells whether it held, in its own part (3.8 of the wire trace)', async () => {
    const { rig, run, serve, answers } = await setUp();
    serve();
    const change = atomic(isAbsent, put('a', 'f:q', '1'), put('a', 'f:r', '2'));
    run(change);
    run(change);
    expect(answers.map(({ processed, regions }) => [processed, regions])).toMatchObject([
      [undefined, [{ kind: 'outcomes', processed: true }]],
      [undefined, [{ kind: 'outcomes', processed: false }]],
    ]);
    expect(shown(answers[1]?.regions[0])).toEqual({ 0: 'nothing', 1: 'nothing' });
    expect(await rig.get(get('a'))).toHaveLength(2);
  });

  it('with a condition for the whole request tells it at the top (clients before 2.4)', async () => {
    const { regions, serve, answers } = await setUp();
    serve();
    const request = {
      regions: [atomic(isAbsent, put('a', 'f:q', '1'))],
      hasRequestCondition: true,
    };
    runMulti(regions, request, (response) => answers.push(response));
    expect(answers[0]?.processed).toBe(true);
  });

  it('gives the cells of its increments in the first action, inside the message', async () => {
    const { run, serve, answers } = await setUp();
    serve();
    run(atomic(undefined, put('a', 'f:q', '1'), increment('a', 'f:n', 3)));
    expect(answers[0]?.regions).toMatchObject([
      { outcomes: [{ index: 0, isInline: true, result: { cells: [{}] } }, { result: 'empty' }] },
    ]);
    run(atomic(isAbsent, increment('a', 'f:n', 3)), atomic(undefined, increment('a', 'f:n', 3)));
    const second = answers[1]?.regions[1];
    expect(second).toMatchObject({ outcomes: [{ isInline: false, result: { cells: [{}] } }] });
  });
});
