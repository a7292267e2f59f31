// What the parts of the engine share: the procedures that live, the scheduler, the locks, and the one
// way in which a procedure's reason to wake changes.
//
// Invariant: whoever changes `reason` to something leaves the procedure in the registry that this
// reason names, in the same turn (L7).

import { CadastreError } from '../base/errors.js';
import type { Epoch, ProcedureId } from '../base/ids.js';
import type { Clock } from '../world/clock.js';
import type { Logger } from '../world/log.js';
import type { Random } from '../world/random.js';
import type { SendBatch } from './api.js';
import type { Priority, ProcedureType } from './definition.js';
import { LockTable } from './lock-table.js';
import type { Procedure } from './procedure.js';
import type { ProcedureRecord } from './record.js';
import { RecordEncoder } from './record-encoder.js';
import type { RemoteSettings } from './remote.js';
import { Scheduler } from './scheduler.js';
import type { ProcedureStore } from './store.js';
import type { WakeReason } from './views.js';

export interface EngineOptions<Context, Tx> {
  readonly store: ProcedureStore<Tx>;
  /** The services that steps use. */
  readonly context: Context;
  /** Every type there is: rows of others are quarantined. */
  readonly types: readonly ProcedureType<unknown>[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly epoch: Epoch;
  readonly send: SendBatch;
  readonly remote: RemoteSettings;
}

export class Core {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly context: unknown;
  readonly types: ReadonlyMap<string, ProcedureType<unknown>>;
  /** Unfinished, quarantined ones included, in order of ids. */
  readonly procedures = new Map<ProcedureId, Procedure>();
  readonly encoder = new RecordEncoder();
  readonly scheduler = new Scheduler<Procedure>();
  readonly locks: LockTable<Procedure>;
  /** The tail's: unfinished ones and results that are kept. */
  readonly nonces = new Map<
    string,
    { readonly id: ProcedureId; readonly record: ProcedureRecord }
  >();
  readonly events = new Map<string, Set<Procedure>>();
  readonly paused = new Set<Procedure>();
  /** Their async part waits for a place. */
  readonly withoutPlace: Readonly<Record<Priority, Set<Procedure>>> = {
    crash: new Set(),
    region: new Set(),
    table: new Set(),
    background: new Set(),
  };
  readonly pausedTypes = new Set<string>();
  isAllPaused = false;
  /** Pauses that have ended and whose procedures are still being let go on. */
  unparking = 0;
  isStopped = false;
  /** Set by the runner: something became runnable. */
  onRunnable: () => void = () => {};

  constructor(options: Omit<EngineOptions<unknown, unknown>, 'store'>) {
    this.clock = options.clock;
    this.random = options.random;
    this.log = options.log;
    this.context = options.context;
    this.types = new Map(options.types.map((type) => [type.type, type]));
    this.locks = new LockTable((procedure) => this.enqueue(procedure));
  }

  /** An unfinished procedure. Throws `procedure-not-found`. */
  get(id: ProcedureId): Procedure {
    const procedure = this.procedures.get(id);
    if (procedure !== undefined) return procedure;
    throw new CadastreError('procedure-not-found', `there is no unfinished procedure ${id}`, {
      nextStep: 'it has ended (see its result) or never was: list the procedures',
    });
  }

  setReason(procedure: Procedure, reason: WakeReason): void {
    procedure.reason = reason;
    procedure.since = this.clock.now();
  }

  /** It can go on: whatever made it wait is over. */
  enqueue(procedure: Procedure): void {
    procedure.timer?.cancel();
    procedure.timer = undefined;
    procedure.nextRetryAt = undefined;
    if (this.isStopped) return;
    if (this.isPaused(procedure)) {
      this.setReason(procedure, 'paused');
      this.paused.add(procedure);
      return;
    }
    this.setReason(procedure, 'runnable');
    this.scheduler.add(procedure);
    this.onRunnable();
  }

  isPaused(procedure: Procedure): boolean {
    const { isPaused, type } = procedure.record;
    return isPaused || this.isAllPaused || this.pausedTypes.has(type);
  }

  /** Takes it out of whatever would make it go on; its caller gives it another reason. */
  detach(procedure: Procedure): void {
    procedure.timer?.cancel();
    procedure.timer = undefined;
    procedure.nextRetryAt = undefined;
    this.scheduler.remove(procedure);
    this.paused.delete(procedure);
    this.withoutPlace[procedure.priority].delete(procedure);
    this.locks.leaveQueue(procedure);
    this.unlisten(procedure);
  }

  listen(procedure: Procedure, event: string): void {
    let waiting = this.events.get(event);
    if (waiting === undefined) {
      waiting = new Set();
      this.events.set(event, waiting);
    }
    waiting.add(procedure);
  }

  unlisten(procedure: Procedure): void {
    const { status } = procedure.record;
    if (status.kind !== 'wait' || status.on.event === undefined) return;
    const waiting = this.events.get(status.on.event);
    waiting?.delete(procedure);
    if (waiting?.size === 0) this.events.delete(status.on.event);
  }
}
