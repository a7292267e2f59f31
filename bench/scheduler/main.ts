// HBase's scheduler bench over our scheduler and lock table, with HBase's options and printed form:
// first all operations are added, then each is polled, its locks taken and released.
//
//   node dist/bench/scheduler/main.js -num_ops 10000000 -num_table 5 -regions_per_table 10
//
// Beside HBase's options there is `-repeat`: after a warm-up it measures so many times, prints every
// time, and reports the median one in HBase's form.
//
// Faults of the original that are not repeated: an operation is never queued twice (the run fails
// unless completed == num_ops), and a thousand is 1,000. One thread is the only choice: the engine
// runs on the master's event loop and has nothing to share between threads.

import { LockTable } from '../../src/procedure/lock-table.js';
import type { Lock, LockOwner } from '../../src/procedure/lock-table.js';
import { lockRegion, lockTable, normalizeLocks } from '../../src/procedure/lock-request.js';
import type { LockRequest } from '../../src/procedure/lock-request.js';
import { Scheduler } from '../../src/procedure/scheduler.js';
import type { Schedulable } from '../../src/procedure/scheduler.js';
import type { Priority } from '../../src/procedure/definition.js';
import { print } from '../lib/figures.js';

const operationTypes = ['table', 'region', 'both'] as const;
type OperationType = (typeof operationTypes)[number];

interface Options {
  readonly num_table: number;
  readonly regions_per_table: number;
  readonly num_ops: number;
  readonly threads: number;
  readonly ops_type: OperationType;
  readonly repeat: number;
}

const defaults: Options = {
  num_table: 5,
  regions_per_table: 10,
  num_ops: 10_000_000,
  threads: 1,
  ops_type: 'both',
  repeat: 3,
};

const warmUpOperations = 500_000;

const usage = `Usage: scheduler [-num_table 5] [-regions_per_table 10] [-num_ops 10000000]
                 [-threads 1] [-ops_type table|region|both] [-repeat 3]`;

class UsageError extends Error {}

function parse(args: readonly string[]): Options {
  const options: Record<string, number | string> = { ...defaults };
  for (let index = 0; index < args.length; index += 2) {
    const name = (args[index] ?? '').replace(/^--?/, '');
    const value = args[index + 1] ?? '';
    if (!(name in defaults)) throw new UsageError(`there is no option '${args[index]}'`);
    if (name === 'ops_type') {
      if (!operationTypes.some((type) => type === value)) {
        throw new UsageError(`-ops_type is table, region or both, not '${value}'`);
      }
      options[name] = value;
      continue;
    }
    const number = Number(value);
    if (!Number.isSafeInteger(number) || number < 1) {
      throw new UsageError(`-${name} is a whole number from 1, not '${value}'`);
    }
    options[name] = number;
  }
  const parsed = options as unknown as Options;
  if (parsed.threads !== 1) {
    throw new UsageError('-threads is 1: the engine runs on one event loop and shares nothing');
  }
  return parsed;
}

/** What is scheduled: as much of a procedure as the scheduler and the lock table see. */
class Operation implements Schedulable, LockOwner {
  priority: Priority;
  readonly group: string;
  hasBegun = false;
  isQueued = false;
  nextQueued: Schedulable | undefined = undefined;
  readonly needs: readonly LockRequest[];
  locksHeld = 0;
  locks: Lock[] | undefined = undefined;
  isWaitingForLock = false;
  nextWaiting: LockOwner | undefined = undefined;

  constructor({ priority, group, needs }: Target) {
    this.priority = priority;
    this.group = group;
    this.needs = needs;
  }
}

interface Target {
  readonly priority: Priority;
  readonly group: string;
  readonly needs: readonly LockRequest[];
}

function targetsOf({ num_table, regions_per_table, ops_type }: Options): readonly Target[] {
  const targets: Target[] = [];
  for (let table = 0; table < num_table; table++) {
    const group = `table-${table}`;
    const name = { namespace: 'default', qualifier: group };
    if (ops_type !== 'region') {
      const needs = normalizeLocks([lockTable(name, 'exclusive')]);
      targets.push({ priority: 'table', group, needs });
    }
    const regions = ops_type === 'table' ? 0 : regions_per_table;
    for (let region = 0; region < regions; region++) {
      const id = 1 + table * regions_per_table + region;
      const needs = normalizeLocks([lockTable(name, 'shared'), lockRegion(id)]);
      targets.push({ priority: 'region', group, needs });
    }
  }
  return targets;
}

