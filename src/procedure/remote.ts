// Operations for region servers: queued by server, sent in batches, numbered, resent until the server
// answers, failed at once when it dies.
//
// Invariants:
// 1. A number is handed out once, in a record that was durable before the first sending, and every
//    sending of the operation carries it: so a server executes it once (race P7).
// 2. A number at or below the floor that a batch carries needs nothing more: its result is durable
//    here, or it was abandoned (race P19). One slow operation holds the floor back, and nothing else:
//    what is finished above it goes into the batch's `voided` list.
// 3. When a server dies, all its operations fail in that same turn (race P6).
// 4. An operation is given back as `never` delivered only if no sending of it can have been executed.

import { asCadastreError } from '../base/errors.js';
import type { CadastreError } from '../base/errors.js';
import type { Epoch, Incarnation, ProcedureId } from '../base/ids.js';
import type { Clock, Timer } from '../world/clock.js';
import type { Logger } from '../world/log.js';
import type { RemoteBatch, SendBatch } from './api.js';
import { retryDelayMs } from './back-off.js';
import type { Random } from '../world/random.js';

/** The four settings, which keep HBase's names in the settings table. */
export interface RemoteSettings {
  /** `hbase.procedure.remote.dispatcher.threadpool.size`: calls under way at once. */
  readonly callsMax: number;
  /** `hbase.procedure.remote.dispatcher.delay.msec`: the longest that operations gather. */
  readonly gatherMs: number;
  /** `hbase.procedure.remote.dispatcher.max.queue.size`: so many do not gather any longer. */
  readonly queueMax: number;
  /** `hbase.regionserver.rpc.startup.waittime`: how long a server may say that it is starting. */
  readonly startupWaitMs: number;
}

/** HBase's defaults. */
export const remoteDefaults: RemoteSettings = {
  callsMax: 128,
  gatherMs: 150,
  queueMax: 32,
  startupWaitMs: 60_000,
};

/** How an operation ended without a result from the server. */
export type RemoteEnd =
  | { readonly kind: 'server-died'; readonly server: Incarnation }
  | { readonly kind: 'remote-failed'; readonly error: CadastreError; readonly delivered: 'never' };

export interface Operation {
  readonly server: Incarnation;
  readonly number: number;
  readonly procedure: ProcedureId;
  readonly parent: ProcedureId | undefined;
  readonly kind: string;
  readonly body: Uint8Array;
}

class Outgoing {
  readonly operation: Operation;
  attempts = 0;
  /** Some sending of it may have been executed. */
  mayBeDelivered = false;
  /** `expected`: its record is not durable. `executed`: nothing is left to send. */
  state: 'expected' | 'queued' | 'in-flight' | 'delivered' | 'executed' = 'expected';

  constructor(operation: Operation) {
    this.operation = operation;
  }
}

class Server {
  readonly incarnation: Incarnation;
  isAlive = false;
  /** Outstanding, by number. */
  readonly outstanding = new Map<number, Outgoing>();
  /** Handed out last. A restart hands numbers out again in the order of procedures, not of numbers. */
  #expectedLast = 0;
  #isInOrder = true;
  /** Finished with, but above the floor. */
  readonly voided = new Set<number>();
  /** The largest number that is finished with. */
  finishedMax = 0;
  queue: Outgoing[] = [];
  callsInFlight = 0;
  failures = 0;
  startingSince: number | undefined;
  timer: Timer | undefined;

  constructor(incarnation: Incarnation) {
    this.incarnation = incarnation;
  }

  expect(operation: Operation): void {
    if (operation.number < this.#expectedLast) this.#isInOrder = false;
    this.#expectedLast = operation.number;
    this.outstanding.set(operation.number, new Outgoing(operation));
  }

  get floor(): number {
    if (!this.#isInOrder) this.#putInOrder();
    for (const number of this.outstanding.keys()) return number - 1;
    return this.finishedMax;
  }

  /** A floor above an outstanding number would make the server refuse it for ever (race P19). */
  #putInOrder(): void {
    const sorted = [...this.outstanding].sort(([a], [b]) => a - b);
    this.outstanding.clear();
    for (const [number, out] of sorted) this.outstanding.set(number, out);
    this.#expectedLast = sorted.at(-1)?.[0] ?? 0;
    this.#isInOrder = true;
  }
}

/** Proof that a batch was not executed. */
const neverExecuted: ReadonlySet<string> = new Set(['server-not-running', 'call-queue-too-big']);
/** Between two attempts on a server that says that it is starting, as HBase does. */
const startupRetryMs = 100;
const resendMaxMs = 10_000;
/** Voided numbers in one batch; the rest goes with the next. */
const voidedPerBatch = 1_000;

export class RemoteDispatcher {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Logger;
  readonly #epoch: Epoch;
  readonly #settings: RemoteSettings;
  readonly #send: SendBatch;
  readonly #onEnd: (operation: Operation, end: RemoteEnd) => void;
  readonly #servers = new Map<Incarnation, Server>();
  #calls = 0;
  #isStopped = false;
  /** Servers that wait for a free call. */
  readonly #waiting = new Set<Server>();

