import { describe, expect, it } from 'vitest';
import { noState } from './codec.js';
import { done, step } from './next.js';
import { define, plain } from './testing/sample-types.js';

const common = {
  type: 'Declared',
  version: 1,
  priority: 'table',
  input: plain<{ table: string }>(),
  state: noState,
  initial: () => undefined,
  locks: () => [],
  group: () => '',
} as const;
const end = () => done();

// What the compiler must refuse; `tsc` fails when it no longer does.
describe('a declaration', () => {
  it('says what undoes each step up to the point of no return, and not after', () => {
    const type = define({
      ...common,
      onRestore: 'resume',
      first: 'a',
      steps: {
        a: { commit: () => step('b'), undo: 'none' },
        b: { commit: () => step('c'), undo: 'point-of-no-return' },
      },
      finalSteps: { c: { commit: end } },
    });
    expect([...type.steps.keys()]).toEqual(['a', 'b', 'c']);
    // @ts-expect-error -- `a` does not say what undoes it
    define({ ...common, onRestore: 'resume', first: 'a', steps: { a: { commit: end } } });
    define({
      ...common,
      onRestore: 'resume',
      first: 'c',
      // @ts-expect-error -- nothing undoes a final step
      finalSteps: { c: { commit: end, undo: 'none' } },
    });
  });

  it('says what a restore does with it, and goes only to steps that there are', () => {
    const steps = { a: { commit: end, undo: 'none' } } as const;
    // @ts-expect-error -- `onRestore` is missing
    define({ ...common, first: 'a', steps });
    // @ts-expect-error -- `b` is no step
    expect(() => define({ ...common, onRestore: 'drop', first: 'b', steps })).toThrow(
      "no first step 'b'",
    );
    define({
      ...common,
      onRestore: 'drop',
      first: 'a',
      // @ts-expect-error -- `b` is no step
      steps: { a: { commit: () => step('b'), undo: 'none' } },
    });
  });

  it('has one point of no return at most', () => {
    const point = { commit: end, undo: 'point-of-no-return' } as const;
    const declare = () =>
      define({ ...common, onRestore: 'drop', first: 'a', steps: { a: point, b: point } });
    expect(declare).toThrow('one point of no return');
  });
});
