// Long polls for the ends of procedures.
//
// Invariant: the engine is asked to tell of one procedure's end once, however many polls for it come
// and go: a poll that gives up leaves nothing behind but that.

import { CadastreError } from '../base/errors.js';
import type { ProcedureId } from '../base/ids.js';
import type { ProcedureEngine, ProcedureResult } from '../procedure/api.js';
import type { Clock } from '../world/clock.js';
import { waitsMax } from './limits.js';

type Ends = Pick<ProcedureEngine<never>, 'whenEnded'>;
type Settle = (result: ProcedureResult | undefined) => void;

/** One procedure that was asked about. */
interface Awaited {
  readonly waiting: Set<Settle>;
  /** Set once it has ended, which may be before anyone waits here. */
  result: ProcedureResult | undefined;
}

export class EndWaits {
  readonly #clock: Clock;
  readonly #awaited = new Map<ProcedureId, Awaited>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The result, or undefined once `ms` are over or `signal` aborts. Throws `procedure-not-found`, or
   * `call-queue-too-big` when too many wait.
   */
  async wait(
    engine: Ends,
    id: ProcedureId,
    ms: number,
    signal: AbortSignal,
  ): Promise<ProcedureResult | undefined> {
    const awaited = this.#await(engine, id);
    if (awaited.result !== undefined || signal.aborted) return awaited.result;
    if (this.#count >= waitsMax) {
      throw new CadastreError('call-queue-too-big', `${waitsMax} requests wait already`, {
        nextStep: 'Ask for the state of the procedure instead, now and then.',
      });
    }
    this.#count++;
    return new Promise((resolve) => {
      const timer = this.#clock.timer(ms, () => settle(undefined));
      const giveUp = (): void => settle(undefined);
      const settle: Settle = (result) => {
        this.#count--;
        timer.cancel();
        signal.removeEventListener('abort', giveUp);
        awaited.waiting.delete(settle);
        resolve(result);
      };
      signal.addEventListener('abort', giveUp);
      awaited.waiting.add(settle);
    });
  }

  #await(engine: Ends, id: ProcedureId): Awaited {
    const known = this.#awaited.get(id);
    if (known !== undefined) return known;
    const awaited: Awaited = { waiting: new Set(), result: undefined };
    engine.whenEnded(id, (result) => {
      awaited.result = result;
      this.#awaited.delete(id);
      for (const settle of awaited.waiting) settle(result);
    });
    if (awaited.result === undefined) this.#awaited.set(id, awaited);
    return awaited;
  }
}
