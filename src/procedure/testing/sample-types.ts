// Small procedure types for the engine's own tests: each shows one thing that procedures do. Their
// effects are keys of the store (written in the step's transaction) and of `outside`.

import { CadastreError } from '../../base/errors.js';
import type { Incarnation } from '../../base/ids.js';
import { jsonCodec, noState } from '../codec.js';
import { procedureDefiner, undoChildren } from '../definition.js';
import { lockRegion, lockTable } from '../lock-request.js';
import type { LockMode } from '../lock-request.js';
import { child, children, done, failed, step, wait } from '../next.js';
import type { TestContext } from './engine-world.js';
import type { MemoryTx } from './memory-store.js';

export const define = procedureDefiner<TestContext, MemoryTx>();

/** Trusts what it reads: these types are written by tests only. */
export function plain<T>() {
  return jsonCodec((value) => value as T);
}

function countUp({ input }: { readonly input: { readonly key: string } }, tx: MemoryTx) {
  tx.put(input.key, String(Number(tx.get(input.key) ?? '0') + 1));
  return done(Buffer.from(input.key));
}

/** Counts a key up, once. */
export const Count = define({
  type: 'Count',
  version: 1,
  onRestore: 'resume',
  priority: 'region',
  input: plain<{ key: string }>(),
  state: noState,
  initial: () => undefined,
  locks: () => [],
  group: ({ key }) => key,
  describe: ({ key }) => key,
  first: 'count',
  finalSteps: {
    count: { commit: countUp },
  },
});

export interface LadderInput {
  readonly table: string;
  readonly mode?: LockMode;
  /** The step that fails for good. */
  readonly failAt?: string;
  readonly children?: number;
}

const tableName = (qualifier: string) => ({ namespace: 'default', qualifier });

function climb(run: { readonly input: LadderInput; readonly step: string }, tx: MemoryTx): void {
  if (run.input.failAt === run.step) {
    throw new CadastreError('constraint-violated', `told to fail at ${run.step}`);
  }
  tx.put(`${run.input.table}/${run.step}`, 'done');
}

/** Climbs steps of every kind: async, children, point of no return, final. */
export const Ladder = define({
  type: 'Ladder',
  version: 1,
  onRestore: 'resume',
  priority: 'table',
  input: plain<LadderInput>(),
  state: plain<{ readonly climbed: number }>(),
  initial: () => ({ climbed: 0 }),
  locks: ({ table, mode }) => [lockTable(tableName(table), mode ?? 'exclusive')],
  group: ({ table }) => table,
  describe: ({ table }) => table,
  first: 'prepare',
  steps: {
    prepare: {
      commit: (run, tx) => {
        climb(run, tx);
        return step('write', { climbed: 1 });
      },
      undo: (run, tx) => tx.delete(`${run.input.table}/prepare`),
    },
    write: {
      before: async (run) => {
        await run.clock.sleep(5);
        run.context.outside.set(`${run.input.table}/file`, 1);
      },
      commit: (run, tx) => {
        climb(run, tx);
        const { table, children: count = 2 } = run.input;
        const specs = Array.from({ length: count }, (_, index) =>
          child(Count, { key: `${table}/child-${index}` }),
        );
        return children(specs, 'flip', { state: { climbed: 2 } });
      },
      undo: {
        before: async (run) => {
          await run.clock.sleep(5);
          run.context.outside.delete(`${run.input.table}/file`);
        },
        commit: (run, tx) => {
          tx.delete(`${run.input.table}/write`);
          // Finished children are not undone: the parent's undo sees to what they did.
          return undoChildren([child(Clear, { prefix: `${run.input.table}/child-` })]);
        },
      },
    },
    flip: {
      commit: (run, tx) => {
        climb(run, tx);
        return step('clean', { climbed: run.state.climbed + 1 });
      },
      undo: 'point-of-no-return',
    },
  },
  finalSteps: {
    clean: {
      commit: (run, tx) => {
        climb(run, tx);
        return done(Buffer.from(String(run.state.climbed)));
      },
    },
  },
});

function clearKeys({ input }: { readonly input: { readonly prefix: string } }, tx: MemoryTx) {
  for (let index = 0; index < 10; index++) tx.delete(`${input.prefix}${index}`);
  return done();
}

