// How procedures wait and wake: timers, events, signals, reports, children, remote operations.
//
// Invariants:
// 1. A wait is entered in its registries when its record is queued and acted upon when it is durable.
//    What comes between is kept and ends the wait then: nothing is lost, nothing runs early (race P3).
// 2. Waking writes nothing: the row still says what it waits for, and after a restart it is tried
//    again (L7).

import { assert } from '../base/assert.js';
import type { Core } from './core.js';
import { backOffMaxMs } from './limits.js';
import { retryDelayMs } from './back-off.js';
import type { CadastreError } from '../base/errors.js';
import type { Reply } from './next.js';
import type { Procedure } from './procedure.js';
import type { StoredWait } from './record.js';
import type { RemoteDispatcher } from './remote.js';
import type { WakeReason } from './views.js';

export class Waits {
  readonly #core: Core;
  readonly #remote: RemoteDispatcher;

  constructor(core: Core, remote: RemoteDispatcher) {
    this.#core = core;
    this.#remote = remote;
  }

  /** Its newest record is queued: what may come from now on finds it. */
  enter(procedure: Procedure): void {
    const { status } = procedure.record;
    if (status.kind !== 'wait') return;
    const { event, remote } = status.on;
    if (event !== undefined) this.#core.listen(procedure, event);
    if (remote !== undefined) {
      this.#remote.expect({
        ...remote,
        procedure: procedure.id,
        parent: procedure.parent?.id,
      });
    }
  }

  /** Its newest record is durable: it goes on, or waits for what the record says. */
  settle(procedure: Procedure): void {
    const { status } = procedure.record;
    switch (status.kind) {
      case 'ready':
        procedure.reply = status.reply;
        this.#core.enqueue(procedure);
        return;
      case 'children':
        this.#core.setReason(procedure, 'children');
        this.childEnded(procedure);
        return;
      case 'wait':
        this.#wait(procedure, status.on);
        return;
      case 'ended':
        assert(false, 'what has ended is not settled');
    }
  }

  /** It will never go on: nobody need keep anything for it. */
  abandon(procedure: Procedure): void {
    const { status } = procedure.record;
    if (status.kind !== 'wait') return;
    this.#core.unlisten(procedure);
    const { remote } = status.on;
    if (remote !== undefined) this.#remote.release(remote.server, remote.number);
  }

  /** A child is gone: the parent goes on if few enough are left. */
  childEnded(parent: Procedure): void {
    const { status } = parent.record;
    if (parent.reason !== 'children' || status.kind !== 'children') return;
    if (parent.children.size <= status.atMost) this.#core.enqueue(parent);
  }

  /** Ends a wait. Nothing happens if it is over already. */
  wake(procedure: Procedure, reply: Reply): void {
    if (!procedure.isWaiting) return;
    this.#core.unlisten(procedure);
    procedure.reply = reply;
    procedure.isWoken = true;
    procedure.attempt = 0;
    // Before its record is durable it must not run: `settle` finds that it is woken.
    if (procedure.reason !== 'storing') this.#core.enqueue(procedure);
  }

  signal(event: string): void {
    const waiting = this.#core.events.get(event);
    if (waiting === undefined) return;
    for (const procedure of waiting) this.wake(procedure, { kind: 'event', event });
  }

  interrupt(procedure: Procedure, signal: string): void {
    if (procedure.isWaiting) {
      this.wake(procedure, { kind: 'signal', signal });
      return;
    }
    procedure.pendingSignal = signal;
    if (procedure.reason === 'back-off') this.#cutShort(procedure);
  }

  /** Ends its back-off. */
  #cutShort(procedure: Procedure): void {
    const { status } = procedure.record;
    const isReplyStored = status.kind === 'ready' && status.reply !== undefined;
    if (!isReplyStored && procedure.pendingSignal !== undefined) {
      procedure.reply = { kind: 'signal', signal: procedure.pendingSignal };
      procedure.pendingSignal = undefined;
    }
    this.#core.enqueue(procedure);
  }

  /** A step or undo failed: it is tried again, later each time. */
  backOff(procedure: Procedure, error: CadastreError): void {
    const core = this.#core;
    procedure.lastError = error;
    const delay = retryDelayMs(procedure.attempt, backOffMaxMs, core.random);
    core.setReason(procedure, 'back-off');
    procedure.log.warn('step failed, will be tried again', {
      step: procedure.record.step,
      attempt: procedure.attempt,
      inMs: Math.round(delay),
      code: error.code,
      error: error.message,
    });
    if (procedure.pendingSignal !== undefined) {
      this.#cutShort(procedure);
      return;
    }
    procedure.nextRetryAt = core.clock.now() + delay;
    procedure.timer = core.clock.timer(delay, () => core.enqueue(procedure));
  }

  #wait(procedure: Procedure, on: StoredWait): void {
    if (procedure.isWoken) {
      this.#core.enqueue(procedure);
      return;
    }
    this.#core.setReason(procedure, reasonOf(on));
    const { pendingSignal } = procedure;
    if (pendingSignal !== undefined) {
      procedure.pendingSignal = undefined;
      this.wake(procedure, { kind: 'signal', signal: pendingSignal });
      return;
    }
    if (on.timeoutMs !== undefined) {
      procedure.timer = this.#core.clock.timer(on.timeoutMs, () => {
        this.wake(procedure, { kind: 'timeout' });
      });
    }
    if (on.remote !== undefined) this.#remote.dispatch(on.remote.server, on.remote.number);
  }
}

function reasonOf(on: StoredWait): WakeReason {
  if (on.remote !== undefined) return 'remote';
  if (on.report !== undefined) return 'report';
  return on.event === undefined ? 'timer' : 'event';
}
