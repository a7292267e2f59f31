// One log line for each transition, so that the log of one procedure reads like its story (R-P10).

import { formatLock } from './lock-request.js';
import type { Procedure } from './procedure.js';
import type { ProcedureRecord, StoredWait } from './record.js';

/** A record of its own became durable. `before` is undefined for a new procedure. */
export function logProgress(
  procedure: Procedure,
  before: ProcedureRecord | undefined,
  record: ProcedureRecord,
): void {
  const type = record.type;
  if (before === undefined) {
    procedure.log.info('initialized', {
      type,
      about: procedure.about,
      owner: record.owner,
      locks: record.locks.map(formatLock).join(', '),
    });
    return;
  }
  if (before.phase === 'forward' && record.phase === 'rolling-back') {
    procedure.log.warn('rolling back', {
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
      procedure.log.info('undoes in children', { type, step: record.executed.at(-1), left });
      return;
    }
    procedure.log.info('undo done', { type, step: before.executed.at(-1), left });
    return;
  }
  const { status } = record;
  const next = record.step;
  const fields = { type, step: before.step, next };
  if (status.kind === 'wait') {
    procedure.log.info('waits', { ...fields, for: describeWait(status.on) });
  } else if (status.kind === 'children') {
    const started = record.childrenStarted - before.childrenStarted;
    procedure.log.info('initialized children', { ...fields, started });
  } else if (before.step !== next) {
    procedure.log.info('step done', fields);
  } else if (before.status.kind === 'wait') {
    procedure.log.info('got its reply', fields);
  } else {
    procedure.log.debug('step done, again', fields);
  }
}

export function logEnd(procedure: Procedure): void {
  const { record } = procedure;
  const fields = {
    type: record.type,
    about: procedure.about,
    inMs: record.endedAt - record.submittedAt,
  };
  if (record.phase === 'succeeded') procedure.log.info('finished', fields);
  else if (record.phase === 'bypassed') procedure.log.warn('bypassed', fields);
  else {
    procedure.log.warn('failed, rolled back', {
      ...fields,
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