interface Figures {
  readonly addMs: number;
  readonly pollMs: number;
  readonly completed: number;
  readonly nullPolls: number;
}

/** One run; fails unless every operation was polled once. */
function run(options: Options): Figures {
  const targets = targetsOf(options);
  const scheduler = new Scheduler<Operation>();
  const locks = new LockTable<Operation>(() => {
    throw new Error('nobody waits: each operation releases before the next is polled');
  });
  const addStarted = performance.now();
  // The targets in a scrambled order that is the same in every run.
  let random = 1;
  for (let count = 0; count < options.num_ops; count++) {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
    const target = targets[(random >>> 8) % targets.length];
    if (target !== undefined) scheduler.add(new Operation(target));
  }
  const addMs = performance.now() - addStarted;

  let completed = 0;
  let nullPolls = 0;
  const pollStarted = performance.now();
  while (completed < options.num_ops) {
    const operation = scheduler.poll();
    if (operation === undefined) {
      nullPolls++;
      if (scheduler.size === 0) break;
      continue;
    }
    if (!locks.acquire(operation)) throw new Error('an operation had to wait for its locks');
    locks.release(operation);
    completed++;
  }
  const pollMs = performance.now() - pollStarted;
  if (completed !== options.num_ops || scheduler.poll() !== undefined) {
    throw new Error(
      `completed ${completed} of ${options.num_ops}: an operation was lost or doubled`,
    );
  }
  return { addMs, pollMs, completed, nullPolls };
}

function measure(options: Options): void {
  run({ ...options, num_ops: Math.min(options.num_ops, warmUpOperations) });
  const runs: Figures[] = [];
  for (let round = 0; round < options.repeat; round++) {
    const figures = run(options);
    const { addMs, pollMs } = figures;
    print(`addBack ${addMs.toFixed(0)} ms, poll ${pollMs.toFixed(0)} ms`);
    runs.push(figures);
  }
  runs.sort((a, b) => a.addMs + a.pollMs - (b.addMs + b.pollMs));
  const middle = runs[runs.length >>> 1];
  if (middle !== undefined) report(options, middle);
}

function report(options: Options, figures: Figures): void {
  const { addMs, pollMs, completed, nullPolls } = figures;
  const { num_ops, ops_type, num_table, regions_per_table, threads } = options;
  const line = '*'.repeat(42);
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(4)}sec`;
  const rate = (ms: number): string => human((num_ops * 1000) / ms);
  const raw = [
    `num_ops=${num_ops}`,
    `ops_type=${ops_type}`,
    `num_table=${num_table}`,
    `regions_per_table=${regions_per_table}`,
    `threads=${threads}`,
    `num_yield=${nullPolls}`,
    `time_addback_ms=${Math.round(addMs)}`,
    `time_poll_ms=${Math.round(pollMs)}`,
  ];
  const lines = [
    line,
    `Time - addBack     : ${seconds(addMs)}`,
    `Ops/sec - addBack  : ${rate(addMs)}`,
    `Time - poll        : ${seconds(pollMs)}`,
    `Ops/sec - poll     : ${rate(pollMs)}`,
    `Num Operations     : ${num_ops}`,
    '',
    `Completed          : ${completed}`,
    `Yield              : ${nullPolls}`,
    '',
    `Num Tables         : ${num_table}`,
    `Regions per table  : ${regions_per_table}`,
    `Operations type    : ${ops_type}`,
    `Threads            : ${threads}`,
    line,
    'Raw format for scripts',
    `RESULT [${raw.join(', ')}]`,
  ];
  print(lines.join('\n'));
}

/** In thousands of 1,000, unlike the original's 1,024. */
function human(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)}M`;
  if (value >= 1e3) return `${(value / 1e3).toFixed(1)}K`;
  return value.toFixed(0);
}

try {
  measure(parse(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof UsageError) process.stderr.write(`${usage}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
