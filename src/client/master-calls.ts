// Calls to the active master, wherever it is now; and waiting for procedures.

import type { DescMethod, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { asCadastreError, CadastreError } from '../base/errors.js';
import type { Address } from '../world/network.js';
import { fromException } from '../wire/exceptions.js';
import {
  GetProcedureResultResponse_State as ProcedureState,
  MasterService,
} from '../wire/generated/hbase/master_pb.js';
import { callProto } from '../wire/proto-service.js';
import { reactionTo, withAttempts } from './attempts.js';
import type { Attempts } from './attempts.js';
import { attemptsOf, randomUint64 } from './context.js';
import type { ClientContext } from './context.js';
import { clientLimits } from './limits.js';

/** What makes a request that is sent twice be done once. */
export interface MasterNonce {
  readonly nonceGroup: bigint;
  readonly nonce: bigint;
}

export class MasterCalls {
  readonly #context: ClientContext;
  #master: Promise<Address> | undefined;

  constructor(context: ClientContext) {
    this.#context = context;
  }

  newNonce(): MasterNonce {
    const { random, nonceGroup } = this.#context;
    return { nonceGroup: BigInt(nonceGroup), nonce: BigInt(randomUint64(random)) };
  }

  /** Calls until the master answers; requests that change something carry a nonce. */
  call<M extends DescMethod>(
    what: string,
    method: M,
    request: MessageInitShape<M['input']>,
    attempts: Attempts = attemptsOf(this.#context, what),
  ): Promise<MessageShape<M['output']>> {
    return withAttempts(attempts, async () => {
      const timeoutMs = attempts.callTimeoutMs();
      const asked = (this.#master ??= this.#context.registry.activeMaster(timeoutMs));
      try {
        return await callProto(this.#context.rpc, await asked, method, request, { timeoutMs });
      } catch (error) {
        const isElsewhere = reactionTo(asCadastreError(error)) !== 'give-up';
        if (isElsewhere && this.#master === asked) this.#master = undefined;
        throw error;
      }
    });
  }

  /**
   * Waits until a procedure is done. Fails with what it failed with, with `procedure-not-found` for
   * one that the master does not know any more, or with `timed-out`.
   */
  async finish(what: string, procedureId: bigint): Promise<void> {
    const { clock, procedureTimeoutMs: timeoutMs } = this.#context;
    const deadlineMs = clock.monotonic() + timeoutMs;
    const request = { procId: procedureId };
    let pauseMs: number = clientLimits.pollFirstMs;
    for (;;) {
      const answer = await this.call(what, MasterService.method.getProcedureResult, request);
      if (answer.state === ProcedureState.FINISHED) {
        const exception = answer.exception?.genericException;
        if (exception === undefined) return;
        const { className, message } = exception;
        throw fromException({ className, text: message, doNotRetry: true });
      }
      if (answer.state === ProcedureState.NOT_FOUND) {
        throw new CadastreError(
          'procedure-not-found',
          `${what}: the master does not know procedure ${procedureId} any more`,
        );
      }
      if (clock.monotonic() + pauseMs > deadlineMs) {
        throw new CadastreError(
          'timed-out',
          `${what} is not done after ${timeoutMs} ms: procedure ${procedureId} goes on`,
          {
            nextStep: `Ask for the state of the table, or see "cadastre status", before trying again.`,
          },
        );
      }
      await clock.sleep(pauseMs);
      pauseMs = Math.min(clientLimits.pollMostMs, pauseMs * 1.5);
    }
  }
}
