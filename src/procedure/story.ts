// One log line for each transition, so that the log of one procedure reads like its story (R-P10). The
// root's logger is used, not the procedure's own: most procedures then never need one made.

import { formatLocks } from './lock-request.js';
import type { Procedure } from './procedure.js';
import type { ProcedureRecord, StoredWait } from './record.js';

/** A record of its own became durable. `before` is undefined for a new procedure. */
export function logProgress(
  procedure: Procedure,
  before: ProcedureRecord | undefined,
  record: ProcedureRecord,
): void {
  // Fields are written out, and not spread from common ones, because spreading takes a microsecond.
  const { id: pid, rootLog: log } = procedure;
  const { type, parent: ppid } = record;
  if (before === undefined) {
    log.info('initialized', {
      pid,
      ppid,
      type,
      about: procedure.about,
      owner: record.owner,
      locks: formatLocks(record.locks),
    });
    return;
  }
  if (before.phase === 'forward' && record.phase === 'rolling-back') {
    log.warn('rolling back', {
      pid,
      ppid,
      type,
      step: record.step,
      code: record.error?.code,
      error: record.error?.message,
    });
    return;
  }
  if (record.phase === 'rolling-back') {
    const left = record.executed.length;
    if (record.status.kind === 'children') {
      log.info('undoes in children', { pid, ppid, type, step: record.executed.at(-1), left });
      return;
    }
    log.info('undo done', { pid, ppid, type, step: before.executed.at(-1), left });
    return;
  }
  const { status } = record;
  const next = record.step;
  const { step } = before;
  if (status.kind === 'wait') {
    log.info('waits', { pid, ppid, type, step, next, for: describeWait(status.on) });
  } else if (status.kind === 'children') {
    const started = record.childrenStarted - before.childrenStarted;
    log.info('initialized children', { pid, ppid, type, step, next, started });
  } else if (before.step !== next) {
    log.info('step done', { pid, ppid, type, step, next });
  } else if (before.status.kind === 'wait') {
    log.info('got its reply', { pid, ppid, type, step, next });
  } else {
    log.debug('step done, again', { pid, ppid, type, step, next });
  }
}

export function logEnd(procedure: Procedure): void {
  const { id: pid, rootLog: log, about, record } = procedure;
  const { type, parent: ppid } = record;
  const inMs = record.endedAt - record.submittedAt;
  if (record.phase === 'succeeded') log.info('finished', { pid, ppid, type, about, inMs });
  else if (record.phase === 'bypassed') log.warn('bypassed', { pid, ppid, type, about, inMs });
  else {
    log.warn('failed, rolled back', {
      pid,
      ppid,
      type,
      about,
      inMs,
      code: record.error?.code,
      error: record.error?.message,
      origin: record.errorOrigin,
    });
  }
}

/** What a wait is for, in words. */
export function describeWait(on: StoredWait): string {
  const parts: string[] = [];
  if (on.remote !== undefined) {
    const { kind, server, number } = on.remote;
    parts.push(`operation ${kind} number ${number} on server ${server}`);
  }
  if (on.report !== undefined) parts.push(`report ${on.report}`);
  if (on.event !== undefined) parts.push(`event ${on.event}`);
  if (on.timeoutMs !== undefined) parts.push(`${on.timeoutMs} ms`);
  return parts.join(' or ');
}
