// Reads procedures' rows of every format there was. Golden rows stand under testdata/.
//
// What every row has is read field by field; what few have (replies, waits, errors) by the generated
// code. A property holds the two to each other.

import { fromBinary } from '@bufbuild/protobuf';
import { CadastreError, isErrorCode } from '../base/errors.js';
import type { Incarnation, ProcedureId } from '../base/ids.js';
import { FieldReader } from './field-reader.js';
import { ErrorSchema, ReadySchema, WaitSchema } from './generated/procedure_pb.js';
import type { Error as StoredError, Reply, Wait } from './generated/procedure_pb.js';
import type { LockRequest } from './lock-request.js';
import { noBytes } from './record.js';
import type { NextRecord, ProcedureRecord, Status } from './record.js';
import type { StoredRemote, StoredReply, StoredWait } from './record.js';
import { formatVersion, lockKindNumbers, phaseNumbers, priorityNumbers } from './record-numbers.js';
import type { StepTiming } from './views.js';

const headerBytes = 2;
const ready: Status = { kind: 'ready', reply: undefined };
const ended: Status = { kind: 'ended' };
const nothing: readonly never[] = [];

/** Throws `corruption` if the bytes are not a row of a format we know. */
export function decodeRecord(bytes: Uint8Array): ProcedureRecord {
  return new RecordDecoder().decode(bytes);
}

/** Decodes many rows: what they have in common is made once. */
export class RecordDecoder {
  readonly #fields = new FieldReader();

  /** As `decodeRecord`. Bytes in the record are windows on the row. */
  decode(bytes: Uint8Array): ProcedureRecord {
    const format = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
    if (format !== formatVersion) {
      throw new CadastreError('corruption', `a procedure's row has the unknown format ${format}`, {
        nextStep: 'start the version of Cadastre that wrote it, or bypass the procedure',
      });
    }
    try {
      return this.#decode(bytes);
    } catch (cause) {
      if (cause instanceof CadastreError) throw cause;
      const what = `a procedure's row of ${bytes.length} bytes is damaged`;
      throw new CadastreError('corruption', what, { nextStep: 'bypass the procedure', cause });
    }
  }

  #decode(bytes: Uint8Array): ProcedureRecord {
    const fields = this.#fields;
    const record = emptyRecord();
    const found: Found = { phase: 0, priority: 0, parent: 0, status: undefined };
    fields.start(bytes, headerBytes);
    for (let field = fields.next(); field !== 0; field = fields.next()) {
      if (!this.#common(record, field) && !this.#special(record, found, field)) fields.skip();
    }
    record.phase = known(phaseNumbers, found.phase, 'phase');
    record.priority = known(priorityNumbers, found.priority, 'priority');
    if (found.parent !== 0) record.parent = safeInteger(found.parent) as ProcedureId;
    const isEnded = record.phase !== 'forward' && record.phase !== 'rolling-back';
    const status = isEnded ? ended : found.status;
    if (status === undefined) throw damaged('an unfinished procedure without status');
    record.status = status;
    return record;
  }

