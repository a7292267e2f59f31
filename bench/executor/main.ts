// `bench executor`: procedures a second of the whole engine, beside HBase's real executor under the
// same scenarios (compare/executor.sh): so many roots always unfinished, each followed by the next
// when its end is durable; every repetition on a new store.
//
//   node dist/bench/executor/main.js [--scenario one-step,…] [--mode memory,durable] [--in-flight N,…]
//       [--roots N] [--repeat 5] [--dir /tmp]
//
// With one in flight the latency is printed beside a bare write + fdatasync of the same run.
// `parent-100000` is the root whose children do not fit one record: look at its memory and at the event
// loop's delay. Needs a quiet machine and, when durable, a quiet disk.

import os from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { ProcedureEngine } from '../../src/procedure/api.js';
import type { ProcedureType } from '../../src/procedure/definition.js';
import { bareSyncsPerS } from '../lib/bare-sync.js';
import { median, print, printResult, spread } from '../lib/figures.js';
import { choices, runBench, wholeNumber, wholeNumbers } from '../lib/options.js';
import { machine } from '../lib/processes.js';
import { withLoopDelay } from './loop-delay.js';
import type { LoopDelay } from './loop-delay.js';
import { durableRig, memoryRig } from './rig.js';
import { benchTypes, Locked, OneStep, Parent, TenStep } from './types.js';

const modes = ['memory', 'durable'] as const;
type Mode = (typeof modes)[number];
const scenarioNames = ['one-step', 'ten-step', 'parent-100', 'locked', 'parent-100000'] as const;
type ScenarioName = (typeof scenarioNames)[number];

interface Scenario {
  readonly type: ProcedureType<unknown>;
  readonly stepsPerRoot: number;
  readonly input: (index: number) => number | undefined;
  /** Roots of a repetition; long enough for a second or so. */
  readonly roots: Readonly<Record<Mode, number>>;
  readonly inFlight: readonly number[];
}

const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  'one-step': {
    type: OneStep,
    stepsPerRoot: 1,
    input: () => undefined,
    roots: { memory: 200_000, durable: 60_000 },
    inFlight: [1, 1_000],
  },
  'ten-step': {
    type: TenStep,
    stepsPerRoot: 10,
    input: () => undefined,
    roots: { memory: 40_000, durable: 15_000 },
    inFlight: [1_000],
  },
  'parent-100': {
    type: Parent,
    stepsPerRoot: 102,
    input: () => 100,
    roots: { memory: 3_000, durable: 1_500 },
    inFlight: [100],
  },
  locked: {
    type: Locked,
    stepsPerRoot: 1,
    input: (index) => index,
    roots: { memory: 200_000, durable: 60_000 },
    inFlight: [1_000],
  },
  'parent-100000': {
    type: Parent,
    stepsPerRoot: 100_002,
    input: () => 100_000,
    roots: { memory: 1, durable: 1 },
    inFlight: [1],
  },
};

/** With one in flight a repetition of thousands would take minutes. */
const rootsOneAtATime = 400;
const syncBytes = 512;
const syncSeconds = 1;
/** What other processes do to an event loop that has nothing to do: the figure to read ours by. */
const idleMs = 2_000;

/** Runs `count` roots, `inFlight` of them at a time, and returns the milliseconds it took. */
function runRoots(
  engine: ProcedureEngine<unknown>,
  { type, input }: Scenario,
  count: number,
  inFlight: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    let submitted = 0;
    let ended = 0;
    const submit = (): void => {
      const { value } = engine.submit(type, input(submitted++));
      engine.whenEnded(value, ({ kind }) => {
        if (kind !== 'succeeded') reject(new Error(`procedure ${value} ${kind}`));
        if (++ended === count) resolve(performance.now() - started);
        else if (submitted < count) submit();
      });
    };
    while (submitted < Math.min(count, inFlight)) submit();
  });
}

