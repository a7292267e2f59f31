// Region servers for tests: each executes an operation once, keeps its result until the master has
// acknowledged it, and reports it again until then. Answers can be lost, doubled or late.

import type { Incarnation } from '../../base/ids.js';
import { CadastreError } from '../../base/errors.js';
import type { ProcedureEngine, RemoteBatch, RemoteOperation, RemoteOutcome } from '../api.js';
import { OperationReceiver } from '../operation-receiver.js';
import type { Clock } from '../../world/clock.js';

/** What happens to everything that goes between master and servers. */
export type Answers =
  | 'normal'
  /** Everything arrives, every first answer to it is lost. */
  | 'lost'
  /** Every first sending is lost. */
  | 'request-lost'
  | 'double'
  | 'late';

/** What a server does with an operation; what it throws is its error. */
export type Execute = (server: Incarnation, operation: RemoteOperation) => Uint8Array;

const reportMs = 10;
const lateMs = 5_000;
const pendingMax = 100;

export class SimulatedServers {
  readonly #execute: Execute;
  readonly #answers: Answers;
  readonly #receivers = new Map<Incarnation, OperationReceiver>();
  /** What happened to once already; the second time it works. */
  readonly #seen = new Set<string>();
  /** How often each operation was executed, by server and number. */
  readonly executions = new Map<string, number>();
  #clock: Clock;
  #engine: Pick<ProcedureEngine<never>, 'remoteResult' | 'remoteFloor'> | undefined;

  constructor(clock: Clock, execute: Execute, answers: Answers = 'normal') {
    this.#clock = clock;
    this.#execute = execute;
    this.#answers = answers;
  }

  get ids(): readonly Incarnation[] {
    return [...this.#receivers.keys()];
  }

  add(server: Incarnation): void {
    this.#receivers.set(server, new OperationReceiver(server));
  }

  remove(server: Incarnation): void {
    this.#receivers.delete(server);
  }

  /** A new master: results that were not acknowledged go to it. */
  connect(
    clock: Clock,
    engine: Pick<ProcedureEngine<never>, 'remoteResult' | 'remoteFloor'>,
  ): void {
    this.#clock = clock;
    this.#engine = engine;
    this.#later(reportMs, () => this.#report());
  }

  async send(batch: RemoteBatch): Promise<void> {
    if (this.#answers === 'late') await this.#clock.sleep(lateMs);
    const key = `send ${batch.server} ${batch.operations.map(({ number }) => number).join()}`;
    if (this.#answers === 'request-lost' && this.#isFirst(key)) throw lost();
    this.#receive(batch);
    if (this.#answers === 'double') this.#receive(batch);
    if (this.#answers === 'lost' && this.#isFirst(key)) throw lost();
  }

  #receive(batch: RemoteBatch): void {
    const receiver = this.#receivers.get(batch.server);
    if (receiver === undefined) throw lost();
    for (const operation of receiver.receive(batch)) {
      const key = `${batch.server}/${operation.number}`;
      this.executions.set(key, (this.executions.get(key) ?? 0) + 1);
      receiver.finished(operation.number, this.#outcome(batch.server, operation));
    }
  }

  #outcome(server: Incarnation, operation: RemoteOperation): RemoteOutcome {
    try {
      return { kind: 'executed', body: this.#execute(server, operation) };
    } catch (error) {
      if (error instanceof CadastreError) return { kind: 'failed', error };
      throw error;
    }
  }

  #report(): void {
    const engine = this.#engine;
    if (engine === undefined) return;
    for (const [server, receiver] of this.#receivers) {
      for (const { number, outcome } of receiver.pending(pendingMax)) {
        const key = `report ${server} ${number}`;
        if (this.#answers === 'request-lost' && this.#isFirst(key)) continue;
        const times = this.#answers === 'double' ? 2 : 1;
        for (let time = 0; time < times; time++) {
          const taken = engine.remoteResult(server, number, outcome);
          if (taken.value === 'later') continue;
          if (this.#answers === 'lost' && this.#isFirst(key)) continue;
          taken.whenDurable(() => receiver.acknowledge(engine.remoteFloor(server), [number]));
        }
      }
    }
    this.#later(this.#answers === 'late' ? lateMs : reportMs, () => this.#report());
  }

  /** By the master's clock, so that nothing reaches a master that was killed. */
  #later(ms: number, run: () => void): void {
    this.#clock.timer(ms, run);
  }

  #isFirst(key: string): boolean {
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    return true;
  }
}

function lost(): CadastreError {
  return new CadastreError('connection-lost', 'the connection broke');
}
