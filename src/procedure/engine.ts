// The engine put together: `createProcedureEngine` is the way to one. What it promises is in api.ts.

import { CadastreError } from '../base/errors.js';
import type { Incarnation, ProcedureId } from '../base/ids.js';
import type { Timer } from '../world/clock.js';
import { Auditor } from './auditor.js';
import type {
  LoadReport,
  ProcedureEngine,
  ProcedureResult,
  ProcedureSubmitter,
  RemoteOutcome,
  SubmitOptions,
} from './api.js';
import { Core } from './core.js';
import type { EngineOptions } from './core.js';
import type { ProcedureType } from './definition.js';
import { Ledger } from './ledger.js';
import type { Draft } from './ledger.js';
import { procedureStride, resultsSweepMs } from './limits.js';
import { applyRestore, loadProcedures } from './loader.js';
import { Operator } from './operator.js';
import type { Procedure } from './procedure.js';
import { withChanges } from './record.js';
import type { Status, StoredReply } from './record.js';
import { RemoteDispatcher } from './remote.js';
import type { Operation, RemoteEnd } from './remote.js';
import { Results } from './results.js';
import { Runner } from './runner.js';
import { withValue } from './store.js';
import type { Committed, ProcedureStore } from './store.js';
import { createProcedure } from './transition.js';
import { Waits } from './waits.js';

export function createProcedureEngine<Context, Tx>(
  options: EngineOptions<Context, Tx>,
): ProcedureEngine<Tx> {
  const core = new Core(options);
  const results = new Results(core.clock);
  const remote = new RemoteDispatcher({
    ...options,
    settings: options.remote,
    onEnd: (operation, end) => engine.remoteEnded(operation, end),
  });
  const waits = new Waits(core, remote);
  const ledger = new Ledger(core, options.store, waits, remote, results);
  const runner = new Runner(core, ledger, waits);
  const auditor = new Auditor(core, remote);
  const parts = { core, store: options.store, results, remote, waits, ledger, runner, auditor };
  const engine = new Engine(parts);
  return engine;
}

interface Parts<Tx> {
  readonly core: Core;
  readonly store: ProcedureStore<Tx>;
  readonly results: Results;
  readonly remote: RemoteDispatcher;
  readonly waits: Waits;
  readonly ledger: Ledger<Tx>;
  readonly runner: Runner<Tx>;
  readonly auditor: Auditor;
}

class Engine<Tx> extends Operator<Tx> implements ProcedureEngine<Tx> {
  readonly #core: Core;
  readonly #store: ProcedureStore<Tx>;
  readonly #results: Results;
  readonly #remote: RemoteDispatcher;
  readonly #waits: Waits;
  readonly #ledger: Ledger<Tx>;
  readonly #runner: Runner<Tx>;
  readonly #auditor: Auditor;
  #sweep: Timer | undefined;

  constructor(parts: Parts<Tx>) {
    super(parts);
    this.#core = parts.core;
    this.#store = parts.store;
    this.#results = parts.results;
    this.#remote = parts.remote;
    this.#waits = parts.waits;
    this.#ledger = parts.ledger;
    this.#runner = parts.runner;
    this.#auditor = parts.auditor;
  }

