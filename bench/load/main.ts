// `bench load`: how long a new master needs to take over unfinished procedures: sealing and reading
// the catalog (checkpoint and log), decoding every row, restoring every lock. Memory and the event
// loop's delay are those of the loading process, which does nothing else.
//
//   node dist/bench/load/main.js [--procs 1000000] [--repeat 3] [--dir /tmp]
//
// The procedures stand in trees: a parent that waits for 99 children, each with an exclusive region
// lock, 64 bytes of state and two steps of history. Each repetition is a new process and the next
// epoch on the same root; the first one warms the page cache and is not counted.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { ProcedureId } from '../../src/base/ids.js';
import { procedureStore } from '../../src/master/procedure-store.js';
import type { Codec } from '../../src/procedure/codec.js';
import { procedureDefiner } from '../../src/procedure/definition.js';
import { lockRegion } from '../../src/procedure/lock-request.js';
import { done, step } from '../../src/procedure/next.js';
import type { ProcedureRecord } from '../../src/procedure/record.js';
import { RecordEncoder } from '../../src/procedure/record-encoder.js';
import { withLoopDelay } from '../executor/loop-delay.js';
import { benchEngine, openBenchCatalog, temporaryRoot } from '../executor/rig.js';
import { median, print, printResult, spread } from '../lib/figures.js';
import { runBench, wholeNumber } from '../lib/options.js';
import { machine } from '../lib/processes.js';

const treeSize = 100;
const stateBytes = 64;
const batch = 500;

const bytesCodec: Codec<Uint8Array> = { encode: (value) => value, decode: (bytes) => bytes };

const define = procedureDefiner<undefined, unknown>();

const Stored = define({
  type: 'Stored',
  version: 1,
  onRestore: 'resume',
  priority: 'region',
  input: bytesCodec,
  state: bytesCodec,
  initial: () => Buffer.alloc(stateBytes),
  locks: () => [],
  group: () => '',
  first: 'one',
  steps: {
    one: { commit: () => step('two'), undo: 'none' },
    two: { commit: () => step('three'), undo: 'none' },
    three: { commit: () => done(), undo: 'none' },
  },
});

function recordOf(index: number, parent: ProcedureId | undefined): ProcedureRecord {
  const now = Date.now();
  const isParent = parent === undefined;
  return {
    type: Stored.type,
    version: Stored.version,
    parent,
    owner: 'bench',
    nonce: isParent ? `nonce-${index}` : '',
    phase: 'forward',
    step: 'three',
    input: Buffer.from(`region-${index}`),
    state: Buffer.alloc(stateBytes, index),
    executed: [],
    status: isParent
      ? { kind: 'children', atMost: 0, failedBefore: undefined }
      : { kind: 'ready', reply: undefined },
    locks: isParent ? [] : [lockRegion(index + 1)],
    holdsLocks: true,
    isPastPointOfNoReturn: false,
    error: undefined,
    errorOrigin: '',
    result: Buffer.alloc(0),
    isPaused: false,
    isCancelRequested: false,
    priority: 'region',
    submittedAt: now,
    stepSince: now,
    endedAt: 0,
    history: [
      { step: 'one', isUndo: false, startedAt: now, endedAt: now },
      { step: 'two', isUndo: false, startedAt: now, endedAt: now },
    ],
    childrenStarted: isParent ? treeSize - 1 : 0,
    childrenFailed: 0,
  };
}

/** Writes the rows as a master of epoch 1 that is then killed. */
async function prepare(directory: string, procs: number): Promise<void> {
  const catalog = await openBenchCatalog(directory, 1);
  const store = procedureStore(catalog);
  const encoder = new RecordEncoder();
  let parent: ProcedureId | undefined;
  for (let from = 0; from < procs; from += batch) {
    const stored = store.transact((_tx, writes) => {
      for (let index = from; index < Math.min(procs, from + batch); index++) {
        if (index % treeSize === 0) parent = undefined;
        const id = writes.allocateId() as ProcedureId;
        writes.put(id, encoder.encode(recordOf(index, parent)));
        parent ??= id;
      }
    });
    await stored.durable();
  }
  await catalog.close({ checkpoint: false });
}

interface Loaded {
  readonly unfinished: number;
  readonly openMs: number;
  readonly totalMs: number;
  readonly rssMb: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** What the child process does. */
async function load(directory: string, epoch: number): Promise<Loaded> {
  const { result, delay } = await withLoopDelay(async () => {
    const started = performance.now();
    const catalog = await openBenchCatalog(directory, epoch);
    const openMs = performance.now() - started;
    const engine = benchEngine(procedureStore(catalog), [Stored], directory);
    const { unfinished } = await engine.load();
    return { unfinished, openMs, totalMs: performance.now() - started };
  });
  const rssMb = process.resourceUsage().maxRSS / 1024;
  return { ...result, rssMb, p999Ms: delay.p999Ms, maxMs: delay.maxMs };
}

/** Loads in a new process. */
function loadElsewhere(directory: string, epoch: number): Promise<Loaded> {
  const main = fileURLToPath(import.meta.url);
  const child = spawn(process.execPath, [main, '--load', directory, '--epoch', String(epoch)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => {
      if (code === 0) resolve(JSON.parse(text) as Loaded);
      else reject(new Error(`the loading process ended with ${code}`));
    });
  });
}

async function measure(procs: number, repeat: number, parent: string): Promise<void> {
  const directory = temporaryRoot(parent);
  const runs: Loaded[] = [];
  try {
    await prepare(directory, procs);
    for (let round = 0; round <= repeat; round++) {
      const loaded = await loadElsewhere(directory, round + 2);
      if (loaded.unfinished !== procs) {
        throw new Error(`${loaded.unfinished} of ${procs} procedures were loaded`);
      }
      if (round > 0) runs.push(loaded);
    }
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
  const of = (key: keyof Loaded): number[] => runs.map((run) => run[key]);
  print(
    `${procs} procedures: ${spread(of('totalMs'))} ms, of which opening ${spread(of('openMs'))}`,
  );
  print(`peak memory ${spread(of('rssMb'))} MB; event loop p99.9 ${spread(of('p999Ms'), 1)} ms,`);
  print(`  longest ${spread(of('maxMs'), 1)} ms`);
  printResult(
    {
      bench: 'load',
      procs,
      total_time_ms: Math.round(median(of('totalMs'))),
      rss_mb: Math.round(median(of('rssMb'))),
      stall_p999_ms: median(of('p999Ms')),
    },
    1,
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      procs: { type: 'string', default: '1000000' },
      repeat: { type: 'string', default: '3' },
      dir: { type: 'string', default: os.tmpdir() },
      // What the child process is told.
      load: { type: 'string' },
      epoch: { type: 'string', default: '2' },
    },
  });
  if (values.load !== undefined) {
    print(JSON.stringify(await load(values.load, wholeNumber('epoch', values.epoch))));
    return;
  }
  print(`# ${machine()}`);
  await measure(
    wholeNumber('procs', values.procs),
    wholeNumber('repeat', values.repeat),
    values.dir,
  );
  print(`# load at the end: ${machine()}`);
}

await runBench(main);
