// Holds L7: every unfinished procedure has a reason to wake, and the registry that the reason names
// really holds it. Runs all the time, a few procedures in a turn; a violation is a reported fault.
// It does not repair: what it finds is a defect of the engine, and `retry now` wakes the procedure.

import type { Timer } from '../world/clock.js';
import type { Core } from './core.js';
import { auditMs, faultsMax, procedureStride } from './limits.js';
import type { Procedure } from './procedure.js';
import type { RemoteDispatcher } from './remote.js';

export class Auditor {
  readonly #core: Core;
  readonly #remote: RemoteDispatcher;
  readonly #faults: string[] = [];
  #timer: Timer | undefined;
  #isStopped = true;

  constructor(core: Core, remote: RemoteDispatcher) {
    this.#core = core;
    this.#remote = remote;
  }

  /** Newest last, bounded. */
  get faults(): readonly string[] {
    return this.#faults;
  }

  start(): void {
    this.#isStopped = false;
    this.#later();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #later(): void {
    this.#timer = this.#core.clock.timer(auditMs, () => {
      this.#some(this.#core.procedures.values());
    });
  }

  /** New ones are met at the end, so that a run lasts as long as they come faster than it looks. */
  #some(all: IterableIterator<Procedure>): void {
    if (this.#isStopped) return;
    for (let count = 0; count < procedureStride; count++) {
      const next = all.next();
      if (next.done === true) {
        this.#later();
        return;
      }
      this.#look(next.value);
    }
    this.#core.clock.nextTurn(() => this.#some(all));
  }

  #look(procedure: Procedure): void {
    const missing = this.#missing(procedure);
    if (missing === undefined) return;
    const { reason, title } = procedure;
    const fault = `L7: ${title} is '${reason}' but ${missing}`;
    procedure.log.error('a procedure would sleep for ever', { reason, missing });
    this.#faults.push(fault);
    if (this.#faults.length > faultsMax) this.#faults.shift();
  }

  /** What should be there and is not. */
  #missing(procedure: Procedure): string | undefined {
    const core = this.#core;
    const { status } = procedure.record;
    switch (procedure.reason) {
      case 'runnable':
        return procedure.isQueued ? undefined : 'is not queued';
      case 'lock':
        return core.locks.isInQueue(procedure) ? undefined : 'stands in no queue';
      case 'back-off':
        return procedure.timer === undefined ? 'has no timer' : undefined;
      case 'timer':
        return procedure.timer === undefined ? 'has no timer' : undefined;
      case 'paused':
        if (!core.paused.has(procedure)) return 'is not among the paused';
        if (core.unparking > 0) return undefined;
        return core.isPaused(procedure) ? undefined : 'nothing pauses it';
      case 'children':
        if (status.kind !== 'children') return 'waits for no children';
        return procedure.children.size > status.atMost ? undefined : 'its children have ended';
      case 'event':
        if (status.kind !== 'wait' || status.on.event === undefined) return 'waits for no event';
        if (core.events.get(status.on.event)?.has(procedure) === true) return undefined;
        return 'is not listed for its event';
      case 'report':
        return procedure.isWaiting ? undefined : 'its wait is over';
      case 'remote': {
        if (status.kind !== 'wait' || status.on.remote === undefined) return 'has no operation';
        const { server, number } = status.on.remote;
        return this.#remote.find(server, number) === procedure.id
          ? undefined
          : 'its operation is not outstanding';
      }
      case 'place':
        if (core.withoutPlace[procedure.priority].has(procedure)) return undefined;
        return 'is not among those that wait for a place';
      case 'running':
        // Its promise will settle, or it is shown as overdue.
        return undefined;
      case 'storing':
        // The store calls back or the process ends (L4).
        return procedure.recordsInFlight > 0 ? undefined : 'no record of it is under way';
      case 'quarantined':
        return procedure.quarantine === undefined ? 'is sound' : undefined;
    }
  }
}
