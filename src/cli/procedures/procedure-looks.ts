// `procedure list|show|tree|explain|wait|export`.

import { writeFile } from 'node:fs/promises';
import {
  explanation,
  procedure,
  procedureExport,
  procedurePage,
  procedureTree,
  waitAnswer,
} from '../../admin/schemas.js';
import { CadastreError } from '../../base/errors.js';
import { wholeOption } from '../connection.js';
import { UsageError } from '../errors.js';
import { printJson, printLine, printTable } from '../output.js';
import { AdminClient } from './admin-client.js';
import type { AdminOptions } from './admin-client.js';
import { detailRows, summaryHeader, summaryRow, treeLines } from './show-procedure.js';

/** One long poll; the master waits no longer than a minute. */
const pollMs = 30_000;

export async function list(
  options: AdminOptions & {
    readonly type?: string;
    readonly phase?: string;
    readonly reason?: string;
    readonly parent?: string;
    readonly roots?: boolean;
    readonly owner?: string;
    readonly stuck?: string;
    readonly after?: string;
    readonly limit?: string;
  },
): Promise<void> {
  const { type, phase, reason, parent, roots, owner, stuck, after, limit } = options;
  const client = await AdminClient.open(options);
  const page = await client.get('/api/procedures', procedurePage, {
    type,
    phase,
    reason,
    parent,
    rootsOnly: roots,
    owner,
    stuckForMs: stuck === undefined ? undefined : secondsOption(stuck, '--stuck') * 1_000,
    after,
    limit,
  });
  if (options.json === true) return printJson(page);
  const now = Date.now();
  await printTable([summaryHeader, ...page.procedures.map((view) => summaryRow(view, now))]);
  if (page.next !== undefined) await printLine(`there are more: --after ${page.next}`);
}

export async function show(pid: string, options: AdminOptions): Promise<void> {
  const client = await AdminClient.open(options);
  const view = await client.get(procedurePath(pid), procedure);
  if (options.json === true) await printJson(view);
  else await printTable(detailRows(view, Date.now()));
}

export async function tree(
  pid: string,
  options: AdminOptions & { readonly limit?: string },
): Promise<void> {
  const client = await AdminClient.open(options);
  const limit = wholeOption(options.limit, '--limit');
  const found = await client.get(`${procedurePath(pid)}/tree`, procedureTree, { limit });
  if (options.json === true) return printJson(found);
  for (const line of treeLines(found, Date.now())) await printLine(line);
}

export async function explain(pid: string, options: AdminOptions): Promise<void> {
  const client = await AdminClient.open(options);
  const why = await client.get(`${procedurePath(pid)}/explain`, explanation);
  if (options.json === true) return printJson(why);
  for (const { text } of why.chain) await printLine(text);
  await printLine('What can be done:');
  for (const advice of why.advice) await printLine(`- ${advice}`);
}

export async function wait(
  pid: string,
  options: AdminOptions & { readonly timeout?: string },
): Promise<void> {
  const client = await AdminClient.open(options);
  const { timeout } = options;
  const allMs = timeout === undefined ? Infinity : secondsOption(timeout, '--timeout') * 1_000;
  const until = performance.now() + allMs;
  for (;;) {
    const leftMs = Math.max(0, until - performance.now());
    const timeoutMs = Math.ceil(Math.min(pollMs, leftMs));
    const answer = await client.get(`${procedurePath(pid)}/wait`, waitAnswer, { timeoutMs });
    if (answer.outcome === 'unfinished' && leftMs > timeoutMs) continue;
    if (options.json === true) await printJson(answer);
    else if (answer.outcome === 'succeeded') await printLine(`procedure ${pid} succeeded`);
    if (answer.outcome === 'succeeded') return;
    throw unsuccessful(pid, answer.outcome, answer.error);
  }
}

function unsuccessful(
  pid: string,
  outcome: 'unfinished' | 'failed' | 'bypassed',
  error: { readonly message: string; readonly nextStep?: string | undefined } | undefined,
): CadastreError {
  if (outcome === 'unfinished') {
    return new CadastreError('timed-out', `procedure ${pid} has not ended yet`, {
      nextStep: `"cadastre procedure explain ${pid}" says what it waits for.`,
    });
  }
  const why = error === undefined ? outcome : `${outcome}: ${error.message}`;
  const options = error?.nextStep === undefined ? {} : { nextStep: error.nextStep };
  return new CadastreError('procedure-failed', `procedure ${pid} ${why}`, options);
}

export async function exportTree(
  pid: string,
  file: string | undefined,
  options: AdminOptions,
): Promise<void> {
  const client = await AdminClient.open(options);
  const found = await client.get(`${procedurePath(pid)}/export`, procedureExport);
  if (file === undefined) return printJson(found);
  // It holds inputs: not for everyone to read.
  await writeFile(file, `${JSON.stringify(found, undefined, 2)}\n`, { mode: 0o600 });
  const { procedures, rowsOmitted } = found;
  if (options.json === true) await printJson({ file, procedures: procedures.length, rowsOmitted });
  else await printLine(`${procedures.length} procedures are in ${file}`);
}

/** Throws {@link UsageError} for what is no number of a procedure. */
export function procedurePath(pid: string): string {
  if (/^\d{1,16}$/.test(pid)) return `/api/procedures/${pid}`;
  throw new UsageError(
    `"${pid}" is not the number of a procedure`,
    'See "cadastre procedure list".',
  );
}

function secondsOption(text: string, option: string): number {
  const seconds = Number(text);
  if (text.trim() !== '' && seconds >= 0 && Number.isFinite(seconds)) return seconds;
  throw new UsageError(
    `${option} "${text}" is not a number of seconds`,
    'Give a number from 0 on, such as 30.',
  );
}
