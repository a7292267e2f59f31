// Executes the master's remote operations and reports what came of them.
//
// Invariants (pages 3 and 4):
// 1. An operation number is executed once, whatever arrives how often; a batch of an old master, or
//    one meant for another incarnation, is refused whole. OperationReceiver keeps the books.
// 2. A result is reported until a master has acknowledged it.
// 3. What an operation throws becomes its result; nothing here ends the process.

import { asCadastreError } from '../base/errors.js';
import { unreachable } from '../base/assert.js';
import type { Epoch, Incarnation, ProcedureId } from '../base/ids.js';
import type { RemoteOperation } from '../procedure/api.js';
import { OperationReceiver } from '../procedure/operation-receiver.js';
import type { PendingResult } from '../procedure/operation-receiver.js';
import type { OperationKind } from '../wire/generated/cadastre/internal_pb.js';
import type { ExecuteOperationsRequest } from '../wire/generated/cadastre/internal_pb.js';
import {
  ServerControlService,
  ServerStatusService,
  decodeOperation,
  encodeSortLogResult,
} from '../wire/internal.js';
import type { SortLog, SortLogResult } from '../wire/internal.js';
import { protoService } from '../wire/proto-service.js';
import { safeNumberOf } from '../wire/uint64.js';
import type { RpcService } from '../wire/rpc-call.js';
import type { Logger } from '../world/log.js';
import type { MasterLink } from './master-link.js';
import type { Order, RegionOperations } from './region-operations.js';

export interface OperationsOptions {
  readonly incarnation: Incarnation;
  readonly link: MasterLink;
  readonly regions: Pick<RegionOperations, 'open' | 'close' | 'flush' | 'compact'>;
  readonly sortLog: (request: SortLog) => Promise<SortLogResult>;
  readonly log: Logger;
}

/** Results in one report: bounds its size (L9). */
const resultsPerCallMax = 1_000;

const noBytes = new Uint8Array(0);

export class Operations {
  readonly service: RpcService;
  readonly #options: OperationsOptions;
  readonly #receiver: OperationReceiver;
  #floor = 0;
  #isReporting = false;

  constructor(options: OperationsOptions) {
    this.#options = options;
    this.#receiver = new OperationReceiver(options.incarnation);
    this.service = protoService(ServerControlService, {
      executeOperations: (request) => {
        this.#execute(request);
        return {};
      },
    });
  }

  /** Everything at or below is finished with, as far as this server knows. */
  get acknowledgedFloor(): number {
    return this.#floor;
  }

  /** Results that no master has acknowledged, as registration carries them. */
  unacknowledged() {
    return this.#receiver.pending(resultsPerCallMax).map(resultToWire);
  }

  /** A master took the registration. Throws `stale-epoch` if a later one was heard of (race P8). */
  registered(epoch: Epoch, floor: number): void {
    this.#receiver.sawEpoch(epoch);
    this.#floor = Math.max(this.#floor, floor);
    this.#receiver.acknowledge(floor, []);
  }

  #execute(request: ExecuteOperationsRequest): void {
    const fresh = this.#receiver.receive({
      epoch: safeNumberOf(request.epoch, 'an epoch') as Epoch,
      server: safeNumberOf(request.incarnation, 'an incarnation') as Incarnation,
      floor: safeNumberOf(request.acknowledgedFloor, 'a floor'),
      voided: request.voided.map((number) => safeNumberOf(number, 'an operation number')),
      operations: request.operations.map(({ number, procedureId, attempt, kind, body }) => ({
        number: safeNumberOf(number, 'an operation number'),
        procedure: safeNumberOf(procedureId, 'a procedure id') as ProcedureId,
        parent: undefined,
        attempt,
        kind: String(kind),
        body,
      })),
    });
    for (const operation of fresh) void this.#run(operation);
  }

  async #run(operation: RemoteOperation): Promise<void> {
    const { number, procedure } = operation;
    try {
      const body = await this.#dispatch(operation);
      this.#receiver.finished(number, { kind: 'executed', body });
    } catch (thrown) {
      const error = asCadastreError(thrown);
      const { code, message } = error;
      this.#options.log.warn('an operation failed', { pid: procedure, code, reason: message });
      this.#receiver.finished(number, { kind: 'failed', error });
    }
    await this.#reportAll();
  }

  async #dispatch(operation: RemoteOperation): Promise<Uint8Array> {
    const { regions, sortLog } = this.#options;
    const { body, procedure, number } = operation;
    const order: Order = { procedure, operation: number };
    const decoded = decodeOperation({ kind: Number(operation.kind) as OperationKind, body });
    switch (decoded.kind) {
      case 'open':
        await regions.open(decoded, order);
        return noBytes;
      case 'close':
        await regions.close(decoded, order);
        return noBytes;
      case 'flush':
        await regions.flush(decoded);
        return noBytes;
      case 'compact':
        await regions.compact(decoded);
        return noBytes;
      case 'sort-log':
        return encodeSortLogResult(await sortLog(decoded));
      default:
        return unreachable(decoded);
    }
  }

  /** Again, after a report that did not come through. */
  async reportPending(): Promise<void> {
    await this.#reportAll();
  }

  async #reportAll(): Promise<void> {
    if (this.#isReporting) return;
    this.#isReporting = true;
    // Once a round: what the master is not ready for is not asked again before the next one, and
    // does not hold up the results behind it.
    const asked = new Set<number>();
    try {
      for (;;) {
        const results = this.#receiver
          .pending(Infinity)
          .filter(({ number }) => !asked.has(number))
          .slice(0, resultsPerCallMax);
        if (results.length === 0) break;
        for (const { number } of results) asked.add(number);
        const answer = await this.#options.link.call(
          ServerStatusService.method.reportOperations,
          () => ({
            incarnation: BigInt(this.#options.incarnation),
            results: results.map(resultToWire),
          }),
        );
        this.#floor = Math.max(this.#floor, Number(answer.acknowledgedFloor));
        this.#receiver.acknowledge(
          Number(answer.acknowledgedFloor),
          answer.acknowledged.map(Number),
        );
      }
    } catch (error) {
      this.#options.log.debug('results were not reported', { reason: String(error) });
    } finally {
      this.#isReporting = false;
    }
  }
}

function resultToWire({ number, procedure, outcome }: PendingResult) {
  return {
    number: BigInt(number),
    procedureId: BigInt(procedure),
    outcome:
      outcome.kind === 'executed'
        ? { case: 'result' as const, value: outcome.body }
        : {
            case: 'error' as const,
            value: { code: outcome.error.code, message: outcome.error.message },
          },
  };
}
