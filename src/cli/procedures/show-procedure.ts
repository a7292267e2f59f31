// Procedures as lines for people.

import type { z } from 'zod';
import type { procedure, procedureSummary, TreeJson } from '../../admin/schemas.js';

export type Summary = z.output<typeof procedureSummary>;
type Full = z.output<typeof procedure>;

/** `850 ms`, `12.3 s`, `4 min`, `3 h`, `2 d`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

export const summaryHeader: readonly string[] = [
  'pid',
  'ppid',
  'type',
  'about',
  'state',
  'for',
  'step',
  'waits for',
];

export function summaryRow(view: Summary, now: number): readonly string[] {
  return [
    String(view.id),
    view.parent === undefined ? '-' : String(view.parent),
    view.type,
    view.about === '' ? '-' : view.about,
    stateOf(view),
    duration(now - view.since),
    view.step,
    view.waitsFor ?? view.error?.message ?? '',
  ];
}

/** The phase where it stands out, else what it waits for. */
function stateOf({ phase, reason }: Summary): string {
  if (reason === undefined || phase === 'quarantined') return phase;
  return phase === 'forward' ? reason : `${phase}, ${reason}`;
}

/** One line of a tree. */
function line(view: Summary, now: number): string {
  const about = view.about === '' ? '' : ` ${view.about}`;
  const waits = view.waitsFor === undefined ? '' : ` (${view.waitsFor})`;
  const attempt = view.attempt > 1 ? `, attempt ${view.attempt}` : '';
  const since = duration(now - view.since);
  return `${view.type}${about} (pid=${view.id}) ${view.step}: ${stateOf(view)} for ${since}${waits}${attempt}`;
}

export function* treeLines(tree: TreeJson, now: number, indent = ''): IterableIterator<string> {
  yield `${indent}${line(tree.procedure, now)}`;
  for (const child of tree.children) yield* treeLines(child, now, `${indent}  `);
  if (tree.omitted > 0) yield `${indent}  … and ${tree.omitted} more`;
}

export function detailRows(view: Full, now: number): readonly (readonly string[])[] {
  const { error } = view;
  const locks = view.locks.map(({ kind, name, mode }) => `${mode} ${kind} ${name}`);
  return [
    ['pid', String(view.id)],
    ...(view.parent === undefined ? [] : [['parent', String(view.parent)]]),
    ['type', view.type],
    ...(view.about === '' ? [] : [['about', view.about]]),
    ['owner', view.owner === '' ? '-' : view.owner],
    ['state', `${stateOf(view)}, for ${duration(now - view.since)}`],
    ...(view.waitsFor === undefined ? [] : [['waits for', view.waitsFor]]),
    ['step', `${view.step}${view.attempt > 1 ? `, attempt ${view.attempt}` : ''}`],
    ...(view.nextRetryAt === undefined
      ? []
      : [['next retry', `in ${duration(view.nextRetryAt - now)}`]]),
    ['priority', view.priority],
    ['can be undone', view.isPastPointOfNoReturn ? 'no longer' : 'yes'],
    ['locks', locks.length === 0 ? '-' : `${view.holdsLocks ? '' : 'wants '}${locks.join(', ')}`],
    ['children', `${view.childrenLive} unfinished of ${view.childrenStarted}`],
    ...flags(view),
    ['submitted', time(view.submittedAt)],
    ...(view.endedAt === undefined ? [] : [['ended', time(view.endedAt)]]),
    ...(error === undefined ? [] : [['error', `${error.code}: ${error.message}`]]),
    ...(error?.nextStep === undefined ? [] : [['', error.nextStep]]),
    ...view.history.map(({ step, isUndo, startedAt, endedAt }) => [
      `  ${isUndo ? 'undo of ' : ''}${step}`,
      `${time(startedAt)}, ${duration(endedAt - startedAt)}`,
    ]),
  ];
}

function flags({ isPaused, isOverdue }: Full): readonly (readonly string[])[] {
  return [
    ...(isPaused ? [['paused', 'by an operator']] : []),
    ...(isOverdue ? [['overdue', 'its async part runs longer than its type expects']] : []),
  ];
}
