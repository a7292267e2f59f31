// Who holds which lock, and who waits for it.
//
// Invariants:
// 1. FIFO: a request that must wait stands behind all earlier ones, and a reader never overtakes a
//    waiting writer (race P11).
// 2. A procedure acquires in canonical order and holds what it has while it waits for the next, so
//    that no cycle of waiting can form (lock-request.ts).
// 3. What an ancestor holds is not asked for again: `needs` leaves it out (race P12).

import { assert } from '../base/assert.js';
import { idleMax, waitersAuditedMax } from './limits.js';
import type { LockKind, LockMode, LockName, LockRequest } from './lock-request.js';

/** What can hold locks. The fields belong to the lock table, except where marked. */
export interface LockOwner {
  /** Of the owner: in canonical order, without what its ancestors hold. */
  readonly needs: readonly LockRequest[];
  /** How many of `needs` it holds. */
  locksHeld: number;
  /** Those it holds and the one it waits for, looked up once; undefined before the first. */
  locks: Lock[] | undefined;
  /** Where it stands in the queue of `needs[locksHeld]`. */
  isWaitingForLock: boolean;
  nextWaiting: LockOwner | undefined;
}

/** One lock; only the table touches it. */
export class Lock {
  exclusive: LockOwner | undefined;
  sharedCount = 0;
  head: LockOwner | undefined;
  tail: LockOwner | undefined;

  isFreeFor(mode: LockMode): boolean {
    if (this.exclusive !== undefined) return false;
    return mode === 'shared' || this.sharedCount === 0;
  }

  get isIdle(): boolean {
    return this.exclusive === undefined && this.sharedCount === 0 && this.head === undefined;
  }
}

/** Who holds a lock, as far as it knows: of those that share it only how many. */
export interface LockState<Owner> {
  readonly exclusive: Owner | undefined;
  readonly sharedCount: number;
  /** In the order they will get it. */
  waiters(): IterableIterator<{ readonly owner: Owner; readonly mode: LockMode }>;
}

type LocksByKind = Readonly<Record<LockKind, Map<string, Lock>>>;

