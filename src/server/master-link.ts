// This server's way to the active master: finds it through the election register, registers, and
// repeats calls until they are answered, over changes of the master too.
//
// Invariants:
// 1. Nothing but `register` is sent to a master that has not answered this server's registration.
// 2. A master of a lower epoch than one already seen is never listened to (L3).
// 3. Told that its incarnation is over, the server stops: `onFenced` is called once and nothing is
//    sent any more.

import type { DescMethod, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { CadastreError, asCadastreError } from '../base/errors.js';
import type { ErrorCode } from '../base/errors.js';
import type { Epoch } from '../base/ids.js';
import type { Clock } from '../world/clock.js';
import type { Logger } from '../world/log.js';
import type { Address } from '../world/network.js';
import type { Random } from '../world/random.js';
import { ServerStatusService } from '../wire/generated/cadastre/internal_pb.js';
import type {
  RegisterRequestSchema,
  RegisterResponse,
} from '../wire/generated/cadastre/internal_pb.js';
import { callProto } from '../wire/proto-service.js';
import type { RpcClient } from '../wire/rpc-client.js';
import { safeNumberOf } from '../wire/uint64.js';
import { serverLimits } from './limits.js';

/** Where the register says the master is. */
export interface MasterLocation {
  readonly address: Address;
  readonly epoch: Epoch;
}

export interface MasterLinkOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly rpc: RpcClient;
  /** Reads the election register; undefined while nobody was ever elected. */
  readonly locate: () => Promise<MasterLocation | undefined>;
  /** What to register with, as things stand now. */
  readonly registration: () => MessageInitShape<typeof RegisterRequestSchema>;
  /** After each registration, before any other call goes to that master. */
  readonly onRegistered: (answer: RegisterResponse) => void;
  readonly onFenced: (error: CadastreError) => void;
}

export class MasterLink {
  readonly #options: MasterLinkOptions;
  readonly #stopping = new AbortController();
  #session: Promise<MasterLocation> | undefined;
  #current: MasterLocation | undefined;
  #epochSeen = 0;

  constructor(options: MasterLinkOptions) {
    this.#options = options;
  }

  /** The master that this server is registered with. */
  get master(): MasterLocation | undefined {
    return this.#current;
  }
  get isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Resolves once a master has answered the registration. Rejects with `stopped`. */
  async ready(): Promise<MasterLocation> {
    this.#session ??= this.#register();
    return this.#session;
  }

  /**
   * Calls the master until it answers. Rejects with the master's own refusal, or with `stopped`. The
   * caller makes sure that being executed twice does no harm.
   */
  async call<M extends DescMethod>(
    method: M,
    request: (master: MasterLocation) => MessageInitShape<M['input']>,
  ): Promise<MessageShape<M['output']>> {
    for (let attempt = 1; ; attempt++) {
      const master = await this.ready();
      try {
        return await this.#send(master, method, request(master));
      } catch (thrown) {
        const error = asCadastreError(thrown);
        this.#stopIfFenced(error);
        if (!isWorthAnotherTry(error) || this.isStopped) throw error;
        this.#lost(master, error);
        await this.pause(attempt);
      }
    }
  }

  /** As `call`, once, and only if a master is known now: for heartbeats, which are sent anyway. */
  async tryCall<M extends DescMethod>(
    method: M,
    request: MessageInitShape<M['input']>,
  ): Promise<MessageShape<M['output']> | undefined> {
    const master = this.#current;
    if (master === undefined) {
      this.ready().catch(() => undefined);
      return undefined;
    }
    try {
      return await this.#send(master, method, request);
    } catch (thrown) {
      const error = asCadastreError(thrown);
      this.#stopIfFenced(error);
      if (isWorthAnotherTry(error)) this.#lost(master, error);
      return undefined;
    }
  }

  stop(): void {
    this.#stopping.abort(new CadastreError('stopped', 'this server is stopping'));
  }

  async #register(): Promise<MasterLocation> {
    for (let attempt = 1; ; attempt++) {
      try {
        const master = await this.#options.locate();
        if (master !== undefined && master.epoch >= this.#epochSeen) {
          const answer = await this.#send(
            master,
            ServerStatusService.method.register,
            this.#options.registration(),
          );
          // Whoever answers there may have been deposed by the one that the register names.
          const epoch = safeNumberOf(answer.epoch, 'an epoch') as Epoch;
          if (epoch < master.epoch) throw deposed(epoch, master.epoch);
          this.#options.onRegistered(answer);
          this.#epochSeen = epoch;
          this.#current = { address: master.address, epoch };
          this.#options.log.info('registered with the master', { epoch: this.#epochSeen });
          return this.#current;
        }
      } catch (thrown) {
        const error = asCadastreError(thrown);
        this.#stopIfFenced(error);
        this.#stopping.signal.throwIfAborted();
        this.#options.log.debug('the master did not take the registration', {
          reason: error.message,
        });
      }
      await this.pause(attempt);
    }
  }

  async #send<M extends DescMethod>(
    master: MasterLocation,
    method: M,
    request: MessageInitShape<M['input']>,
  ): Promise<MessageShape<M['output']>> {
    this.#stopping.signal.throwIfAborted();
    return callProto(this.#options.rpc, master.address, method, request, {
      timeoutMs: serverLimits.masterCallMs,
    });
  }

  #lost(master: MasterLocation, error: CadastreError): void {
    if (this.#current !== master) return;
    this.#options.log.warn('lost the master', { epoch: master.epoch, reason: error.message });
    this.#current = undefined;
    this.#session = undefined;
  }

  #stopIfFenced(error: CadastreError): void {
    if (error.code !== 'stale-incarnation' || this.isStopped) return;
    this.stop();
    this.#options.onFenced(error);
  }

  /** The pause before try `attempt` + 1 of anything; rejects with `stopped`. */
  async pause(attempt: number): Promise<void> {
    const { masterRetryFirstMs, masterRetryMostMs } = serverLimits;
    const most = Math.min(masterRetryMostMs, masterRetryFirstMs * 2 ** Math.min(attempt - 1, 10));
    const ms = most * (0.5 + this.#options.random.float() / 2);
    await this.#options.clock.sleep(ms, this.#stopping.signal);
  }
}

function deposed(epoch: Epoch, later: Epoch): CadastreError {
  return new CadastreError(
    'stale-epoch',
    `a master of epoch ${epoch} answers; ${later} is elected`,
  );
}

/** The same call may succeed with the same or another master. */
const passing: ReadonlySet<ErrorCode> = new Set([
  'connection-lost',
  'timed-out',
  'please-hold',
  'server-not-running',
  'server-stopped',
  'stopped',
  'call-queue-too-big',
  'stale-epoch',
] as const);

function isWorthAnotherTry(error: CadastreError): boolean {
  return passing.has(error.code);
}
