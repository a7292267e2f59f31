// Runs the simulation for a while, one seed after the other, and says how to see a failure again.

import { parseArgs } from 'node:util';
import { SimulatedExit } from '../src/world/simulated/process.js';
import { faultKinds } from './faults.js';
import { runSeed } from './run.js';
import type { RunOptions, RunReport } from './run.js';
import { shrink } from './shrink.js';

const usage = `npm run sim -- [options]
  --minutes M     run seeds one after the other for so long (default 1)
  --seed S        the first seed (default 1); alone: only this one
  --seeds N       at most so many
  --random        begin at a random seed
  --shrink        make what fails shorter
  --verbose       what happened in each run
  --log N         the last N log lines of each failing run
  --trace N       the last N events of each failing run
  --faulty-ms T   faults for so long (virtual)
  --without A,B   leave kinds of faults out: ${faultKinds.join(', ')}
`;

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly seeds: number;
  readonly isVerbose: boolean;
  readonly shrinks: boolean;
  readonly logLines: number;
  readonly traceLines: number;
  readonly run: Omit<RunOptions, 'seed'>;
}

function parse(args: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: text,
      seed: text,
      seeds: text,
      random: flag,
      shrink: flag,
      verbose: flag,
      log: text,
      trace: text,
      'faulty-ms': text,
      without: text,
      help: flag,
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    process.exit(0);
  }
  const isOne = values.seed !== undefined && values.minutes === undefined;
  const without = faultKinds.filter((kind) => values.without?.split(',').includes(kind));
  const faultyMs = values['faulty-ms'];
  return {
    minutes: numberOf('minutes', values.minutes, isOne ? Infinity : 1),
    seed: numberOf('seed', values.seed, values.random ? Math.ceil(Math.random() * 2 ** 40) : 1),
    seeds: numberOf('seeds', values.seeds, isOne ? 1 : Infinity),
    isVerbose: values.verbose,
    shrinks: values.shrink,
    logLines: Number(values.log ?? 0),
    traceLines: Number(values.trace ?? 0),
    run: {
      without: new Set(without),
      ...(faultyMs === undefined ? {} : { faultyMs: numberOf('faulty-ms', faultyMs, 1) }),
    },
  };
}

function numberOf(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (value > 0) return value;
  process.stderr.write(`--${name} ${text}: this is not a number above 0\n${usage}`);
  process.exit(2);
}

function show(report: RunReport, { isVerbose, logLines, traceLines, run }: Options): void {
  const { failure } = report;
  if (isVerbose || failure !== undefined) describe(report);
  if (failure === undefined) return;
  print(logLines === 0 ? [] : report.log.slice(-logLines));
  print(traceLines === 0 ? [] : report.trace.slice(-traceLines));
  process.stdout.write(`seed ${report.seed} FAILED: ${failure}\n`);
  process.stdout.write(`  ${command({ ...run, seed: report.seed })}\n`);
}

function describe({ seed, virtualMs, events, digest, counts, exits }: RunReport): void {
  const seconds = (virtualMs / 1_000).toFixed(1);
  process.stdout.write(`seed ${seed}: ${seconds} virtual s, ${events} events, digest ${digest}\n`);
  print([
    [...counts]
      .map(([what, count]) => `${what}: ${count}`)
      .sort()
      .join(', '),
  ]);
  print(exits);
}

function print(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`  ${line}\n`);
}

/** What runs it again. */
function command({ seed, faultyMs, without = new Set() }: RunOptions): string {
  const time = faultyMs === undefined ? '' : ` --faulty-ms ${faultyMs}`;
  const kinds = without.size === 0 ? '' : ` --without ${[...without].join(',')}`;
  return `npm run sim -- --seed ${seed}${time}${kinds}`;
}

async function main(): Promise<void> {
  const options = parse(process.argv.slice(2));
  let unhandled: unknown;
  process.on('unhandledRejection', (error) => {
    // A simulated process that ended itself inside an async function leaves its promise rejected.
    if (!(error instanceof SimulatedExit)) unhandled ??= error;
  });
  const startedMs = performance.now();
  const sum = { seeds: 0, virtualMs: 0, events: 0, failures: 0 };
  const isTimeUp = () => performance.now() - startedMs >= options.minutes * 60_000;
  while (sum.seeds < options.seeds && !isTimeUp()) {
    let report = await runSeed({ ...options.run, seed: options.seed + sum.seeds });
    if (unhandled !== undefined && report.failure === undefined) {
      report = { ...report, failure: `an unhandled rejection: ${stackOf(unhandled)}` };
    }
    unhandled = undefined;
    sum.seeds += 1;
    sum.virtualMs += report.virtualMs;
    sum.events += report.events;
    show(report, options);
    if (report.failure === undefined) continue;
    sum.failures += 1;
    if (options.shrinks) await showShrunk(report);
  }
  const minutes = (sum.virtualMs / 60_000).toFixed(1);
  process.stdout.write(
    `${sum.seeds} seeds, ${minutes} virtual minutes, ${sum.events} events, ${sum.failures} failures\n`,
  );
  process.exitCode = sum.failures === 0 ? 0 : 1;
}

async function showShrunk(report: RunReport): Promise<void> {
  const { options, report: shorter } = await shrink(report);
  process.stdout.write(`shorter: ${shorter.failure ?? ''}\n  ${command(options)}\n`);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

await main();
