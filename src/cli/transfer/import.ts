// `import`: puts the rows of JSON lines into a table.
//
// Invariants:
// 1. The checkpoint names a place in the file before which every line is on the servers or among the
//    rejected. A line may be put twice after an interruption: its timestamps are the same, and so is
//    what is then in the table.
// 2. A line that cannot be taken is kept as it came, in the order of the file, and told with its number.

import {
  appendFileSync,
  createReadStream,
  existsSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { z } from 'zod';
import { asCadastreError, CadastreError } from '../../base/errors.js';
import type { PutOperation, Table } from '../../client/public.js';
import { wholeOption, withClient } from '../connection.js';
import type { ClusterOptions } from '../connection.js';
import { exitCodes, UsageError } from '../errors.js';
import { printJson, printLine } from '../output.js';
import { CheckpointFile } from './checkpoint.js';
import { parseLine } from './json-lines.js';
import { linesOf } from './lines.js';
import type { Line } from './lines.js';
import { Progress } from './progress.js';

export interface ImportOptions extends ClusterOptions {
  readonly rejected?: string;
  readonly restart?: boolean;
  readonly inFlight?: string;
}

export const checkpointSchema = z.object({
  table: z.string(),
  file: z.string(),
  offset: z.int(),
  lines: z.int(),
  rows: z.int(),
  cells: z.int(),
  rejected: z.int(),
  rejectedBytes: z.int(),
  /** Of cells that have none of their own, milliseconds. */
  timestamp: z.int(),
});
export type Checkpoint = z.infer<typeof checkpointSchema>;

/** Lines of one batch: enough to keep servers busy, few enough for even progress. */
const batchLines = 500;
const batchCharacters = 2 ** 20;
const inFlightDefault = 8;
const checkpointEveryMs = 1_000;
/** More reasons than these are only counted on the terminal; the file keeps all lines. */
const reasonsShown = 20;

export async function importFile(
  table: string,
  file: string,
  options: ImportOptions,
): Promise<void> {
  const isStream = file === '-';
  if (!isStream && !existsSync(file)) {
    throw new UsageError(
      `there is no file ${file}`,
      'Give a file of JSON lines, or "-" for standard input.',
    );
  }
  const checkpoint = isStream
    ? undefined
    : new CheckpointFile(`${file}.checkpoint`, checkpointSchema);
  const rejected = options.rejected ?? `${isStream ? 'stdin' : file}.rejected`;
  const inFlight = wholeOption(options.inFlight, '--in-flight') ?? inFlightDefault;
  const before = options.restart === true ? undefined : checkpoint?.read();
  const start = before === undefined ? freshStart(table, file) : resumed(before, table, file);
  const done = await withClient(options, async (client) => {
    if (!(await client.admin.tableExists(table))) {
      throw new CadastreError('table-not-found', `there is no table ${table}`, {
        nextStep: `Create it first: cadastre table create ${table} <family…>`,
      });
    }
    const run = new Import(client.table(table), start, { checkpoint, rejected, inFlight });
    return await run.toEnd(isStream ? process.stdin : readFrom(file, start.offset));
  });
  checkpoint?.remove();
  await report(done, rejected, options);
}

export function freshStart(table: string, file: string): Checkpoint {
  return {
    table,
    file,
    offset: 0,
    lines: 0,
    rows: 0,
    cells: 0,
    rejected: 0,
    rejectedBytes: 0,
    timestamp: Date.now(),
  };
}

function resumed(checkpoint: Checkpoint, table: string, file: string): Checkpoint {
  if (checkpoint.table === table && checkpoint.offset <= statSync(file).size) {
    process.stderr.write(`going on behind line ${checkpoint.lines}\n`);
    return checkpoint;
  }
  throw new UsageError(
    `${file}.checkpoint is of an import into ${checkpoint.table} up to byte ${checkpoint.offset}`,
    'Give --restart to import the whole file.',
  );
}

function readFrom(file: string, start: number): AsyncIterable<Buffer> {
  return createReadStream(file, { start, highWaterMark: 2 ** 18 });
}

async function report(done: Checkpoint, rejected: string, options: ImportOptions): Promise<void> {
  if (done.rejected > 0) process.exitCode = exitCodes.failed;
  const { rows, cells, rejected: count } = done;
  if (options.json === true) {
    await printJson({
      rows,
      cells,
      rejected: count,
      ...(count > 0 ? { rejectedFile: rejected } : {}),
    });
    return;
  }
  await printLine(`imported ${rows} rows, ${cells} cells`);
  if (count > 0) await printLine(`${count} lines were rejected, and are kept in ${rejected}`);
}

/** A line, with its put or why it has none. */
interface Item {
  readonly line: Line;
  readonly put: PutOperation | undefined;
  error: CadastreError | undefined;
}

interface RunOptions {
  /** None for standard input. */
  readonly checkpoint: CheckpointFile<Checkpoint> | undefined;
  /** The file of rejected lines. */
  readonly rejected: string;
  readonly inFlight: number;
}

/** One import; `start` is where it goes on. */
export class Import {
  readonly #table: Pick<Table, 'batch'>;
  readonly #options: RunOptions;
  readonly #progress: Progress;
  readonly #size: number | undefined;
  #state: Checkpoint;
  #checkpointedMs = performance.now();

  constructor(table: Pick<Table, 'batch'>, start: Checkpoint, options: RunOptions) {
    this.#table = table;
    this.#state = start;
    this.#options = options;
    this.#size = options.checkpoint === undefined ? undefined : statSync(start.file).size;
    this.#progress = new Progress('import:', start.cells, this.#fraction(start.offset) ?? 0);
    this.#prepareRejects();
  }

  async toEnd(chunks: AsyncIterable<Buffer>): Promise<Checkpoint> {
    const { offset, lines } = this.#state;
    const running: Promise<Item[]>[] = [];
    let batch: Item[] = [];
    let characters = 0;
    const send = (): void => {
      const sent = this.#send(batch);
      // Its failure is met when its turn comes; until then it must not count as unhandled.
      sent.catch(() => undefined);
      running.push(sent);
      batch = [];
      characters = 0;
    };
    try {
      for await (const read of linesOf(chunks, { offset, lines })) {
        for (const line of read) {
          batch.push(this.#parse(line));
          characters += line.text.length;
          if (batch.length < batchLines && characters < batchCharacters) continue;
          send();
          if (running.length >= this.#options.inFlight) await this.#finish(running.shift());
        }
      }
      if (batch.length > 0) send();
      while (running.length > 0) await this.#finish(running.shift());
    } catch (error) {
      this.#writeCheckpoint();
      throw this.#interrupted(asCadastreError(error));
    }
    this.#progress.end(this.#state.rows, this.#state.cells);
    return this.#state;
  }

  #parse(line: Line): Item {
    if (line.text.trim() === '') return { line, put: undefined, error: undefined };
    try {
      return { line, put: parseLine(line.text, this.#state.timestamp), error: undefined };
    } catch (error) {
      return { line, put: undefined, error: asCadastreError(error) };
    }
  }

  async #send(batch: Item[]): Promise<Item[]> {
    const items = batch.filter(({ put }) => put !== undefined);
    const outcomes = await this.#table.batch(
      items.flatMap(({ put }) => (put === undefined ? [] : [put])),
    );
    outcomes.forEach((outcome, i) => {
      if (outcome.kind === 'done') return;
      // What is wrong with the line is told as its own; all else ends the import, to be gone on with.
      const { error } = outcome;
      if (error.kind !== 'fix-request' || error.code === 'table-not-found') throw error;
      const item = items[i];
      if (item !== undefined) item.error = error;
    });
    return batch;
  }

  /** Counts a batch that is done; in the order of the file. */
  async #finish(sent: Promise<Item[]> | undefined): Promise<void> {
    const items = (await sent) ?? [];
    let { rows, cells } = this.#state;
    for (const item of items) {
      if (item.error !== undefined) this.#reject(item.line, item.error);
      else if (item.put !== undefined) {
        rows += 1;
        cells += Array.isArray(item.put.values) ? item.put.values.length : 0;
      }
    }
    const last = items.at(-1)?.line;
    if (last === undefined) return;
    this.#state = { ...this.#state, rows, cells, offset: last.end, lines: last.number };
    this.#progress.show(rows, cells, this.#fraction(last.end));
    if (performance.now() - this.#checkpointedMs > checkpointEveryMs) this.#writeCheckpoint();
  }

  #fraction(offset: number): number | undefined {
    return this.#size === undefined ? undefined : offset / this.#size;
  }

  /** What an interrupted import rejected behind its checkpoint is rejected again. */
  #prepareRejects(): void {
    const { rejected } = this.#options;
    const { rejectedBytes } = this.#state;
    if (rejectedBytes === 0) rmSync(rejected, { force: true });
    else if (existsSync(rejected)) truncateSync(rejected, rejectedBytes);
  }

  /** In the file when this returns, so that no checkpoint names what is not there. */
  #reject(line: Line, error: CadastreError): void {
    const { rejected, rejectedBytes } = this.#state;
    const kept = `${line.text}\n`;
    appendFileSync(this.#options.rejected, kept);
    if (rejected < reasonsShown) process.stderr.write(`line ${line.number}: ${error.message}\n`);
    else if (rejected === reasonsShown) process.stderr.write('more lines are rejected…\n');
    this.#state = {
      ...this.#state,
      rejected: rejected + 1,
      rejectedBytes: rejectedBytes + Buffer.byteLength(kept),
    };
  }

  #writeCheckpoint(): void {
    this.#checkpointedMs = performance.now();
    this.#options.checkpoint?.write(this.#state);
  }

  #interrupted(error: CadastreError): CadastreError {
    const { rows, lines } = this.#state;
    const text = `the import stopped behind line ${lines}, ${rows} rows in: ${error.message}`;
    const hint =
      this.#options.checkpoint === undefined
        ? 'Start it again; rows that are in are put once more.'
        : 'Run the same command again to go on from there.';
    return new CadastreError(error.code, text, { cause: error, nextStep: hint });
  }
}
