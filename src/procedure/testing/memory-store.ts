// A ProcedureStore in memory, for tests and benches: rows of procedures, and a small key space that
// stands for the rest of the catalog. What is durable outlives the store, as a disk outlives a process.

import type { ProcedureId } from '../../base/ids.js';
import type { Clock } from '../../world/clock.js';
import type { Committed, ProcedureStore, ProcedureWrites, StoredProcedure } from '../store.js';

/** What survives a kill. */
export class MemoryDisk {
  readonly rows = new Map<ProcedureId, Uint8Array>();
  readonly values = new Map<string, string>();
  lastId = 0;
  /** Records made durable, ever. */
  records = 0;
}

/** The rest of the catalog, as the steps of tests write it. */
export interface MemoryTx {
  get(key: string): string | undefined;
  put(key: string, value: string): void;
  delete(key: string): void;
}

interface Group {
  readonly writes: (() => void)[];
  readonly done: (() => void)[];
  isDurable: boolean;
}

/** `at-once`: durable before `transact` returns. A number: after so many milliseconds, in groups. */
export type Durability = 'at-once' | { readonly clock: Clock; readonly afterMs: number };

export class MemoryStore implements ProcedureStore<MemoryTx> {
  readonly #disk: MemoryDisk;
  readonly #durability: Durability;
  readonly #values: Map<string, string>;
  #lastId: number;
  #group: Group = newGroup();
  #isFlushPlanned = false;
  #isBroken = false;

  constructor(disk: MemoryDisk, durability: Durability = 'at-once') {
    this.#disk = disk;
    this.#durability = durability;
    this.#values = new Map(disk.values);
    this.#lastId = disk.lastId;
  }

  /** From now on nothing becomes durable: the process that holds this store is to end (L4). */
  breakDown(): void {
    this.#isBroken = true;
  }

  load(): Iterable<StoredProcedure> {
    const ids = [...this.#disk.rows.keys()].sort((a, b) => a - b);
    return ids.map((id) => ({ id, bytes: this.#disk.rows.get(id) ?? new Uint8Array(0) }));
  }

  transact<T>(body: (tx: MemoryTx, writes: ProcedureWrites) => T): Committed<T> {
    const overlay = new Map<string, string | undefined>();
    const rows = new Map<ProcedureId, Uint8Array | undefined>();
    const tx: MemoryTx = {
      get: (key) => (overlay.has(key) ? overlay.get(key) : this.#values.get(key)),
      put: (key, value) => overlay.set(key, value),
      delete: (key) => overlay.set(key, undefined),
    };
    const writes: ProcedureWrites = {
      allocateId: () => ++this.#lastId,
      put: (id, bytes) => rows.set(id, Buffer.from(bytes)),
      delete: (id) => rows.set(id, undefined),
    };
    const value = body(tx, writes);
    for (const [key, text] of overlay) setOrDelete(this.#values, key, text);
    if (rows.size + overlay.size === 0) return this.#committed(value);
    const lastId = this.#lastId;
    this.#group.writes.push(() => {
      for (const [id, bytes] of rows) setOrDelete(this.#disk.rows, id, bytes);
      for (const [key, text] of overlay) setOrDelete(this.#disk.values, key, text);
      this.#disk.lastId = lastId;
      this.#disk.records++;
    });
    const committed = this.#committed(value);
    if (this.#durability === 'at-once') this.#flush();
    else this.#planFlush(this.#durability);
    return committed;
  }

  #planFlush({ clock, afterMs }: { readonly clock: Clock; readonly afterMs: number }): void {
    if (this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    clock.timer(afterMs, () => {
      this.#isFlushPlanned = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#isBroken) return;
    const group = this.#group;
    this.#group = newGroup();
    for (const write of group.writes) write();
    group.isDurable = true;
    for (const done of group.done) done();
  }

  #committed<T>(value: T): Committed<T> {
    const group = this.#group;
    const isEmpty = group.writes.length === 0;
    const whenDurable = (done: () => void): void => {
      if (group.isDurable || isEmpty) done();
      else group.done.push(done);
    };
    return { value, whenDurable, durable: () => new Promise((resolve) => whenDurable(resolve)) };
  }
}

function newGroup(): Group {
  return { writes: [], done: [], isDurable: false };
}

function setOrDelete<Key, Value>(map: Map<Key, Value>, key: Key, value: Value | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
