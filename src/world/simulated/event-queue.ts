// What is to happen in a simulation, by virtual time; events of the same instant are ordered by a
// seeded tie-break, so that no code can rely on an order the real world does not promise.

/** Something that happens later, unless it is cancelled. */
export class SimEvent {
  readonly atMs: number;
  readonly tieBreak: number;
  readonly label: string;
  #run: (() => void) | undefined;

  constructor(atMs: number, tieBreak: number, label: string, run: () => void) {
    this.atMs = atMs;
    this.tieBreak = tieBreak;
    this.label = label;
    this.#run = run;
  }

  get isCancelled(): boolean {
    return this.#run === undefined;
  }

  cancel(): void {
    this.#run = undefined;
  }

  fire(): void {
    const run = this.#run;
    this.#run = undefined;
    run?.();
  }
}

/** A binary heap of events. Cancelled ones are dropped when they come up. */
export class EventQueue {
  readonly #heap: SimEvent[] = [];

  push(event: SimEvent): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(event, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
  }

  /** The next event, not taken out. */
  peek(): SimEvent | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || !first.isCancelled) return first;
      this.#removeFirst();
    }
  }

  pop(): SimEvent | undefined {
    const first = this.peek();
    if (first !== undefined) this.#removeFirst();
    return first;
  }

  /** The next few, in order, for a report. */
  upcoming(count: number): readonly SimEvent[] {
    return this.#heap
      .filter((event) => !event.isCancelled)
      .sort((left, right) => (isBefore(left, right) ? -1 : 1))
      .slice(0, count);
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const leftEvent = heap[left];
      if (leftEvent === undefined) break;
      const rightEvent = heap[left + 1];
      const isRight = rightEvent !== undefined && isBefore(rightEvent, leftEvent);
      const child = isRight ? rightEvent : leftEvent;
      if (!isBefore(child, last)) break;
      heap[index] = child;
      index = isRight ? left + 1 : left;
    }
    heap[index] = last;
  }
}

function isBefore(left: SimEvent, right: SimEvent): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.tieBreak < right.tieBreak);
}