interface Run {
  readonly name: ScenarioName;
  readonly mode: Mode;
  readonly inFlight: number;
  readonly roots: number;
  readonly parent: string;
}

interface Repetition {
  readonly ms: number;
  readonly delay: LoopDelay;
}

async function repetition({ name, mode, inFlight, roots, parent }: Run): Promise<Repetition> {
  const isDurable = mode === 'durable';
  const rig = isDurable ? await durableRig(benchTypes, parent) : await memoryRig(benchTypes);
  try {
    const { result: ms, delay } = await withLoopDelay(() =>
      runRoots(rig.engine, scenarios[name], roots, inFlight),
    );
    return { ms, delay };
  } finally {
    await rig.close();
  }
}

async function measure(run: Run, repeat: number): Promise<void> {
  const { name, mode, inFlight, roots, parent } = run;
  await repetition(run); // warm-up
  const rates: number[] = [];
  const stalls: number[] = [];
  const ratios: number[] = [];
  for (let round = 0; round < repeat; round++) {
    const { ms, delay } = await repetition(run);
    stalls.push(delay.p999Ms);
    rates.push((roots * 1_000) / ms);
    if (mode === 'durable' && inFlight === 1) {
      ratios.push((ms / roots / 1_000) * bareSyncsPerS(parent, syncBytes, syncSeconds));
    }
  }
  const about = `${name}, ${mode}, ${inFlight} in flight`;
  print(`${about}: ${spread(rates, rates.some((rate) => rate < 100) ? 3 : 0)} roots/s`);
  print(`  event loop p99.9 ${spread(stalls, 1)} ms, peak memory ${peakMib()} MiB`);
  if (ratios.length > 0) {
    const latencyUs = 1e6 / median(rates);
    print(`  ${latencyUs.toFixed(0)} µs each, ${spread(ratios, 2)} × a bare write + fdatasync`);
  }
  printResult({
    bench: 'executor',
    scenario: name,
    mode,
    in_flight: inFlight,
    roots_per_s: rounded(median(rates)),
    steps_per_s: Math.round(median(rates) * scenarios[name].stepsPerRoot),
  });
}

/** Of the whole process, all scenarios so far: for one scenario's, run it alone. */
function peakMib(): string {
  return (process.resourceUsage().maxRSS / 1024).toFixed(0);
}

/** Whole where it is large; a root of many children needs the digits. */
function rounded(rate: number): string {
  return rate >= 100 ? rate.toFixed(0) : rate.toFixed(3);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      scenario: { type: 'string', default: 'one-step,ten-step,parent-100,locked' },
      mode: { type: 'string', default: modes.join(',') },
      'in-flight': { type: 'string' },
      roots: { type: 'string' },
      repeat: { type: 'string', default: '5' },
      dir: { type: 'string', default: os.tmpdir() },
    },
  });
  const repeat = wholeNumber('repeat', values.repeat);
  print(`# ${machine()}`);
  const { delay } = await withLoopDelay(() => setTimeout(idleMs));
  print(`# event loop of this process while idle: p99.9 ${delay.p999Ms.toFixed(1)} ms`);
  for (const mode of choices('mode', values.mode, modes)) {
    for (const name of choices('scenario', values.scenario, scenarioNames)) {
      const scenario = scenarios[name];
      const windows = values['in-flight'];
      const inFlights =
        windows === undefined ? scenario.inFlight : wholeNumbers('in-flight', windows);
      for (const inFlight of inFlights) {
        if (mode === 'memory' && inFlight === 1 && windows === undefined && name === 'one-step') {
          continue; // nothing is waited for
        }
        const usual =
          inFlight === 1 ? Math.min(rootsOneAtATime, scenario.roots[mode]) : scenario.roots[mode];
        const roots = values.roots === undefined ? usual : wholeNumber('roots', values.roots);
        await measure({ name, mode, inFlight, roots, parent: values.dir }, repeat);
      }
    }
  }
  print(`# load at the end: ${machine()}`);
}

await runBench(main);
