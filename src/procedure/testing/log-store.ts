// A ProcedureStore over a fenced log, for tests: what `MemoryStore` holds, made durable record by
// record, so that the engine meets group commits, torn tails and seals.

import type { ProcedureId } from '../../base/ids.js';
import type { LogStore, LogWriter } from '../../storage/log.js';
import type { Committed, ProcedureStore, ProcedureWrites, StoredProcedure } from '../store.js';
import { MemoryDisk, MemoryStore } from './memory-store.js';
import type { MemoryTx } from './memory-store.js';

interface LogRecord {
  readonly rows: readonly (readonly [id: ProcedureId, base64: string | undefined])[];
  readonly values: readonly (readonly [key: string, value: string | undefined])[];
  readonly lastId: number;
}

/** Seals the logs of earlier masters, replays them, and goes on in one of its own. */
export async function openLogBackedStore(logs: LogStore, epoch: number): Promise<LogBackedStore> {
  const disk = new MemoryDisk();
  for (const name of await logs.list('procedures/')) {
    await logs.seal(name);
    for await (const { payload } of logs.read(name)) {
      replay(disk, JSON.parse(payload.toString()) as LogRecord);
    }
  }
  const writer = await logs.create(`procedures/${String(epoch).padStart(6, '0')}`);
  return new LogBackedStore(disk, writer);
}

function replay(disk: MemoryDisk, { rows, values, lastId }: LogRecord): void {
  for (const [id, base64] of rows) {
    if (base64 === undefined || base64 === null) disk.rows.delete(id);
    else disk.rows.set(id, Buffer.from(base64, 'base64'));
  }
  for (const [key, value] of values) {
    if (value === undefined || value === null) disk.values.delete(key);
    else disk.values.set(key, value);
  }
  disk.lastId = lastId;
}

export class LogBackedStore implements ProcedureStore<MemoryTx> {
  /** The tail's image. */
  readonly disk: MemoryDisk;
  readonly #tail: MemoryStore;
  readonly #writer: LogWriter;

  constructor(disk: MemoryDisk, writer: LogWriter) {
    this.disk = disk;
    this.#tail = new MemoryStore(disk);
    this.#writer = writer;
  }

  load(): Iterable<StoredProcedure> {
    return this.#tail.load();
  }

  transact<T>(body: (tx: MemoryTx, writes: ProcedureWrites) => T): Committed<T> {
    const rows = new Map<ProcedureId, string | undefined>();
    const values = new Map<string, string | undefined>();
    const { value } = this.#tail.transact((tx, writes) =>
      body(
        {
          get: (key) => tx.get(key),
          put: (key, text) => {
            values.set(key, text);
            tx.put(key, text);
          },
          delete: (key) => {
            values.set(key, undefined);
            tx.delete(key);
          },
        },
        {
          allocateId: () => writes.allocateId(),
          put: (id, bytes) => {
            rows.set(id, Buffer.from(bytes).toString('base64'));
            writes.put(id, bytes);
          },
          delete: (id) => {
            rows.set(id, undefined);
            writes.delete(id);
          },
        },
      ),
    );
    const { lastId } = this.disk;
    const sequence =
      rows.size + values.size === 0
        ? this.#writer.appended
        : this.#writer.append(
            Buffer.from(JSON.stringify({ rows: [...rows], values: [...values], lastId })),
          );
    const whenDurable = (done: () => void): void => this.#writer.whenDurable(sequence, done);
    return { value, whenDurable, durable: () => new Promise((resolve) => whenDurable(resolve)) };
  }
}
