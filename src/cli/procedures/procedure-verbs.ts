// `procedure cancel|retry|pause|resume|bypass|priority`.

import { bypassPlan, doneAnswer, priority } from '../../admin/schemas.js';
import { CadastreError } from '../../base/errors.js';
import { confirm } from '../confirm.js';
import { UsageError } from '../errors.js';
import { printJson, printLine } from '../output.js';
import { AdminClient } from './admin-client.js';
import type { AdminOptions } from './admin-client.js';
import { procedurePath } from './procedure-looks.js';

export async function cancel(pid: string, options: AdminOptions): Promise<void> {
  await act(`${procedurePath(pid)}/cancel`, options);
}

export async function retry(pid: string, options: AdminOptions): Promise<void> {
  await act(`${procedurePath(pid)}/retry`, options);
}

type PausedOptions = AdminOptions & { readonly type?: string; readonly all?: boolean };

export async function pause(pid: string | undefined, options: PausedOptions): Promise<void> {
  await change('pause', pid, options);
}

export async function resume(pid: string | undefined, options: PausedOptions): Promise<void> {
  await change('resume', pid, options);
}

async function change(
  verb: 'pause' | 'resume',
  pid: string | undefined,
  options: PausedOptions,
): Promise<void> {
  const { type, all } = options;
  const given = [pid, type, all].filter((one) => one !== undefined);
  if (given.length !== 1) {
    throw new UsageError(
      given.length === 0 ? `nothing is named to ${verb}` : `too much is named to ${verb}`,
      'Give the number of one procedure, or --type, or --all.',
    );
  }
  if (pid !== undefined) await act(`${procedurePath(pid)}/${verb}`, options);
  else if (type !== undefined) await act(`/api/procedures/${verb}-type`, options, { type });
  else await act(`/api/procedures/${verb}-all`, options);
}

export async function setPriority(pid: string, text: string, options: AdminOptions): Promise<void> {
  const wanted = priority.safeParse(text);
  if (!wanted.success) {
    const nextStep = `Give one of ${priority.options.join(', ')}.`;
    throw new UsageError(`"${text}" is not a priority`, nextStep);
  }
  await act(`${procedurePath(pid)}/priority`, options, { priority: wanted.data });
}

/** What it would skip goes to standard error: that is for the person, also with `--json`. */
export async function bypass(
  pid: string,
  options: AdminOptions & {
    readonly recursive?: boolean;
    readonly override?: boolean;
    readonly yes?: boolean;
  },
): Promise<void> {
  const { recursive = false, override = false, yes } = options;
  const path = `${procedurePath(pid)}/bypass`;
  const client = await AdminClient.open(options);
  const plan = await client.get(path, bypassPlan);
  for (const line of plan.text) process.stderr.write(`${line}\n`);
  if (!plan.isPossible) throw new CadastreError('refused', `procedure ${pid} cannot be bypassed`);
  if (plan.needsRecursive && !recursive) {
    throw new UsageError(`procedure ${pid} has unfinished descendants`, 'Give --recursive.');
  }
  if (plan.needsOverride && !override) {
    throw new UsageError('an async part is running', 'Give --override to abandon it.');
  }
  await confirm('Skip all of this for good?', yes);
  await report(await client.post(path, doneAnswer, { recursive, override }), options);
}

async function act(path: string, options: AdminOptions, body: object = {}): Promise<void> {
  const client = await AdminClient.open(options);
  await report(await client.post(path, doneAnswer, body), options);
}

async function report(answer: { readonly text: string }, { json }: AdminOptions): Promise<void> {
  if (json === true) await printJson(answer);
  else await printLine(answer.text);
}
