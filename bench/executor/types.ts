// What the executor bench runs. Shapes and counts are those of HBase's side (compare/executor): steps
// that do nothing, so that only the engine's own work is measured.

import { noState } from '../../src/procedure/codec.js';
import type { Codec } from '../../src/procedure/codec.js';
import { procedureDefiner } from '../../src/procedure/definition.js';
import { lockRegion, lockTable } from '../../src/procedure/lock-request.js';
import { child, children, done, step } from '../../src/procedure/next.js';

const define = procedureDefiner<undefined, unknown>();

const numberCodec: Codec<number> = {
  encode: (value) => {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32BE(value);
    return bytes;
  },
  decode: (bytes) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0),
};

const common = {
  version: 1,
  onRestore: 'resume',
  priority: 'region',
  state: noState,
  initial: () => undefined,
} as const;

const tables = 5;
const regionsPerTable = 10;
const childrenPerRecord = 1_000;

export const OneStep = define({
  ...common,
  type: 'OneStep',
  input: noState,
  locks: () => [],
  group: () => '',
  first: 'only',
  finalSteps: { only: { commit: () => done() } },
});

export const TenStep = define({
  ...common,
  type: 'TenStep',
  input: noState,
  locks: () => [],
  group: () => '',
  first: 's0',
  finalSteps: {
    s0: { commit: () => step('s1') },
    s1: { commit: () => step('s2') },
    s2: { commit: () => step('s3') },
    s3: { commit: () => step('s4') },
    s4: { commit: () => step('s5') },
    s5: { commit: () => step('s6') },
    s6: { commit: () => step('s7') },
    s7: { commit: () => step('s8') },
    s8: { commit: () => step('s9') },
    s9: { commit: () => done() },
  },
});

/** One step under the exclusive lock of one of fifty regions in five tables. */
export const Locked = define({
  ...common,
  type: 'Locked',
  input: numberCodec,
  locks: (index) => [
    lockTable({ namespace: 'default', qualifier: tableOf(index) }, 'shared'),
    lockRegion(regionOf(index)),
  ],
  group: tableOf,
  first: 'only',
  finalSteps: { only: { commit: () => done() } },
});

function regionOf(index: number): number {
  return 1 + (index % (tables * regionsPerTable));
}

function tableOf(index: number): string {
  return `bench${index % tables}`;
}

/** As many one-step children as its input says, in windows that fit a record; then a last step. */
export const Parent = define({
  ...common,
  type: 'Parent',
  input: numberCodec,
  state: numberCodec,
  initial: () => 0,
  locks: () => [],
  group: () => '',
  first: 'spread',
  steps: {
    spread: {
      commit: (run) => {
        const room = childrenPerRecord - run.children.live;
        const count = Math.min(room, run.input - run.state);
        const specs = Array.from({ length: count }, () => child(OneStep, undefined));
        const state = run.state + count;
        if (state === run.input) return children(specs, 'finish', { state });
        return children(specs, 'spread', { state, atMost: childrenPerRecord / 2 });
      },
      undo: 'none',
    },
    finish: { commit: () => done(), undo: 'none' },
  },
});

export const benchTypes = [OneStep, TenStep, Locked, Parent];