/** Deletes the first few keys with a prefix. */
export const Clear = define({
  type: 'Clear',
  version: 1,
  onRestore: 'resume',
  priority: 'table',
  input: plain<{ prefix: string }>(),
  state: noState,
  initial: () => undefined,
  locks: () => [],
  group: () => '',
  first: 'clear',
  finalSteps: {
    clear: { commit: clearKeys },
  },
});

export interface FanOutInput {
  readonly prefix: string;
  readonly count: number;
  readonly window: number;
}

/** Starts many children, window by window. */
export const FanOut = define({
  type: 'FanOut',
  version: 1,
  onRestore: 'abort',
  priority: 'background',
  input: plain<FanOutInput>(),
  state: plain<{ readonly cursor: number }>(),
  initial: () => ({ cursor: 0 }),
  locks: () => [],
  group: ({ prefix }) => prefix,
  first: 'spread',
  steps: {
    spread: {
      commit: (run) => {
        const { prefix, count, window } = run.input;
        const from = run.state.cursor;
        const cursor = Math.min(count, from + window - run.children.live);
        const specs = Array.from({ length: cursor - from }, (_, index) =>
          child(Count, { key: `${prefix}${from + index}` }),
        );
        if (cursor === count) return children(specs, 'finish', { state: { cursor } });
        const atMost = Math.floor(window / 2);
        return children(specs, 'spread', { atMost, state: { cursor } });
      },
      undo: 'none',
    },
    finish: {
      commit: (run) => done(Buffer.from(`${run.children.started}/${run.children.failed}`)),
      undo: 'point-of-no-return',
    },
  },
});

export interface OpenInput {
  readonly region: number;
  readonly server: number;
  readonly report?: boolean;
}

/** Has a server do something, and waits for its answer or its report. */
export const Open = define({
  type: 'Open',
  version: 1,
  onRestore: 'drop',
  priority: 'region',
  input: plain<OpenInput>(),
  state: plain<{ readonly tries: number }>(),
  initial: () => ({ tries: 0 }),
  locks: ({ region }) => [lockRegion(region)],
  group: () => 't',
  describe: ({ region }) => `region ${region}`,
  first: 'dispatch',
  steps: {
    dispatch: {
      commit: (run, tx) => {
        const { region, server, report } = run.input;
        tx.put(`region-${region}`, 'OPENING');
        const remote = { server: server as Incarnation, kind: 'open', body: Buffer.from('x') };
        const on = report === true ? { remote, report: `region-${region}` } : { remote };
        return wait(on, 'finish', { tries: run.state.tries + 1 });
      },
      undo: (run, tx) => tx.put(`region-${run.input.region}`, 'CLOSED'),
    },
    finish: {
      commit: (run, tx) => {
        const { reply } = run;
        if (reply?.kind === 'remote' || reply?.kind === 'report') {
          tx.put(`region-${run.input.region}`, 'OPEN');
          const bytes = reply.kind === 'remote' ? reply.body : reply.payload;
          return done(bytes);
        }
        const why = reply?.kind === 'remote-failed' ? reply.error.message : reply?.kind;
        return failed(new CadastreError('procedure-failed', `not opened: ${why}`));
      },
      undo: 'none',
    },
  },
});

/** Waits for an event until a key is there. */
export const WaitForKey = define({
  type: 'WaitForKey',
  version: 1,
  onRestore: 'resume',
  priority: 'table',
  input: plain<{ key: string; timeoutMs?: number }>(),
  state: noState,
  initial: () => undefined,
  locks: () => [],
  group: () => '',
  first: 'look',
  steps: {
    look: {
      commit: (run, tx) => {
        const { key, timeoutMs } = run.input;
        if (tx.get(key) !== undefined) return done(Buffer.from(run.reply?.kind ?? 'at once'));
        if (run.reply?.kind === 'timeout') return done(Buffer.from('timeout'));
        const event = `key-${key}`;
        return wait(timeoutMs === undefined ? { event } : { event, timeoutMs }, 'look');
      },
      undo: 'none',
    },
  },
});

export const sampleTypes = [Count, Ladder, Clear, FanOut, Open, WaitForKey];
