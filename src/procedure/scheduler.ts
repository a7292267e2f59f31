// Which runnable procedure is next.
//
// Classes (priorities) share by weight, with strides: each turn of a class moves its pass forward by
// the inverse of its weight, and the lowest pass is next. Within a class, groups (tables) take turns.
// Within a group, what has begun goes before what has not, but not for ever.
//
// Invariants:
// 1. An entry is queued once at most; `isQueued` says so.
// 2. Nothing starves: every non-empty class, group and queue is served within a bounded number of
//    polls (race P11).
// 3. A class that was empty does not catch up on the turns it did not need.

import { assert } from '../base/assert.js';
import { priorities } from './definition.js';
import type { Priority } from './definition.js';
import { idleMax } from './limits.js';

/** What can be queued. The fields belong to the scheduler, except where marked. */
export interface Schedulable {
  /** Of the owner; may change only while not queued. */
  priority: Priority;
  readonly group: string;
  /** Of the owner: it has run before, so finishing it frees memory and locks. */
  hasBegun: boolean;
  isQueued: boolean;
  nextQueued: Schedulable | undefined;
}

/** Turns for every turn of `background`. */
const weights: Readonly<Record<Priority, number>> = {
  crash: 32,
  region: 8,
  table: 4,
  background: 1,
};
const strideTotal = 32;
/** After so many turns of begun entries in a row, a group serves one that has not begun. */
const begunTurnsMax = 4;

class Queue {
  head: Schedulable | undefined;
  tail: Schedulable | undefined;

  push(entry: Schedulable): void {
    if (this.tail === undefined) this.head = entry;
    else this.tail.nextQueued = entry;
    this.tail = entry;
  }

  shift(): Schedulable | undefined {
    const entry = this.head;
    if (entry === undefined) return undefined;
    this.head = entry.nextQueued;
    if (this.head === undefined) this.tail = undefined;
    entry.nextQueued = undefined;
    return entry;
  }

  remove(entry: Schedulable): boolean {
    let before: Schedulable | undefined;
    for (let at = this.head; at !== undefined; before = at, at = at.nextQueued) {
      if (at !== entry) continue;
      if (before === undefined) this.head = at.nextQueued;
      else before.nextQueued = at.nextQueued;
      if (this.tail === at) this.tail = before;
      at.nextQueued = undefined;
      return true;
    }
    return false;
  }
}

class Group {
  readonly begun = new Queue();
  readonly fresh = new Queue();
  begunTurns = 0;
  isInRing = false;
  nextInRing: Group | undefined;

  get isEmpty(): boolean {
    return this.begun.head === undefined && this.fresh.head === undefined;
  }

  shift(): Schedulable | undefined {
    if (this.begun.head === undefined || this.begunTurns >= begunTurnsMax) {
      const entry = this.fresh.shift();
      if (entry !== undefined) {
        this.begunTurns = 0;
        return entry;
      }
    }
    this.begunTurns++;
    return this.begun.shift();
  }
}

class PriorityClass {
  readonly stride: number;
  pass = 0;
  readonly #groups = new Map<string, Group>();
  #ringHead: Group | undefined;
  #ringTail: Group | undefined;

  constructor(weight: number) {
    this.stride = strideTotal / weight;
  }

  get isEmpty(): boolean {
    return this.#ringHead === undefined;
  }

  add(entry: Schedulable): void {
    let group = this.#groups.get(entry.group);
    if (group === undefined) {
      if (this.#groups.size >= idleMax) this.#sweep();
      group = new Group();
      this.#groups.set(entry.group, group);
    }
    (entry.hasBegun ? group.begun : group.fresh).push(entry);
    if (!group.isInRing) this.#enterRing(group);
  }

  shift(): Schedulable | undefined {
    const group = this.#ringHead;
    if (group === undefined) return undefined;
    const entry = group.shift();
    if (group.isEmpty) this.#leaveRing(group);
    else if (group.nextInRing !== undefined) {
      this.#leaveRing(group);
      this.#enterRing(group);
    }
    return entry;
  }

  remove(entry: Schedulable): boolean {
    // Emptied groups stay in the ring until their turn, which then finds nothing.
    const group = this.#groups.get(entry.group);
    return group !== undefined && (group.begun.remove(entry) || group.fresh.remove(entry));
  }

  #enterRing(group: Group): void {
    group.isInRing = true;
    if (this.#ringTail === undefined) this.#ringHead = group;
    else this.#ringTail.nextInRing = group;
    this.#ringTail = group;
  }

  /** Only the head leaves. */
  #leaveRing(group: Group): void {
    this.#ringHead = group.nextInRing;
    if (this.#ringHead === undefined) this.#ringTail = undefined;
    group.nextInRing = undefined;
    group.isInRing = false;
  }

  #sweep(): void {
    for (const [name, group] of this.#groups) if (!group.isInRing) this.#groups.delete(name);
  }
}

export class Scheduler<Entry extends Schedulable> {
  readonly #classes: Readonly<Record<Priority, PriorityClass>> = {
    crash: new PriorityClass(weights.crash),
    region: new PriorityClass(weights.region),
    table: new PriorityClass(weights.table),
    background: new PriorityClass(weights.background),
  };
  readonly #order: readonly PriorityClass[] = priorities.map((name) => this.#classes[name]);
  #pass = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(entry: Entry): void {
    assert(!entry.isQueued, 'a procedure is queued once');
    const target = this.#classes[entry.priority];
    if (target.isEmpty && target.pass < this.#pass) target.pass = this.#pass;
    entry.isQueued = true;
    target.add(entry);
    this.#size++;
  }

  /** The next entry, no longer queued; undefined if there is none. */
  poll(): Entry | undefined {
    while (this.#size > 0) {
      let next: PriorityClass | undefined;
      for (const candidate of this.#order) {
        if (candidate.isEmpty) continue;
        if (next === undefined || candidate.pass < next.pass) next = candidate;
      }
      const entry = next?.shift();
      if (next === undefined || entry === undefined) continue;
      this.#pass = next.pass;
      next.pass += next.stride;
      entry.isQueued = false;
      this.#size--;
      // Only `add` puts entries in.
      return entry as Entry;
    }
    return undefined;
  }

  /** Takes an entry out of turn; for operators and rare, as it searches its group's queue. */
  remove(entry: Entry): void {
    if (!entry.isQueued || !this.#classes[entry.priority].remove(entry)) return;
    entry.isQueued = false;
    this.#size--;
  }
}