  constructor(options: {
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
    readonly epoch: Epoch;
    readonly settings: RemoteSettings;
    readonly send: SendBatch;
    readonly onEnd: (operation: Operation, end: RemoteEnd) => void;
  }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#log = options.log;
    this.#epoch = options.epoch;
    this.#settings = options.settings;
    this.#send = options.send;
    this.#onEnd = options.onEnd;
  }

  stop(): void {
    this.#isStopped = true;
    for (const server of this.#servers.values()) server.timer?.cancel();
  }

  serverJoined(incarnation: Incarnation): void {
    const server = this.#server(incarnation);
    server.isAlive = true;
    this.#flush(server);
  }

  serverDied(incarnation: Incarnation): void {
    const server = this.#servers.get(incarnation);
    if (server === undefined) return;
    server.isAlive = false;
    server.timer?.cancel();
    server.queue = [];
    this.#waiting.delete(server);
    const ended = [...server.outstanding.values()].filter((out) => out.state !== 'expected');
    for (const { operation } of ended) {
      this.#onEnd(operation, { kind: 'server-died', server: incarnation });
    }
    this.#forgetDead(server);
  }

  /** Known live servers. */
  isAlive(incarnation: Incarnation): boolean {
    return this.#servers.get(incarnation)?.isAlive === true;
  }

  /** A number was handed out, or stands in a record that was loaded: it holds the floor back. */
  expect(operation: Operation): void {
    this.#server(operation.server).expect(operation);
  }

  /** Its record is durable: it may be sent. */
  dispatch(incarnation: Incarnation, number: number): void {
    const server = this.#server(incarnation);
    const out = server.outstanding.get(number);
    if (out === undefined || out.state !== 'expected') return;
    if (!server.isAlive) {
      this.#onEnd(out.operation, { kind: 'server-died', server: incarnation });
      return;
    }
    out.state = 'queued';
    server.queue.push(out);
    this.#flush(server);
  }

  /** The procedure that waits on a number; undefined if nobody does. */
  find(incarnation: Incarnation, number: number): ProcedureId | undefined {
    return this.#servers.get(incarnation)?.outstanding.get(number)?.operation.procedure;
  }

  /** The server has executed it, and the procedure waits for something else still. */
  executed(incarnation: Incarnation, number: number): void {
    const out = this.#servers.get(incarnation)?.outstanding.get(number);
    if (out !== undefined) out.state = 'executed';
  }

  /** The procedure's next record is durable: nobody needs the number any more. */
  release(incarnation: Incarnation, number: number): void {
    const server = this.#servers.get(incarnation);
    const out = server?.outstanding.get(number);
    if (server === undefined || out === undefined) return;
    server.outstanding.delete(number);
    server.queue = server.queue.filter((queued) => queued !== out);
    server.finishedMax = Math.max(server.finishedMax, number);
    server.voided.add(number);
    const { floor } = server;
    for (const old of server.voided) if (old <= floor) server.voided.delete(old);
    this.#forgetDead(server);
  }

  floor(incarnation: Incarnation): number {
    return this.#servers.get(incarnation)?.floor ?? 0;
  }

  #server(incarnation: Incarnation): Server {
    let server = this.#servers.get(incarnation);
    if (server === undefined) {
      server = new Server(incarnation);
      this.#servers.set(incarnation, server);
    }
    return server;
  }

  #forgetDead(server: Server): void {
    if (!server.isAlive && server.outstanding.size === 0) this.#servers.delete(server.incarnation);
  }

