// Reads procedures' rows of every format there was. Golden rows stand under testdata/.

import { fromBinary } from '@bufbuild/protobuf';
import { CadastreError, isErrorCode } from '../base/errors.js';
import type { Incarnation, ProcedureId } from '../base/ids.js';
import { ProcedureSchema } from './generated/procedure_pb.js';
import type {
  Error as StoredError,
  Procedure as StoredProcedure,
  Reply,
  Wait,
} from './generated/procedure_pb.js';
import type { ProcedureRecord, Status, StoredRemote, StoredReply, StoredWait } from './record.js';
import { formatVersion, lockKindNumbers, phaseNumbers, priorityNumbers } from './record-numbers.js';

const headerBytes = 2;

/** Throws `corruption` if the bytes are not a row of a format we know. */
export function decodeRecord(bytes: Uint8Array): ProcedureRecord {
  const format = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
  if (format !== formatVersion) {
    throw new CadastreError('corruption', `a procedure's row has the unknown format ${format}`, {
      nextStep: 'start the version of Cadastre that wrote it, or bypass the procedure',
    });
  }
  let message: StoredProcedure;
  try {
    message = fromBinary(ProcedureSchema, bytes.subarray(headerBytes));
  } catch (cause) {
    throw new CadastreError('corruption', `a procedure's row of ${bytes.length} bytes is damaged`, {
      nextStep: 'bypass the procedure',
      cause,
    });
  }
  return fromMessage(message);
}

function fromMessage(message: StoredProcedure): ProcedureRecord {
  const phase = known(phaseNumbers, message.phase, 'phase');
  const isEnded = phase !== 'forward' && phase !== 'rolling-back';
  return {
    type: message.type,
    version: message.version,
    parent: message.parent === 0 ? undefined : (safeInteger(message.parent) as ProcedureId),
    owner: message.owner,
    nonce: message.nonce,
    phase,
    step: message.step,
    input: message.input,
    state: message.state,
    executed: message.executed,
    status: isEnded ? { kind: 'ended' } : statusFromMessage(message),
    locks: message.locks.map(({ kind, name, exclusive }) => {
      const mode = exclusive ? 'exclusive' : 'shared';
      return { kind: known(lockKindNumbers, kind, 'lock kind'), name, mode };
    }),
    holdsLocks: message.holdsLocks,
    isPastPointOfNoReturn: message.pastPointOfNoReturn,
    error: message.error && errorFromMessage(message.error),
    errorOrigin: message.error?.origin ?? '',
    result: message.result,
    isPaused: message.paused,
    isCancelRequested: message.cancelRequested,
    priority: known(priorityNumbers, message.priority, 'priority'),
    submittedAt: message.submittedAt,
    stepSince: message.stepSince,
    endedAt: message.endedAt,
    history: message.history.map(({ step, undo, startedAt, endedAt }) => ({
      step,
      isUndo: undo,
      startedAt,
      endedAt,
    })),
    childrenStarted: message.childrenStarted,
    childrenFailed: message.childrenFailed,
  };
}

function statusFromMessage({ status }: StoredProcedure): Status {
  switch (status.case) {
    case 'ready':
      return { kind: 'ready', reply: status.value.reply && replyFromMessage(status.value.reply) };
    case 'wait':
      return { kind: 'wait', on: waitFromMessage(status.value) };
    case 'children':
      return {
        kind: 'children',
        atMost: status.value.atMost,
        failedBefore: status.value.failedBefore,
      };
    case undefined:
      throw damaged('an unfinished procedure without status');
  }
}

function replyFromMessage({ kind }: Reply): StoredReply {
  switch (kind.case) {
    case 'remote':
      return { kind: 'remote', body: kind.value };
    case 'remoteFailure':
      if (kind.value.error === undefined) throw damaged('a failure without error');
      return {
        kind: 'remote-failed',
        error: errorFromMessage(kind.value.error),
        delivered: kind.value.executed ? 'executed' : 'never',
      };
    case 'report':
      return { kind: 'report', key: kind.value.key, payload: kind.value.payload };
    case undefined:
      throw damaged('a reply of an unknown kind');
  }
}

function waitFromMessage(message: Wait): StoredWait {
  const { remote, report, event, timeoutMs } = message;
  return {
    ...(remote && { remote: remoteFromMessage(remote) }),
    ...(report !== undefined && { report }),
    ...(event !== undefined && { event }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
}

function remoteFromMessage(remote: NonNullable<Wait['remote']>): StoredRemote {
  return {
    server: safeInteger(remote.server) as Incarnation,
    number: safeInteger(remote.number),
    kind: remote.kind,
    body: remote.body,
  };
}

function errorFromMessage(message: StoredError): CadastreError {
  // A code of another version is kept as text: what the caller should do is then to give up.
  const { code, nextStep } = message;
  const options = nextStep === '' ? {} : { nextStep };
  if (isErrorCode(code)) return new CadastreError(code, message.message, options);
  return new CadastreError('internal', `${code}: ${message.message}`, options);
}

function known<Name extends string, Stored extends number>(
  table: Readonly<Record<Name, Stored>>,
  value: number,
  what: string,
): Name {
  for (const name of Object.keys(table) as Name[]) {
    if (table[name] === (value as Stored)) return name;
  }
  throw damaged(`${what} ${value}`);
}

function safeInteger(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw damaged(`the number ${value}`);
  return value;
}

function damaged(what: string): CadastreError {
  return new CadastreError('corruption', `a procedure's row holds ${what}`, {
    nextStep: 'start the version of Cadastre that wrote it, or bypass the procedure',
  });
}