  /** Fields that are what they are; false if it is another one. */
  #common(record: NextRecord, field: number): boolean {
    const fields = this.#fields;
    switch (field) {
      case 1:
        record.type = fields.sharedText();
        return true;
      case 2:
        record.version = fields.u32();
        return true;
      case 4:
        record.owner = fields.sharedText();
        return true;
      case 5:
        record.nonce = fields.text();
        return true;
      case 7:
        record.step = fields.sharedText();
        return true;
      case 8:
        record.input = fields.bytes();
        return true;
      case 9:
        record.state = fields.bytes();
        return true;
      case 15:
        record.holdsLocks = fields.flag();
        return true;
      case 16:
        record.isPastPointOfNoReturn = fields.flag();
        return true;
      case 18:
        record.result = fields.bytes();
        return true;
      case 19:
        record.isPaused = fields.flag();
        return true;
      case 20:
        record.isCancelRequested = fields.flag();
        return true;
      case 22:
        record.submittedAt = fields.double();
        return true;
      case 23:
        record.stepSince = fields.double();
        return true;
      case 24:
        record.endedAt = fields.double();
        return true;
      case 26:
        record.childrenStarted = fields.u32();
        return true;
      case 27:
        record.childrenFailed = fields.u32();
        return true;
      default:
        return false;
    }
  }

  /**
   * Fields that are converted, repeated or checked at the end; false if it is an unknown one. Lists grow
   * by `concat`, which takes no room for more: with `[...list, item]` a row needs 400 bytes more.
   */
  #special(record: NextRecord, found: Found, field: number): boolean {
    const fields = this.#fields;
    switch (field) {
      case 3:
        found.parent = fields.double();
        return true;
      case 6:
        found.phase = fields.u32();
        return true;
      case 10:
        record.executed = record.executed.concat([fields.sharedText()]);
        return true;
      case 11:
        found.status = readyFromBytes(fields.bytes());
        return true;
      case 12:
        found.status = {
          kind: 'wait',
          on: waitFromMessage(fromBinary(WaitSchema, fields.bytes())),
        };
        return true;
      case 13:
        found.status = this.#children();
        return true;
      case 14:
        record.locks = record.locks.concat([this.#lock()]);
        return true;
      case 17: {
        const error = fromBinary(ErrorSchema, fields.bytes());
        record.error = errorFromMessage(error);
        record.errorOrigin = error.origin;
        return true;
      }
      case 21:
        found.priority = fields.u32();
        return true;
      case 25:
        record.history = record.history.concat([this.#timing()]);
        return true;
      default:
        return false;
    }
  }

  #lock(): LockRequest {
    const fields = this.#fields;
    const outer = fields.enter();
    let kind = 0;
    let name = '';
    let isExclusive = false;
    for (let field = fields.next(); field !== 0; field = fields.next()) {
      if (field === 1) kind = fields.u32();
      else if (field === 2) name = fields.text();
      else if (field === 3) isExclusive = fields.flag();
      else fields.skip();
    }
    fields.leave(outer);
    const mode = isExclusive ? 'exclusive' : 'shared';
    return { kind: known(lockKindNumbers, kind, 'lock kind'), name, mode };
  }

  #timing(): StepTiming {
    const fields = this.#fields;
    const outer = fields.enter();
    let step = '';
    let isUndo = false;
    let startedAt = 0;
    let endedAt = 0;
    for (let field = fields.next(); field !== 0; field = fields.next()) {
      if (field === 1) step = fields.sharedText();
      else if (field === 2) isUndo = fields.flag();
      else if (field === 3) startedAt = fields.double();
      else if (field === 4) endedAt = fields.double();
      else fields.skip();
    }
    fields.leave(outer);
    return { step, isUndo, startedAt, endedAt };
  }

  #children(): Status {
    const fields = this.#fields;
    const outer = fields.enter();
    let atMost = 0;
    let failedBefore: number | undefined;
    for (let field = fields.next(); field !== 0; field = fields.next()) {
      if (field === 1) atMost = fields.u32();
      else if (field === 2) failedBefore = fields.u32();
      else fields.skip();
    }
    fields.leave(outer);
    return { kind: 'children', atMost, failedBefore };
  }
}

/** What is checked once all fields are read. */
interface Found {
  phase: number;
  priority: number;
  parent: number;
  status: Status | undefined;
}

/** What protobuf means by a field that is not there. The order of fields is that of the interface. */
function emptyRecord(): NextRecord {
  return {
    type: '',
    version: 0,
    parent: undefined,
    owner: '',
    nonce: '',
    phase: 'forward',
    step: '',
    input: noBytes,
    state: noBytes,
    executed: nothing,
    status: ready,
    locks: nothing,
    holdsLocks: false,
    isPastPointOfNoReturn: false,
    error: undefined,
    errorOrigin: '',
    result: noBytes,
    isPaused: false,
    isCancelRequested: false,
    priority: 'background',
    submittedAt: 0,
    stepSince: 0,
    endedAt: 0,
    history: nothing,
    childrenStarted: 0,
    childrenFailed: 0,
  };
}

function readyFromBytes(bytes: Uint8Array): Status {
  if (bytes.length === 0) return ready;
  const { reply } = fromBinary(ReadySchema, bytes);
  return { kind: 'ready', reply: reply && replyFromMessage(reply) };
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
