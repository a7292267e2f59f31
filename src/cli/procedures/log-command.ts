// `procedure log`: prints what a root has stored of its procedures, one line for each row (R-P8).

import { resolve } from 'node:path';
import { asCadastreError } from '../../base/errors.js';
import { formatLock } from '../../procedure/lock-request.js';
import { decodeRecord } from '../../procedure/record-decoder.js';
import type { ProcedureRecord, Status } from '../../procedure/record.js';
import { describeWait } from '../../procedure/story.js';
import { NodeDisk } from '../../world/real/disk.js';
import { NodeClock } from '../../world/real/clock.js';
import { NodeRandom } from '../../world/real/random.js';
import { UsageError, exitCodes } from '../errors.js';
import { printJson, printLine } from '../output.js';
import { StoredProcedures } from './stored-procedures.js';
import type { StoredEntry } from './stored-procedures.js';

export interface LogOptions {
  readonly root: string;
  readonly pid?: string;
  readonly json?: boolean;
}

/** Sets the exit code to 1 if anything that was stored cannot be read. */
export async function log(options: LogOptions): Promise<void> {
  const root = resolve(options.root);
  const world = { clock: new NodeClock(), random: new NodeRandom() };
  const stored = new StoredProcedures(new NodeDisk(), root, world);
  if (!stored.isRoot) {
    throw new UsageError(`${root} is not a Cadastre root`, 'Give the directory with --root.');
  }
  const pid = options.pid === undefined ? undefined : parsePid(options.pid);
  let isDamaged = false;
  for await (const entry of stored.entries()) {
    if (entry.kind === 'row' && pid !== undefined && entry.id !== pid) continue;
    const line = lineOf(entry);
    if (line['damage'] !== undefined) isDamaged = true;
    if (options.json === true) await printJson(line);
    else await printLine(textOf(line));
  }
  if (isDamaged) process.exitCode = exitCodes.failed;
}

function parsePid(text: string): number {
  if (/^\d{1,16}$/.test(text)) return Number(text);
  throw new UsageError(`--pid "${text}" is not the number of a procedure`, 'See --help.');
}

type Line = Readonly<Record<string, string | number | undefined>>;

function lineOf(entry: StoredEntry): Line {
  if (entry.kind !== 'row') return { [entry.kind]: entry.text };
  const { from, sequence, revision, id, row } = entry;
  const place = { from, record: sequence, revision, pid: id };
  if (row === undefined) return { ...place, status: 'deleted' };
  try {
    return { ...place, ...fieldsOf(decodeRecord(row)) };
  } catch (error) {
    return { ...place, damage: asCadastreError(error).message };
  }
}

function fieldsOf(record: ProcedureRecord): Line {
  const { error, history } = record;
  const atMs =
    record.endedAt > 0 ? record.endedAt : (history.at(-1)?.endedAt ?? record.submittedAt);
  return {
    ppid: record.parent,
    at: new Date(atMs).toISOString(),
    type: record.type,
    phase: record.phase,
    step: record.step,
    status: statusText(record.status),
    locks: record.locks.length === 0 ? undefined : record.locks.map(formatLock).join(', '),
    error: error && `${error.code}: ${error.message}`,
  };
}

function statusText(status: Status): string {
  switch (status.kind) {
    case 'ready':
      return status.reply === undefined ? 'ready' : `ready, has its ${status.reply.kind}`;
    case 'wait':
      return `waits for ${describeWait(status.on)}`;
    case 'children':
      return status.atMost === 0
        ? 'waits for its children'
        : `waits until ${status.atMost} children are left`;
    case 'ended':
      return 'ended';
  }
}

/** `name=value`, quoted where it has spaces. */
function textOf(line: Line): string {
  return Object.entries(line)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${quoted(String(value))}`]))
    .join(' ');
}

function quoted(text: string): string {
  return /[\s"]/.test(text) ? JSON.stringify(text) : text;
}