  async load(options: { readonly afterRestore?: boolean } = {}): Promise<LoadReport> {
    const report = await loadProcedures(this.#core, this.#store, this.#waits, this.#results);
    if (options.afterRestore === true) {
      await applyRestore(this.#core, this.#ledger, this.#waits);
    }
    return report;
  }

  start(options: { readonly paused?: boolean } = {}): void {
    if (options.paused === true) this.pauseAll();
    this.#goOn('begun');
    this.#runner.start();
    this.#results.onOverfull = () => this.#sweepNow();
    this.#sweepLater();
  }

  async drain(): Promise<void> {
    await this.#runner.drain();
  }

  stop(): Promise<void> {
    this.#core.isStopped = true;
    this.#auditor.stop();
    this.#remote.stop();
    this.#sweep?.cancel();
    for (const { timer, abort } of this.#core.procedures.values()) {
      timer?.cancel();
      abort?.abort(new CadastreError('stopped', 'the master stops'));
    }
    return Promise.resolve();
  }

  submit<Input>(
    type: ProcedureType<Input>,
    input: Input,
    options?: SubmitOptions,
  ): Committed<ProcedureId> {
    return this.transact((_tx, procedures) => procedures.submit(type, input, options));
  }

  transact<T>(body: (tx: Tx, procedures: ProcedureSubmitter) => T): Committed<T> {
    return this.#ledger.transact((tx, draft) =>
      body(tx, { submit: (type, input, options) => this.#submit(draft, type, input, options) }),
    );
  }

  #submit<Input>(
    draft: Draft,
    type: ProcedureType<Input>,
    input: Input,
    { nonce = '', owner = '' }: SubmitOptions = {},
  ): ProcedureId {
    const bytes = type.input.encode(input);
    const earlier = nonce === '' ? undefined : draft.nonce(nonce);
    if (earlier === undefined) {
      return createProcedure(this.#core, draft, type.type, bytes, { owner, nonce }).id;
    }
    const { id, record } = earlier;
    if (record.type === type.type && Buffer.compare(record.input, bytes) === 0) return id;
    throw new CadastreError(
      'nonce-reused',
      `nonce ${nonce} belongs to ${record.type} (pid=${id}), which is another request`,
      { nextStep: 'use a new nonce for a new request' },
    );
  }

  deliver(id: ProcedureId, key: string, payload: Uint8Array): Committed<'taken' | 'stale'> {
    const procedure = this.#core.procedures.get(id);
    const status = procedure?.record.status;
    const isExpected = status?.kind === 'wait' && status.on.report === key;
    if (procedure?.isWaiting !== true || !isExpected) return this.#ledger.verdict('stale');
    return withValue(this.#take(procedure, { kind: 'report', key, payload }), 'taken');
  }

  signal(event: string): void {
    this.#waits.signal(event);
  }

  interrupt(id: ProcedureId, signal: string): boolean {
    const procedure = this.#core.procedures.get(id);
    if (procedure === undefined || procedure.isEnded || procedure.quarantine !== undefined) {
      return false;
    }
    this.#waits.interrupt(procedure, signal);
    return true;
  }

  serverJoined(server: Incarnation): void {
    this.#remote.serverJoined(server);
  }

  serverDied(server: Incarnation): void {
    this.#remote.serverDied(server);
  }

  remoteResult(
    server: Incarnation,
    number: number,
    outcome: RemoteOutcome,
  ): Committed<'taken' | 'stale' | 'later'> {
    const id = this.#remote.find(server, number);
    const procedure = id === undefined ? undefined : this.#core.procedures.get(id);
    const status = procedure?.record.status;
    if (procedure === undefined || status?.kind !== 'wait' || status.on.remote?.number !== number) {
      return this.#ledger.verdict('stale');
    }
    // Woken by something else, and no record says so yet: after a restart it would wait again.
    if (!procedure.isWaiting) return this.#ledger.verdict('later');
    if (outcome.kind === 'failed') {
      const { error } = outcome;
      const reply: StoredReply = { kind: 'remote-failed', error, delivered: 'executed' };
      return withValue(this.#take(procedure, reply), 'taken');
    }
    if (status.on.report !== undefined) {
      this.#remote.executed(server, number);
      return this.#ledger.verdict('stale');
    }
    return withValue(this.#take(procedure, { kind: 'remote', body: outcome.body }), 'taken');
  }

  remoteFloor(server: Incarnation): number {
    return this.#remote.floor(server);
  }

  /** The dispatcher gave an operation back. */
  remoteEnded({ procedure: id }: Operation, end: RemoteEnd): void {
    const procedure = this.#core.procedures.get(id);
    if (procedure !== undefined) this.#waits.wake(procedure, end);
  }

  /** Ends a wait by what must not be lost: in the next step's own record, or in one that keeps it. */
  #take(procedure: Procedure, reply: StoredReply): Committed<unknown> {
    const atOnce = this.#runner.runNow(procedure, reply);
    if (atOnce !== undefined) return atOnce;
    return this.#ledger.transact((_tx, draft) => {
      const status: Status = { kind: 'ready', reply };
      draft.progress(procedure, withChanges(draft.current(procedure), { status }));
    });
  }

  result(id: ProcedureId): ProcedureResult | undefined {
    return this.#core.procedures.has(id) ? undefined : this.#results.result(id);
  }

  whenEnded(id: ProcedureId, done: (result: ProcedureResult) => void): void {
    const result = this.result(id);
    if (result === undefined) this.#results.listen(id, done);
    else done(result);
  }

  ended(id: ProcedureId): Promise<ProcedureResult> {
    return new Promise((resolve) => this.whenEnded(id, resolve));
  }

  acknowledge(id: ProcedureId): void {
    this.#results.acknowledge(id);
  }

  /** Makes loaded procedures go on, parents first: those that had begun, then those that had not. */
  #goOn(which: 'begun' | 'fresh'): void {
    const all = this.#core.procedures.values();
    const some = (): void => {
      if (this.#core.isStopped) return;
      for (let count = 0; count < procedureStride; count++) {
        const next = all.next();
        if (next.done === true) {
          if (which === 'begun') this.#goOn('fresh');
          else this.#auditor.start();
          return;
        }
        const { reason, record } = next.value;
        const isOne = record.holdsLocks === (which === 'begun');
        if (isOne && reason === 'storing') this.#restart(next.value);
      }
      this.#core.clock.nextTurn(some);
    };
    some();
  }

  /** Everything is tried at once; what waits for a server's answer asks again with its number. */
  #restart(procedure: Procedure): void {
    const { status } = procedure.record;
    if (procedure.sequence > 0) return;
    if (status.kind === 'wait' && status.on.remote === undefined) {
      this.#waits.wake(procedure, { kind: 'restart' });
    }
    this.#waits.settle(procedure);
    this.#runner.cancelChildren(procedure);
  }

  #sweepLater(): void {
    this.#sweep = this.#core.clock.timer(resultsSweepMs, () => this.#sweepResults());
  }

  /** Nothing to do if a sweep is under way: it goes on until it finds nothing. */
  #sweepNow(): void {
    if (this.#sweep === undefined) return;
    this.#sweep.cancel();
    this.#sweep = undefined;
    this.#core.clock.nextTurn(() => this.#sweepResults());
  }

  #sweepResults(): void {
    if (this.#core.isStopped) return;
    this.#sweep = undefined;
    const ids = this.#results.expired();
    if (ids.length === 0) {
      this.#sweepLater();
      return;
    }
    const committed = this.#ledger.transact((_tx, draft) => {
      for (const id of ids) draft.delete(id);
    });
    committed.whenDurable(() => {
      for (const id of ids) {
        const nonce = this.#results.record(id)?.nonce ?? '';
        if (nonce !== '') this.#core.nonces.delete(nonce);
      }
      this.#results.forget(ids);
      this.#core.clock.nextTurn(() => this.#sweepResults());
    });
  }
}
