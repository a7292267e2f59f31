// MasterService, the calls about procedures and locks, in HBase's terms.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { unreachable } from '../../base/assert.js';
import { CadastreError, asCadastreError } from '../../base/errors.js';
import type { ProcedureId } from '../../base/ids.js';
import type { ProcedureResult } from '../../procedure/api.js';
import type { LockKind } from '../../procedure/lock-request.js';
import type { LockView, ProcedureView } from '../../procedure/views.js';
import { exceptionClassName } from '../../wire/exceptions.js';
import type { ForeignExceptionMessageSchema } from '../../wire/generated/hbase/error_handling_pb.js';
import type { LockedResourceSchema } from '../../wire/generated/hbase/lock_pb.js';
import { LockType, LockedResourceType } from '../../wire/generated/hbase/lock_pb.js';
import type { MasterService } from '../../wire/generated/hbase/master_pb.js';
import { GetProcedureResultResponse_State } from '../../wire/generated/hbase/master_pb.js';
import type { ProcedureSchema } from '../../wire/generated/hbase/procedure_pb.js';
import { ProcedureState } from '../../wire/generated/hbase/procedure_pb.js';
import { safeNumberOf } from '../../wire/uint64.js';
import { limits } from '../limits.js';
import type { MasterParts, PartsHandlers } from './master-parts.js';

type Exception = MessageInitShape<typeof ForeignExceptionMessageSchema>;

export const procedureHandlers: Partial<PartsHandlers<typeof MasterService>> = {
  getProcedureResult: (parts, { procId }) => {
    const id = safeNumberOf(procId, 'a procedure id') as ProcedureId;
    const known = lookUp(parts, id);
    if (known === undefined) return { state: GetProcedureResultResponse_State.NOT_FOUND };
    const { view, result } = known;
    const times = {
      submittedTime: BigInt(view.submittedAt),
      lastUpdate: BigInt(view.endedAt ?? view.since),
    };
    if (result === undefined) {
      return { state: GetProcedureResultResponse_State.RUNNING, ...times };
    }
    parts.engine.acknowledge(id);
    return { state: GetProcedureResultResponse_State.FINISHED, ...times, ...exceptionOf(result) };
  },
  abortProcedure: async ({ engine }, { procId }) => {
    const committed = engine.cancel(safeNumberOf(procId, 'a procedure id') as ProcedureId);
    await committed.durable();
    return { isProcedureAborted: committed.value.kind === 'done' };
  },
  getProcedures: ({ engine }) => ({
    procedure: engine.list({ limit: limits.proceduresShown }).procedures.map(procedureMessage),
  }),
  getLocks: async ({ engine }) => {
    const { locks } = await engine.locks({ limit: limits.proceduresShown });
    return { lock: locks.flatMap(lockMessage) };
  },
};

interface Known {
  readonly view: ProcedureView;
  readonly result: ProcedureResult | undefined;
}

function lookUp({ engine }: MasterParts, id: ProcedureId): Known | undefined {
  try {
    return { result: engine.result(id), view: engine.show(id) };
  } catch (error) {
    // Forgotten, or never there: a state of its own in HBase's answer.
    if (asCadastreError(error).code === 'procedure-not-found') return undefined;
    throw error;
  }
}

function exceptionOf(result: ProcedureResult): { readonly exception?: Exception } {
  switch (result.kind) {
    case 'succeeded':
      return {};
    case 'failed':
      return { exception: foreignException(result.error) };
    case 'bypassed':
      return {
        exception: foreignException(
          new CadastreError('procedure-failed', 'an operator bypassed the procedure'),
        ),
      };
    default:
      return unreachable(result);
  }
}

/** What clients make the exception of that class from. */
function foreignException(error: CadastreError): Exception {
  const { message, nextStep } = error;
  return {
    source: 'master',
    genericException: {
      className: exceptionClassName(error),
      message: nextStep === undefined ? message : `${message} ${nextStep}`,
    },
  };
}

function procedureMessage(view: ProcedureView): MessageInitShape<typeof ProcedureSchema> {
  const { error } = view;
  const failure =
    error === undefined
      ? {}
      : { exception: { source: 'master', genericException: { message: error.message } } };
  return {
    className: view.type,
    procId: BigInt(view.id),
    ...(view.parent === undefined ? {} : { parentId: BigInt(view.parent) }),
    submittedTime: BigInt(view.submittedAt),
    owner: view.owner,
    state: stateOf(view),
    lastUpdate: BigInt(view.endedAt ?? view.since),
    locked: view.holdsLocks,
    ...failure,
  };
}

function stateOf({ phase, reason }: ProcedureView): ProcedureState {
  switch (phase) {
    case 'succeeded':
    case 'bypassed':
      return ProcedureState.SUCCESS;
    case 'failed':
      return ProcedureState.ROLLEDBACK;
    case 'rolling-back':
      return ProcedureState.FAILED;
    case 'forward':
    case 'quarantined':
      break;
  }
  if (reason === 'timer' || reason === 'back-off') return ProcedureState.WAITING_TIMEOUT;
  const isRunnable = reason === 'runnable' || reason === 'running' || reason === 'storing';
  return isRunnable ? ProcedureState.RUNNABLE : ProcedureState.WAITING;
}

const resourceTypes: Readonly<Partial<Record<LockKind, LockedResourceType>>> = {
  server: LockedResourceType.SERVER,
  namespace: LockedResourceType.NAMESPACE,
  table: LockedResourceType.TABLE,
  region: LockedResourceType.REGION,
};

/** None for free locks, and for kinds that HBase does not have. */
function lockMessage(lock: LockView): MessageInitShape<typeof LockedResourceSchema>[] {
  const resourceType = resourceTypes[lock.kind];
  if (resourceType === undefined || lock.mode === 'free') return [];
  const isExclusive = lock.mode === 'exclusive';
  return [
    {
      resourceType,
      resourceName: lock.name,
      lockType: isExclusive ? LockType.EXCLUSIVE : LockType.SHARED,
      sharedLockCount: isExclusive ? 0 : lock.holderCount,
    },
  ];
}
