// The life of one simulated process. Whatever calls back into a node goes through its life, so that:
// 1. once killed, none of its code runs again: pending calls never settle, timers never fire;
// 2. while suspended (SIGSTOP), what would run is held, and runs in its order after the resume.

import type { SimEvent } from './event-queue.js';
import type { SimScheduler } from './scheduler.js';

export class SimLife {
  readonly name: string;
  readonly #scheduler: SimScheduler;
  #state: 'running' | 'suspended' | 'killed' = 'running';
  #held: (() => void)[] = [];
  readonly #killHandlers = new Set<() => void>();

  constructor(name: string, scheduler: SimScheduler) {
    this.name = name;
    this.#scheduler = scheduler;
  }

  get isKilled(): boolean {
    return this.#state === 'killed';
  }

  get isSuspended(): boolean {
    return this.#state === 'suspended';
  }

  get nowMs(): number {
    return this.#scheduler.nowMs;
  }

  /** Runs `run` in this process after `delayMs`. */
  schedule(delayMs: number, label: string, run: () => void): SimEvent {
    return this.#scheduler.schedule(delayMs, `${this.name}: ${label}`, () => this.enter(run));
  }

  /** Runs `run` as this process: now, when it is resumed, or never. */
  enter(run: () => void): void {
    if (this.#state === 'suspended') this.#held.push(run);
    if (this.#state !== 'running') return;
    try {
      run();
    } catch (error) {
      // A process that ended itself in `run` leaves by an exception, which has nowhere to go.
      if (!this.isKilled) throw error;
    }
  }

  /** For what the process holds of the machine, such as its sockets. Returns how to take it back. */
  onKill(handler: () => void): () => void {
    this.#killHandlers.add(handler);
    return () => this.#killHandlers.delete(handler);
  }

  kill(): void {
    if (this.#state === 'killed') return;
    this.#state = 'killed';
    this.#held = [];
    for (const handler of this.#killHandlers) handler();
  }

  suspend(): void {
    if (this.#state === 'running') this.#state = 'suspended';
  }

  resume(): void {
    if (this.#state !== 'suspended') return;
    this.#state = 'running';
    const held = this.#held;
    this.#held = [];
    this.#runHeld(held, 0);
  }

  /** One event each, so that promise continuations run between them as they would have. */
  #runHeld(held: readonly (() => void)[], index: number): void {
    const run = held[index];
    if (run === undefined) return;
    this.schedule(0, 'resumed', () => {
      this.#runHeld(held, index + 1);
      run();
    });
  }
}
