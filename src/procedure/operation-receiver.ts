// The server's side of remote operations: what is new in a batch, what was done before, and which
// results the master does not have yet. Pure; the server runs the operations and the reporting.
//
// Invariants:
// 1. A number is given out for execution once, whatever arrives how often (race P7).
// 2. Numbers at or below the highest floor seen, and voided ones above it, are refused for ever
//    (race P19); so nothing else need be remembered of them.
// 3. A batch of an epoch below the highest seen is refused whole (race P8).
// 4. A result is kept until the master has acknowledged its number (race P5).

import { CadastreError } from '../base/errors.js';
import type { Epoch, Incarnation, ProcedureId } from '../base/ids.js';
import type { RemoteBatch, RemoteOperation, RemoteOutcome } from './api.js';

/** A result the master has not acknowledged. */
export interface PendingResult {
  readonly number: number;
  readonly procedure: ProcedureId;
  readonly outcome: RemoteOutcome;
}

export class OperationReceiver {
  readonly #incarnation: Incarnation;
  #epoch = 0;
  #floor = 0;
  /** Above the floor: acknowledged or voided. */
  readonly #finished = new Set<number>();
  readonly #running = new Map<number, RemoteOperation>();
  readonly #results = new Map<number, PendingResult>();

  constructor(incarnation: Incarnation) {
    this.#incarnation = incarnation;
  }

  /** The highest epoch seen. */
  get epoch(): Epoch {
    return this.#epoch as Epoch;
  }

  /**
   * The operations of the batch that are to be executed now. Throws `stale-epoch` for the batch of
   * an old master, `stale-incarnation` for one that is meant for another run of this server.
   */
  receive(batch: RemoteBatch): readonly RemoteOperation[] {
    if (batch.server !== this.#incarnation) {
      throw new CadastreError(
        'stale-incarnation',
        `operations for server ${batch.server} came to ${this.#incarnation}`,
        { nextStep: 'recover the old incarnation and send to the new one' },
      );
    }
    this.sawEpoch(batch.epoch);
    this.acknowledge(batch.floor, batch.voided);
    const fresh = batch.operations.filter(({ number }) => !this.#isKnown(number));
    for (const operation of fresh) this.#running.set(operation.number, operation);
    return fresh;
  }

  /** Any message of a master counts. Throws `stale-epoch` if a later master was heard of. */
  sawEpoch(epoch: Epoch): void {
    if (epoch < this.#epoch) {
      throw new CadastreError(
        'stale-epoch',
        `epoch ${epoch} is over; epoch ${this.#epoch} is here`,
        { nextStep: 'stop: another master has taken over' },
      );
    }
    this.#epoch = epoch;
  }

  /** Records how an operation ended; the result is pending unless it was voided meanwhile. */
  finished(number: number, outcome: RemoteOutcome): void {
    const operation = this.#running.get(number);
    if (operation === undefined) return;
    this.#running.delete(number);
    this.#results.set(number, { number, procedure: operation.procedure, outcome });
  }

  /** Results to report, oldest number first. */
  pending(limit: number): readonly PendingResult[] {
    return [...this.#results.values()].sort((a, b) => a.number - b.number).slice(0, limit);
  }

  /** The master has these results, or does not need them, and everything up to the floor. */
  acknowledge(floor: number, numbers: readonly number[]): void {
    for (const number of numbers) if (number > this.#floor) this.#finish(number);
    if (floor <= this.#floor) return;
    this.#floor = floor;
    for (const number of this.#finished) if (number <= floor) this.#finished.delete(number);
    for (const number of this.#results.keys()) if (number <= floor) this.#results.delete(number);
    for (const number of this.#running.keys()) if (number <= floor) this.#running.delete(number);
  }

  #finish(number: number): void {
    this.#results.delete(number);
    this.#running.delete(number);
    this.#finished.add(number);
  }

  #isKnown(number: number): boolean {
    return (
      number <= this.#floor ||
      this.#finished.has(number) ||
      this.#running.has(number) ||
      this.#results.has(number)
    );
  }
}
