// Makes a failing run shorter and quieter while it still fails: less time, and fewer kinds of faults.
// What is left out is left out at its moment, so that the rest happens as before.

import { faultKinds } from './faults.js';
import type { FaultKind } from './faults.js';
import { runSeed } from './run.js';
import type { RunOptions, RunReport } from './run.js';

const stepsMax = 8;

export interface Shrunk {
  readonly options: RunOptions;
  readonly report: RunReport;
}

/** Whatever fails counts, also if it fails in another way. */
export async function shrink(failing: RunReport): Promise<Shrunk> {
  let best: Shrunk = { options: { seed: failing.seed }, report: failing };
  const attempt = async (options: RunOptions): Promise<boolean> => {
    const report = await runSeed(options);
    if (report.failure === undefined) return false;
    best = { options, report };
    return true;
  };
  for (let step = 0; step < stepsMax; step++) {
    const faultyMs = Math.ceil(best.report.faultyMs * 0.6);
    if (!(await attempt({ ...best.options, faultyMs }))) break;
  }
  for (const kind of faultKinds) {
    const without = new Set<FaultKind>([...(best.options.without ?? []), kind]);
    await attempt({ ...best.options, without });
  }
  return best;
}
