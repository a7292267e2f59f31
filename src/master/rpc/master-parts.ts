// What the master's RPC services work on, and how they are built: every handler but the exempt ones
// refuses while the master is starting.

import type { DescService } from '@bufbuild/protobuf';
import type { Epoch } from '../../base/ids.js';
import type { Settings } from '../../base/settings.js';
import type { Catalog, Transaction } from '../../catalog/api.js';
import type { ProcedureEngine, ProcedureResult } from '../../procedure/api.js';
import type { ProcedureType } from '../../procedure/definition.js';
import type { ProcedureId } from '../../base/ids.js';
import type { RpcCall } from '../../wire/rpc-call.js';
import type { ProtoHandlers } from '../../wire/proto-service.js';
import type { Address } from '../../world/network.js';
import type { Clock } from '../../world/clock.js';
import type { Acknowledgement } from '../assignment/acknowledgement.js';
import type { RegionImage } from '../assignment/image.js';
import type { Collector } from '../collector/collector.js';
import type { ServerRegistry } from '../servers/registry.js';

export interface MasterParts {
  readonly catalog: Catalog;
  readonly engine: ProcedureEngine<Transaction>;
  readonly registry: ServerRegistry;
  readonly image: RegionImage;
  readonly acknowledgement: Acknowledgement;
  readonly collector: Collector;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly epoch: Epoch;
  readonly address: Address;
  readonly softwareVersion: string;
}

/** Gives the parts; throws `please-hold` while the master is starting. */
export type Ready = () => MasterParts;

type Handler = (parts: MasterParts, request: never, call: RpcCall) => unknown;

/** Handlers that are given the parts first. */
export type PartsHandlers<S extends DescService> = {
  readonly [Name in keyof ProtoHandlers<S>]: NonNullable<ProtoHandlers<S>[Name]> extends (
    request: infer Request,
    call: RpcCall,
  ) => infer Response
    ? (parts: MasterParts, request: Request, call: RpcCall) => Response
    : never;
};

/** The handlers, each refused until the parts are ready. */
export function withParts<S extends DescService>(
  ready: Ready,
  handlers: Partial<PartsHandlers<S>>,
): ProtoHandlers<S> {
  const entries = Object.entries(handlers as Readonly<Record<string, Handler>>).map(
    ([name, handler]) =>
      [name, (request: never, call: RpcCall) => handler(ready(), request, call)] as const,
  );
  // Same names, same requests and answers: only the parts are filled in.
  return Object.fromEntries(entries) as unknown as ProtoHandlers<S>;
}

/** The two 64-bit numbers by which a client tells a repeated request. */
export interface RequestNonce {
  readonly nonceGroup: bigint;
  readonly nonce: bigint;
}

/**
 * Submits a procedure, durably, and says its id. A repeated nonce gives the first one, without
 * another check; else `check` runs on the tail, in the same record, and what it throws is the answer.
 */
export async function submitChecked<Input>(
  { catalog, engine }: MasterParts,
  type: ProcedureType<Input>,
  input: Input,
  request: RequestNonce & { readonly call: RpcCall },
  check: (tx: Transaction) => void,
): Promise<ProcedureId> {
  const { nonceGroup, nonce, call } = request;
  const owner = call.connection.user;
  const options =
    nonce === 0n && nonceGroup === 0n ? { owner } : { owner, nonce: `${nonceGroup}:${nonce}` };
  const committed = engine.transact((tx, procedures) => {
    // Ids rise: one below this mark is of an earlier request.
    const mark = catalog.ids.allocate(tx);
    const id = procedures.submit(type, input, options);
    if (id > mark) check(tx);
    return id;
  });
  await committed.durable();
  return committed.value;
}

/** Waits for a procedure's end. Rejects with what it failed with. */
export async function endOf(
  engine: ProcedureEngine<Transaction>,
  id: ProcedureId,
): Promise<ProcedureResult> {
  const result = await engine.ended(id);
  if (result.kind === 'failed') throw result.error;
  return result;
}
