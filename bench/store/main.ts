// `bench store`: what storing procedures costs by itself, beside HBase's own tool (compare/store.sh):
// writers that each insert a procedure with a random state, wait until it is durable, update it, wait
// again, and take the next.
//
//   node dist/bench/store/main.js [--procs 100000] [--threads 20] [--state-size 1024] [--repeat 5]
//       [--dir /tmp]
//
// The store is the master's: rows of the catalog, on its fenced log, with fsync. Writers are not
// threads here but waits on one event loop, because that is how the engine writes. Needs a quiet disk.

import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import type { ProcedureId } from '../../src/base/ids.js';
import { procedureStore } from '../../src/master/procedure-store.js';
import { withChanges, noBytes } from '../../src/procedure/record.js';
import type { ProcedureRecord } from '../../src/procedure/record.js';
import { RecordEncoder } from '../../src/procedure/record-encoder.js';
import type { ProcedureStore } from '../../src/procedure/store.js';
import { openBenchCatalog, temporaryRoot } from '../executor/rig.js';
import { median, print, printResult, spread } from '../lib/figures.js';
import { runBench, wholeNumber } from '../lib/options.js';
import { machine } from '../lib/processes.js';

interface Options {
  readonly procs: number;
  readonly threads: number;
  readonly stateSize: number;
  readonly parent: string;
}

/** Random states are drawn before the clock starts, as many as differ enough not to repeat in a group. */
const states = 1_000;

function firstRecord(state: Uint8Array): ProcedureRecord {
  return {
    type: 'Stored',
    version: 1,
    parent: undefined,
    owner: '',
    nonce: '',
    phase: 'forward',
    step: 'insert',
    input: noBytes,
    state,
    executed: [],
    status: { kind: 'ready', reply: undefined },
    locks: [],
    holdsLocks: false,
    isPastPointOfNoReturn: false,
    error: undefined,
    errorOrigin: '',
    result: noBytes,
    isPaused: false,
    isCancelRequested: false,
    priority: 'table',
    submittedAt: Date.now(),
    stepSince: Date.now(),
    endedAt: 0,
    history: [],
    childrenStarted: 0,
    childrenFailed: 0,
  };
}

/** Inserts and updates procedures one after another until `next` has no more. */
function write(
  store: ProcedureStore<unknown>,
  encoder: RecordEncoder,
  next: () => ProcedureRecord | undefined,
  done: () => void,
): void {
  const record = next();
  if (record === undefined) {
    done();
    return;
  }
  const inserted = store.transact((_tx, writes) => {
    const id = writes.allocateId() as ProcedureId;
    writes.put(id, encoder.encode(record));
    return id;
  });
  inserted.whenDurable(() => {
    const updated = store.transact((_tx, writes) => {
      writes.put(inserted.value, encoder.encode(withChanges(record, { step: 'update' })));
    });
    updated.whenDurable(() => write(store, encoder, next, done));
  });
}

/** Milliseconds for all procedures, in a new root. */
async function repetition({ procs, threads, stateSize, parent }: Options): Promise<number> {
  const directory = temporaryRoot(parent);
  const catalog = await openBenchCatalog(directory, 1);
  const store = procedureStore(catalog);
  const encoder = new RecordEncoder();
  const records = Array.from({ length: Math.min(states, procs) }, () =>
    firstRecord(randomBytes(stateSize)),
  );
  let taken = 0;
  const next = (): ProcedureRecord | undefined =>
    taken < procs ? records[taken++ % records.length] : undefined;
  const started = performance.now();
  await Promise.all(
    Array.from(
      { length: threads },
      () => new Promise<void>((resolve) => write(store, encoder, next, resolve)),
    ),
  );
  const ms = performance.now() - started;
  await catalog.close({ checkpoint: false });
  fs.rmSync(directory, { recursive: true });
  return ms;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      procs: { type: 'string', default: '100000' },
      threads: { type: 'string', default: '20' },
      'state-size': { type: 'string', default: '1024' },
      repeat: { type: 'string', default: '5' },
      dir: { type: 'string', default: os.tmpdir() },
    },
  });
  const options: Options = {
    procs: wholeNumber('procs', values.procs),
    threads: wholeNumber('threads', values.threads),
    stateSize: wholeNumber('state-size', values['state-size'], 0),
    parent: values.dir,
  };
  const { procs, threads, stateSize } = options;
  print(`# ${machine()}`);
  await repetition({ ...options, procs: Math.ceil(procs / 4) }); // warm-up
  const times: number[] = [];
  for (let round = 0; round < wholeNumber('repeat', values.repeat); round++) {
    times.push(await repetition(options));
  }
  const rates = times.map((ms) => (procs * 1_000) / ms);
  print(`${procs} procedures, ${threads} writers, ${stateSize} bytes: ${spread(rates)} procs/s`);
  printResult({
    bench: 'store',
    procs,
    state_size: stateSize,
    threads,
    total_time_ms: Math.round(median(times)),
    procs_per_s: Math.round(median(rates)),
  });
  print(`# load at the end: ${machine()}`);
}

await runBench(main);
