// Logs in memory with the promises of storage/log.ts, for tests that are about regions and not about
// disks: records become durable at once, or when the test says so.

import { CadastreError } from '../../base/errors.js';
import type {
  LogPosition,
  LogReadOptions,
  LogRecord,
  LogStore,
  LogWriter,
} from '../../storage/log.js';

interface StoredRecord {
  readonly payload: Buffer;
  readonly offset: number;
}

export class MemoryLogWriter implements LogWriter {
  readonly name: string;
  readonly records: StoredRecord[] = [];
  #discarded = 0;
  durable = 0;
  /** Whether records wait for {@link settle}. */
  isHeld = false;
  /** Whether records are only counted, for benches. */
  isDiscarding = false;
  #bytes = 0;
  #waiting: { readonly sequence: number; readonly done: () => void }[] = [];
  #failed: Error | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get appended(): number {
    return this.records.length + this.#discarded;
  }
  get position(): LogPosition {
    return { segment: 1, offset: this.#bytes, sequence: this.records.length + 1 };
  }
  get segments() {
    return [{ segment: 1, firstSequence: 1, bytes: this.#bytes }];
  }

  append(...parts: readonly Uint8Array[]): number {
    if (this.#failed !== undefined) throw this.#failed;
    if (this.isDiscarding) {
      this.durable = ++this.#discarded;
      return this.durable;
    }
    const payload = Buffer.concat(parts);
    this.records.push({ payload, offset: this.#bytes });
    this.#bytes += payload.length;
    if (!this.isHeld) this.settle();
    return this.records.length;
  }

  whenDurable(sequence: number, done: () => void): void {
    if (sequence <= this.durable) done();
    else this.#waiting.push({ sequence, done });
  }

  /** Makes the first `upTo` records durable (default: all). */
  settle(upTo = this.records.length): void {
    this.durable = upTo;
    if (this.#waiting.length === 0) return;
    const ready = this.#waiting.filter(({ sequence }) => sequence <= upTo);
    this.#waiting = this.#waiting.filter(({ sequence }) => sequence > upTo);
    for (const { done } of ready) done();
  }

  /** Sealed by someone else: what is not durable never will be. */
  fail(error: Error): void {
    this.#failed = error;
    this.records.length = this.durable;
    this.#waiting = [];
  }

  onFailure(): void {}

  isUnsealed(): boolean {
    return this.#failed === undefined;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export class MemoryLogs implements LogStore {
  readonly #logs = new Map<string, MemoryLogWriter>();

  open(name: string): MemoryLogWriter {
    const log = new MemoryLogWriter(name);
    this.#logs.set(name, log);
    return log;
  }

  create(name: string): Promise<LogWriter> {
    return Promise.resolve(this.open(name));
  }

  seal(name: string): Promise<LogPosition> {
    const log = this.#logOf(name);
    log.fail(new CadastreError('sealed', `the log ${name} is sealed`));
    return Promise.resolve(log.position);
  }

  end(name: string): Promise<LogPosition | undefined> {
    return Promise.resolve(this.#logOf(name).position);
  }

  async *read(name: string, options: LogReadOptions = {}): AsyncIterable<LogRecord> {
    const { records } = this.#logOf(name);
    const from = options.from?.sequence ?? 1;
    const until = options.until?.sequence ?? records.length + 1;
    for (let sequence = from; sequence < until; sequence++) {
      const record = records[sequence - 1];
      if (record === undefined) return;
      const { payload, offset } = record;
      const next = { segment: 1, offset: offset + payload.length, sequence: sequence + 1 };
      yield { payload, sequence, next };
    }
  }

  list(prefix: string): Promise<readonly string[]> {
    return Promise.resolve([...this.#logs.keys()].filter((name) => name.startsWith(prefix)).sort());
  }

  release(): Promise<void> {
    return Promise.resolve();
  }

  #logOf(name: string): MemoryLogWriter {
    const log = this.#logs.get(name);
    if (log === undefined) throw new CadastreError('object-missing', `there is no log ${name}`);
    return log;
  }
}