  /** Idle: at once. A call in flight: gather, up to the bounds. */
  #flush(server: Server): void {
    if (this.#isStopped || !server.isAlive || server.queue.length === 0) return;
    if (server.timer !== undefined) {
      if (server.failures > 0 || server.queue.length <= this.#settings.queueMax) return;
      server.timer.cancel();
      server.timer = undefined;
    } else if (server.callsInFlight > 0 && server.queue.length <= this.#settings.queueMax) {
      this.#flushAfter(server, this.#settings.gatherMs);
      return;
    }
    if (this.#calls >= this.#settings.callsMax) {
      this.#waiting.add(server);
      return;
    }
    this.#call(server, server.queue);
  }

  #flushAfter(server: Server, ms: number): void {
    server.timer = this.#clock.timer(ms, () => {
      server.timer = undefined;
      if (this.#isStopped || !server.isAlive || server.queue.length === 0) return;
      if (this.#calls < this.#settings.callsMax) this.#call(server, server.queue);
      else this.#waiting.add(server);
    });
  }

  #call(server: Server, sent: Outgoing[]): void {
    server.timer?.cancel();
    server.timer = undefined;
    server.queue = [];
    server.callsInFlight++;
    this.#calls++;
    for (const out of sent) {
      out.state = 'in-flight';
      out.attempts++;
    }
    const voided = [...server.voided].slice(0, voidedPerBatch);
    const batch: RemoteBatch = {
      epoch: this.#epoch,
      server: server.incarnation,
      floor: server.floor,
      voided,
      operations: sent.map(({ operation, attempts }) => ({
        number: operation.number,
        procedure: operation.procedure,
        parent: operation.parent,
        attempt: attempts,
        kind: operation.kind,
        body: operation.body,
      })),
    };
    // `send` is not ours: what it throws at once is a failure like any other (L10).
    Promise.resolve()
      .then(() => this.#send(batch))
      .then(
        () => this.#returned(server, () => this.#delivered(server, sent, voided)),
        (error: unknown) =>
          this.#returned(server, () => this.#failed(server, sent, asCadastreError(error))),
      )
      .catch((error: unknown) => {
        this.#log.error('a remote call ended wrongly', {}, error);
      });
  }

  #returned(server: Server, conclude: () => void): void {
    this.#calls--;
    server.callsInFlight--;
    if (this.#isStopped) return;
    conclude();
    for (const next of this.#waiting) {
      if (this.#calls >= this.#settings.callsMax) break;
      this.#waiting.delete(next);
      this.#flush(next);
    }
    // What gathered while the call was in flight goes now.
    if (server.failures === 0 && server.timer !== undefined) {
      server.timer.cancel();
      server.timer = undefined;
    }
    this.#flush(server);
  }

  #delivered(server: Server, sent: readonly Outgoing[], voided: readonly number[]): void {
    server.failures = 0;
    // The server remembers them until the floor passes.
    for (const number of voided) server.voided.delete(number);
    server.startingSince = undefined;
    for (const out of sent) if (out.state === 'in-flight') out.state = 'delivered';
  }

  #failed(server: Server, sent: readonly Outgoing[], error: CadastreError): void {
    const isProof = neverExecuted.has(error.code);
    const pending = sent.filter((out) => out.state === 'in-flight');
    for (const out of pending) {
      if (!isProof) out.mayBeDelivered = true;
      out.state = 'queued';
    }
    if (!server.isAlive) return;
    server.failures++;
    const fields = { server: server.incarnation, operations: pending.length };
    this.#log.warn(`operations were not delivered: ${error.message}`, fields);
    const stillStarting = error.code === 'server-not-running' && this.#isInStartup(server);
    const toResend = stillStarting ? pending : this.#giveBack(pending, isProof, error);
    server.queue = [...toResend, ...server.queue];
    server.timer?.cancel();
    server.timer = undefined;
    if (server.queue.length === 0) return;
    const delay = stillStarting
      ? startupRetryMs
      : retryDelayMs(server.failures, resendMaxMs, this.#random);
    this.#flushAfter(server, delay);
  }

  #isInStartup(server: Server): boolean {
    const now = this.#clock.monotonic();
    server.startingSince ??= now;
    return now - server.startingSince < this.#settings.startupWaitMs;
  }

  /** Gives back what surely was not executed; returns what has to be sent again. */
  #giveBack(pending: readonly Outgoing[], isProof: boolean, error: CadastreError): Outgoing[] {
    if (!isProof) return [...pending];
    for (const out of pending) {
      if (out.mayBeDelivered) continue;
      out.state = 'delivered';
      this.#onEnd(out.operation, { kind: 'remote-failed', error, delivered: 'never' });
    }
    return pending.filter((out) => out.mayBeDelivered);
  }
}
