// `export`: writes a table's rows as JSON lines.
//
// Invariant: the checkpoint names a length of the file up to which it holds whole rows, and the last of
// them; an export that goes on cuts the file there.

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { z } from 'zod';
import { asCadastreError, CadastreError } from '../../base/errors.js';
import { rowBehindPrefix } from '../../client/public.js';
import type { Row, ScanOptions } from '../../client/public.js';
import { scanOptions } from '../commands/data.js';
import type { ScanCommandOptions } from '../commands/data.js';
import { withClient } from '../connection.js';
import { printJson, printLine, rowJson } from '../output.js';
import { CheckpointFile } from './checkpoint.js';
import { Progress } from './progress.js';
import { UsageError } from '../errors.js';

const checkpointSchema = z.object({
  table: z.string(),
  /** What was to be exported, so that another export does not go on in this file. */
  selection: z.string(),
  bytes: z.int(),
  lastRow: z.base64(),
  rows: z.int(),
  cells: z.int(),
});
type Checkpoint = z.infer<typeof checkpointSchema>;

const checkpointEveryMs = 1_000;

export async function exportTable(
  table: string,
  file: string | undefined,
  options: ScanCommandOptions & { readonly restart?: boolean },
): Promise<void> {
  if (file === undefined || file === '-') return await exportToOutput(table, options);
  const checkpoint = new CheckpointFile(`${file}.checkpoint`, checkpointSchema);
  const before = options.restart === true ? undefined : checkpoint.read();
  const start =
    before === undefined ? freshStart(table, options) : resumed(before, table, file, options);
  if (
    before === undefined &&
    existsSync(file) &&
    statSync(file).size > 0 &&
    options.restart !== true
  ) {
    throw new UsageError(
      `${file} is there already`,
      'Give another file, or --restart to write it anew.',
    );
  }
  const sink = new ExportFile(file, checkpoint, start);
  const { rows, cells } = await sink.fill(table, options);
  if (options.json === true) await printJson({ rows, cells, file });
  else await printLine(`exported ${rows} rows, ${cells} cells to ${file}`);
}

async function exportToOutput(table: string, options: ScanCommandOptions): Promise<void> {
  await withClient(options, async (client) => {
    for await (const page of client.table(table).scanPages(scanOptions(options))) {
      await printLine(linesOf(page));
    }
  });
}

function linesOf(page: readonly Row[]): string {
  return page.map((row) => JSON.stringify(rowJson(row))).join('\n');
}

function selectionText({
  columns,
  versions,
  from,
  until,
  start,
  stop,
  prefix,
}: ScanCommandOptions) {
  return JSON.stringify({ columns, versions, from, until, start, stop, prefix });
}

function freshStart(table: string, options: ScanCommandOptions): Checkpoint {
  const selection = selectionText(options);
  return { table, selection, bytes: 0, lastRow: '', rows: 0, cells: 0 };
}

function resumed(
  checkpoint: Checkpoint,
  table: string,
  file: string,
  options: ScanCommandOptions,
): Checkpoint {
  const isSame = checkpoint.table === table && checkpoint.selection === selectionText(options);
  if (isSame && existsSync(file) && statSync(file).size >= checkpoint.bytes) {
    process.stderr.write(`going on behind row ${checkpoint.rows}\n`);
    return checkpoint;
  }
  throw new UsageError(
    `${file}.checkpoint is of another export`,
    'Give --restart to write the whole file anew.',
  );
}

class ExportFile {
  readonly #file: string;
  readonly #checkpoint: CheckpointFile<Checkpoint>;
  readonly #progress: Progress;
  #state: Checkpoint;
  #checkpointedMs = performance.now();

  constructor(file: string, checkpoint: CheckpointFile<Checkpoint>, start: Checkpoint) {
    this.#file = file;
    this.#checkpoint = checkpoint;
    this.#state = start;
    this.#progress = new Progress('export:', start.cells);
  }

  async fill(table: string, options: ScanCommandOptions): Promise<Checkpoint> {
    const scanned = scanOptions(options);
    const { lastRow, rows } = this.#state;
    const limit = scanned.limit === undefined ? {} : { limit: scanned.limit - rows };
    if (limit.limit === 0) return this.#state;
    const from =
      lastRow === '' ? scanned : { ...behind(Buffer.from(lastRow, 'base64'), scanned), ...limit };
    const descriptor = this.#openFile();
    try {
      await withClient(options, async (client) => {
        for await (const page of client.table(table).scanPages(from)) this.#write(descriptor, page);
      });
    } catch (thrown) {
      this.#writeCheckpoint(descriptor);
      const { code, message } = asCadastreError(thrown);
      const text = `the export stopped behind row ${this.#state.rows}: ${message}`;
      const nextStep = 'Run the same command again to go on from there.';
      throw new CadastreError(code, text, { cause: thrown, nextStep });
    } finally {
      closeSync(descriptor);
    }
    this.#checkpoint.remove();
    this.#progress.end(this.#state.rows, this.#state.cells);
    return this.#state;
  }

  #openFile(): number {
    const descriptor = openSync(this.#file, 'a');
    truncateSync(this.#file, this.#state.bytes);
    return descriptor;
  }

  #write(descriptor: number, page: readonly Row[]): void {
    const text = Buffer.from(`${linesOf(page)}\n`);
    let at = 0;
    while (at < text.length) at += writeSync(descriptor, text, at);
    const last = page.at(-1);
    this.#state = {
      ...this.#state,
      bytes: this.#state.bytes + text.length,
      lastRow: last?.key.toString('base64') ?? this.#state.lastRow,
      rows: this.#state.rows + page.length,
      cells: page.reduce((sum, row) => sum + row.cells.length, this.#state.cells),
    };
    this.#progress.show(this.#state.rows, this.#state.cells, undefined);
    if (performance.now() - this.#checkpointedMs > checkpointEveryMs)
      this.#writeCheckpoint(descriptor);
  }

  /** The rows are in the file before the checkpoint says so. */
  #writeCheckpoint(descriptor: number): void {
    this.#checkpointedMs = performance.now();
    if (this.#state.lastRow === '') return;
    fsyncSync(descriptor);
    this.#checkpoint.write(this.#state);
  }
}

/** The rest of a scan behind a row. */
function behind(row: Buffer, { prefix, ...range }: ScanOptions): ScanOptions {
  const start = { ...range, start: row, includeStart: false };
  return prefix === undefined ? start : { ...start, stop: rowBehindPrefix(prefix) };
}
