// One direction of a simulated connection: things arrive in order, each some time after it was sent,
// while the way is open. On a way that is cut they wait; if that lasts too long the connection breaks.

import type { SimEvent } from './event-queue.js';

/** What a pipe carries. `end`: an orderly end of the stream; `reset`: the other side is gone. */
export type PipeItem = Buffer | 'end' | 'reset';

export interface PipeWay {
  label(): string;
  nowMs(): number;
  /** Whether nothing gets through now; `resume` is called when that changes. */
  isCut(): boolean;
  /** Whether the receiver has no room for bytes now; likewise. */
  isFull(): boolean;
  delayMs(): number;
  schedule(delayMs: number, label: string, run: () => void): SimEvent;
  deliver(item: PipeItem): void;
  /** The way was cut for too long. */
  onBroken(): void;
}

/** After so long without an answer a host gives up on a connection. */
const breaksAfterMs = 30_000;

export class SimPipe {
  readonly #way: PipeWay;
  #items: { readonly item: PipeItem; readonly dueMs: number }[] = [];
  #arrival: SimEvent | undefined;
  #breaking: SimEvent | undefined;

  constructor(way: PipeWay) {
    this.#way = way;
  }

  send(item: PipeItem): void {
    this.#items.push({ item, dueMs: this.#way.nowMs() + this.#way.delayMs() });
    this.resume();
  }

  /** Forgets what has not arrived. */
  drop(): void {
    this.#items = [];
    this.#arrival?.cancel();
    this.#arrival = undefined;
    this.#breaking?.cancel();
  }

  /** Goes on with the first item, if nothing is under way. */
  resume(): void {
    const first = this.#items[0];
    if (this.#arrival !== undefined || first === undefined) return;
    const delayMs = first.dueMs - this.#way.nowMs();
    this.#arrival = this.#way.schedule(delayMs, this.#way.label(), () => {
      this.#arrival = undefined;
      this.#arrive(first.item);
    });
  }

  #arrive(item: PipeItem): void {
    if (this.#way.isCut()) {
      this.#breaking ??= this.#way.schedule(breaksAfterMs, `${this.#way.label()} breaks`, () =>
        this.#way.onBroken(),
      );
      return;
    }
    this.#breaking?.cancel();
    this.#breaking = undefined;
    if (this.#way.isFull() && item instanceof Buffer) return;
    this.#items.shift();
    this.#way.deliver(item);
    this.resume();
  }
}
