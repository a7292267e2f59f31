// Virtual time: the one queue of a simulation, and the loop that empties it.
//
// Invariants:
// 1. Time moves only from one event to the next, and never back.
// 2. Between two events every promise continuation has run, so an event with all that follows from
//    it is atomic, and a node that is killed between events has no code half-way.
// 3. Nothing depends on real time: code under simulation that waits for the real outside (a thread,
//    a file, an import) looks like a deadlock, and that is what it is.

import { assert } from '../../base/assert.js';
import { EventQueue, SimEvent } from './event-queue.js';
import type { SimRandom } from './random.js';
import { Trace } from './trace.js';

/** Real turns of the event loop asked for at once; more would only delay the end of a run. */
const turnsAtOnce = 32;
/** A run of so many events that does not end is taken for an endless loop. */
const eventsMax = 50_000_000;

export class SimScheduler {
  readonly trace = new Trace();
  readonly #queue = new EventQueue();
  readonly #random: SimRandom;
  #nowMs = 0;
  #isDriven = false;

  constructor(random: SimRandom) {
    this.#random = random.fork('scheduler');
  }

  /** Virtual milliseconds since the simulation began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Runs `run` after `delayMs` of virtual time. */
  schedule(delayMs: number, label: string, run: () => void): SimEvent {
    const event = new SimEvent(this.#nowMs + Math.max(0, delayMs), this.#random.u32(), label, run);
    this.#queue.push(event);
    return event;
  }

  /** Moves time forward though nothing happens; no event may be due before. */
  advance(untilMs: number): void {
    assert((this.#queue.peek()?.atMs ?? untilMs) >= untilMs, 'time does not jump over events');
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** The next few events, for a report. */
  upcoming(count: number): readonly SimEvent[] {
    return this.#queue.upcoming(count);
  }

  /**
   * Runs events until `isDone` says so, virtual time would pass `untilMs`, or none is left.
   * Rejects with what an event throws: in a real process that would be an uncaught exception.
   */
  drive(isDone: () => boolean, untilMs: number): Promise<'done' | 'time' | 'idle'> {
    assert(!this.#isDriven, 'a simulation has one driver at a time');
    this.#isDriven = true;
    let isOver = false;
    let eventsLeft = eventsMax;
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        isOver = true;
        this.#isDriven = false;
        settle();
      };
      const turn = (): void => {
        if (isOver) return;
        try {
          const ending = isDone() ? 'done' : this.#step(untilMs);
          if (ending !== undefined) end(() => resolve(ending));
          assert(--eventsLeft > 0, `L9: a simulation ends within ${eventsMax} events`);
        } catch (error) {
          end(() => reject(error));
        }
      };
      const turns = (): void => {
        if (isOver) return;
        // The only turn of the event loop after which all promise continuations have surely run, in
        // an order that depends on nothing else. Asked for in batches: Node polls for I/O in between.
        // oxlint-disable-next-line no-restricted-globals
        for (let count = 0; count < turnsAtOnce; count++) setImmediate(turn);
        // oxlint-disable-next-line no-restricted-globals
        setImmediate(turns);
      };
      turns();
    });
  }

  #step(untilMs: number): 'time' | 'idle' | undefined {
    const event = this.#queue.peek();
    if (event === undefined) return 'idle';
    if (event.atMs > untilMs) {
      this.advance(untilMs);
      return 'time';
    }
    this.#queue.pop();
    this.#nowMs = event.atMs;
    this.trace.add(`${event.atMs.toFixed(3)} ${event.label}`);
    event.fire();
    return undefined;
  }
}
