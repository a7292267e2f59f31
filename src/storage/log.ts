// Fenced logs: append-only records with one writer, which anyone may seal.
//
// Invariants (page 1 of the design; every implementation passes `testing/log-suite.ts`):
// 1. After `seal` returns, no append is ever acknowledged again, and every reader stops at the same
//    end for ever.
// 2. Only the contiguous durable prefix is acknowledged, in order.
// 3. A record that a reader returns is byte for byte what was appended. A torn tail is cut; any other
//    damage is reported as `corruption` and never skipped.
// 4. A failed sync ends the writer for good.

/** Where a record starts, or a log ends. Compare by `sequence`. */
export interface LogPosition {
  readonly segment: number;
  /** Where its group starts, or an earlier group: records are written in groups. */
  readonly offset: number;
  /** Number of the record that starts here: 1, 2, 3, … */
  readonly sequence: number;
}

export interface LogRecord {
  readonly payload: Buffer;
  readonly sequence: number;
  /** The position just after it. */
  readonly next: LogPosition;
}

export interface LogWriter {
  readonly name: string;
  /** Number of the last record handed over; 0 before the first. */
  readonly appended: number;
  /** Number of the last record acknowledged. */
  readonly durable: number;
  /** Where the next record will start. */
  readonly position: LogPosition;
  /** Segments that hold records, with the first record's number, oldest first. */
  readonly segments: readonly {
    readonly segment: number;
    readonly firstSequence: number;
    readonly bytes: number;
  }[];
  /**
   * Queues a record; it is written with others in one group. Returns its number. The payload's parts
   * are copied before the call returns. Throws `sealed` (or the first failure) once the writer ended.
   */
  append(...parts: readonly Uint8Array[]): number;
  /** Calls `done` once record `sequence` is durable; at once if it is. Never called after a failure. */
  whenDurable(sequence: number, done: () => void): void;
  /** Called once, when the writer can acknowledge nothing more: `sealed`, or an I/O failure. */
  onFailure(handler: (error: Error) => void): void;
  /** Whether the log is still unsealed now: the check that protects reads on a local root (L3). */
  isUnsealed(): boolean;
  /** Waits for what was appended, then closes without sealing. */
  close(): Promise<void>;
}

export interface LogReadOptions {
  /** Default: the log's first record that is still kept. */
  readonly from?: LogPosition;
  /** Stop before this position; default: the end if sealed, else what is durable now. */
  readonly until?: LogPosition;
}

export interface LogStore {
  /** Makes a log; fails with `object-exists` if the name was ever used. */
  create(name: string): Promise<LogWriter>;
  /**
   * Seals and returns the end; idempotent, may be called by several at once. A name that nobody has
   * used is taken by it: that log cannot be made afterwards (race A20).
   */
  seal(name: string): Promise<LogPosition>;
  /** The end, if sealed. */
  end(name: string): Promise<LogPosition | undefined>;
  /** Records in order. Throws `corruption` with the place, `object-missing` for an unknown log. */
  read(name: string, options?: LogReadOptions): AsyncIterable<LogRecord>;
  /** Names of all logs whose name starts with `prefix`, sorted. */
  list(prefix: string): Promise<readonly string[]>;
  /** Frees what lies wholly below; everything but the name if the log is sealed and `below` its end. */
  release(name: string, below: LogPosition): Promise<void>;
}