export class LockTable<Owner extends LockOwner> {
  readonly #locks: LocksByKind = {
    server: new Map(),
    snapshot: new Map(),
    namespace: new Map(),
    table: new Map(),
    region: new Map(),
  };
  readonly #onAcquired: (owner: Owner) => void;

  /** `onAcquired` is called for an owner that had to wait, once it holds all it needs. */
  constructor(onAcquired: (owner: Owner) => void) {
    this.#onAcquired = onAcquired;
  }

  /** True if the owner now holds all it needs; else it waits, and `onAcquired` tells. */
  acquire(owner: Owner): boolean {
    const { needs } = owner;
    if (needs.length === owner.locksHeld) return true;
    owner.locks ??= emptySlots(needs.length);
    for (let index = owner.locksHeld; index < needs.length; index++) {
      const request = needs[index];
      if (request === undefined) break;
      const lock = this.#lock(request);
      owner.locks[index] = lock;
      if (lock.head !== undefined || !lock.isFreeFor(request.mode)) {
        this.#enqueue(lock, owner);
        return false;
      }
      grant(lock, request.mode, owner);
      owner.locksHeld = index + 1;
    }
    return true;
  }

  /**
   * Gives the owner all it needs without queueing: for procedures that held it before a restart,
   * before anything runs. Two that held one lock exclusively are a fault in what was stored.
   */
  restore(owner: Owner): void {
    const { needs } = owner;
    if (needs.length === 0) return;
    owner.locks ??= emptySlots(needs.length);
    for (const request of needs) {
      const lock = this.#lock(request);
      owner.locks[owner.locksHeld] = lock;
      assert(lock.isFreeFor(request.mode), `a stored ${request.kind} lock has one owner`);
      grant(lock, request.mode, owner);
      owner.locksHeld++;
    }
  }

  /** Stops waiting; what it holds it keeps, and `acquire` goes on from there. */
  leaveQueue(owner: Owner): void {
    if (owner.isWaitingForLock) this.#leaveQueue(owner);
  }

  /** Releases everything, and leaves the queue it may stand in. */
  release(owner: Owner): void {
    this.leaveQueue(owner);
    const { needs, locks } = owner;
    const held = owner.locksHeld;
    owner.locksHeld = 0;
    owner.locks = undefined;
    for (let index = 0; index < held; index++) {
      const lock = locks?.[index];
      if (lock === undefined) break;
      if (needs[index]?.mode === 'exclusive') lock.exclusive = undefined;
      else lock.sharedCount--;
      if (lock.head !== undefined) this.#wake(lock);
    }
  }

  /** Every lock that is held or waited for, in no order. May go on while locks change. */
  *names(): IterableIterator<LockName & { readonly isContended: boolean }> {
    for (const [kind, locks] of Object.entries(this.#locks) as [LockKind, Map<string, Lock>][]) {
      for (const [name, lock] of locks) {
        if (!lock.isIdle) yield { kind, name, isContended: lock.head !== undefined };
      }
    }
  }

  /** One lock as it is now; undefined if it is neither held nor waited for. */
  look({ kind, name }: LockName): LockState<Owner> | undefined {
    const lock = this.#locks[kind].get(name);
    if (lock === undefined || lock.isIdle) return undefined;
    return {
      // Only `grant` puts owners in.
      exclusive: lock.exclusive as Owner | undefined,
      sharedCount: lock.sharedCount,
      waiters: () => this.#waiters(lock),
    };
  }

  /** Who is first in the queue that `owner` stands in; undefined if that is itself. */
  firstAhead(owner: Owner): Owner | undefined {
    const lock = owner.locks?.[owner.locksHeld];
    if (lock === undefined || !owner.isWaitingForLock || lock.head === owner) return undefined;
    // Only `acquire` puts owners in.
    return lock.head as Owner | undefined;
  }

  /** Whether the owner really stands in the queue it says; for the auditor. Far back it is believed. */
  isInQueue(owner: Owner): boolean {
    const lock = owner.locks?.[owner.locksHeld];
    let passed = 0;
    for (let at = lock?.head; at !== undefined; at = at.nextWaiting) {
      if (at === owner) return true;
      if (++passed === waitersAuditedMax) return owner.isWaitingForLock;
    }
    return false;
  }

  *#waiters(lock: Lock): IterableIterator<{ readonly owner: Owner; readonly mode: LockMode }> {
    for (let at = lock.head; at !== undefined; at = at.nextWaiting) {
      const mode = at.needs[at.locksHeld]?.mode ?? 'shared';
      // Only `acquire` puts owners in.
      yield { owner: at as Owner, mode };
    }
  }

  #lock({ kind, name }: LockRequest): Lock {
    const locks = this.#locks[kind];
    let lock = locks.get(name);
    if (lock === undefined) {
      if (locks.size >= idleMax && (locks.size & (locks.size - 1)) === 0) sweep(locks);
      lock = new Lock();
      locks.set(name, lock);
    }
    return lock;
  }

  #enqueue(lock: Lock, owner: Owner): void {
    owner.isWaitingForLock = true;
    if (lock.tail === undefined) lock.head = owner;
    else lock.tail.nextWaiting = owner;
    lock.tail = owner;
  }

  #leaveQueue(owner: Owner): void {
    const lock = owner.locks?.[owner.locksHeld];
    owner.isWaitingForLock = false;
    if (lock === undefined) return;
    let before: LockOwner | undefined;
    for (let at = lock.head; at !== undefined; before = at, at = at.nextWaiting) {
      if (at !== owner) continue;
      if (before === undefined) lock.head = at.nextWaiting;
      else before.nextWaiting = at.nextWaiting;
      if (lock.tail === at) lock.tail = before;
      at.nextWaiting = undefined;
      break;
    }
    // A writer that gives up may have been all that kept readers waiting.
    this.#wake(lock);
  }

  #wake(lock: Lock): void {
    for (let owner = lock.head; owner !== undefined; owner = lock.head) {
      const mode = owner.needs[owner.locksHeld]?.mode ?? 'shared';
      if (!lock.isFreeFor(mode)) return;
      lock.head = owner.nextWaiting;
      if (lock.head === undefined) lock.tail = undefined;
      owner.nextWaiting = undefined;
      owner.isWaitingForLock = false;
      grant(lock, mode, owner);
      owner.locksHeld++;
      // Only `acquire` puts owners in.
      if (this.acquire(owner as Owner)) this.#onAcquired(owner as Owner);
    }
  }
}

/** As many as are asked for: an array that grows by itself would take seventeen. */
function emptySlots(count: number): Lock[] {
  // oxlint-disable-next-line unicorn/no-new-array -- Array.from takes as long as all of the rest.
  return new Array<Lock>(count);
}

function grant(lock: Lock, mode: LockMode, owner: LockOwner): void {
  if (mode === 'exclusive') lock.exclusive = owner;
  else lock.sharedCount++;
}

function sweep(locks: Map<string, Lock>): void {
  for (const [name, lock] of locks) if (lock.isIdle) locks.delete(name);
}
