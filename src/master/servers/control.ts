// How remote operations reach the servers: one call a batch, to the address in the server's record.

import { CadastreError, asCadastreError } from '../../base/errors.js';
import type { Incarnation } from '../../base/ids.js';
import type { RemoteBatch, RemoteOperation, SendBatch } from '../../procedure/api.js';
import { OperationKind } from '../../wire/generated/cadastre/internal_pb.js';
import type { RemoteOperation as Operation } from '../../wire/internal.js';
import { ServerControlService } from '../../wire/internal.js';
import { callProto } from '../../wire/proto-service.js';
import type { RpcClient } from '../../wire/rpc-client.js';
import type { Address } from '../../world/network.js';
import { limits } from '../limits.js';

const kinds: Readonly<Record<Operation['kind'], OperationKind>> = {
  open: OperationKind.OPERATION_OPEN_REGION,
  close: OperationKind.OPERATION_CLOSE_REGION,
  flush: OperationKind.OPERATION_FLUSH_REGION,
  compact: OperationKind.OPERATION_COMPACT_REGION,
  'sort-log': OperationKind.OPERATION_SORT_LOG,
};

export interface ControlParts {
  readonly rpc: RpcClient;
  /** Where a live server listens. */
  readonly addressOf: (server: Incarnation) => Address | undefined;
  /** A call failed in a way that a dead server's would. */
  readonly suspect: (server: Incarnation) => void;
  /** The server says that its incarnation is over, or is another one. */
  readonly isOver: (server: Incarnation, reason: string) => void;
}

export function sendOperations(parts: ControlParts): SendBatch {
  return async (batch) => {
    const { server } = batch;
    const address = parts.addressOf(server);
    if (address === undefined) {
      throw new CadastreError('server-not-running', `server ${server} is not registered`);
    }
    try {
      const method = ServerControlService.method.executeOperations;
      const options = { timeoutMs: limits.controlCallMs };
      await callProto(parts.rpc, address, method, messageOf(batch), options);
    } catch (thrown) {
      const error = asCadastreError(thrown);
      if (error.code === 'connection-lost' || error.code === 'timed-out') parts.suspect(server);
      if (error.code === 'stale-incarnation') parts.isOver(server, error.message);
      throw error;
    }
  };
}

function messageOf({ epoch, server, floor, voided, operations }: RemoteBatch) {
  return {
    epoch: BigInt(epoch),
    incarnation: BigInt(server),
    acknowledgedFloor: BigInt(floor),
    voided: voided.map(BigInt),
    operations: operations.map(operationMessage),
  };
}

function operationMessage({ number, procedure, attempt, kind, body }: RemoteOperation) {
  return {
    number: BigInt(number),
    procedureId: BigInt(procedure),
    attempt,
    // Only `remoteRequest` makes operations, from those kinds.
    kind: kinds[kind as Operation['kind']],
    body,
  };
}
