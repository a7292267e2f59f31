// Rows whose next edit waits for a read: an increment or a condition whose block is not in memory.
// All other writes are applied within one turn and need no lock.
//
// Await points: the task of `run`. Who comes meanwhile for the same row waits in order; a task
// always ends, also by an error, and then the next one runs.

export class RowLocks {
  readonly #waiting = new Map<string, (() => void)[]>();

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  isLocked(row: Buffer): boolean {
    return this.#waiting.size > 0 && this.#waiting.has(row.toString('latin1'));
  }

  /** Runs `task` now, or when the row is free. A promise it returns never rejects. */
  run(row: Buffer, task: () => Promise<void> | undefined): void {
    if (this.isLocked(row))
      this.#waiting.get(row.toString('latin1'))?.push(() => this.run(row, task));
    else this.#start(row, task);
  }

  #start(row: Buffer, task: () => Promise<void> | undefined): void {
    const running = task();
    if (running === undefined) return;
    const key = row.toString('latin1');
    this.#waiting.set(key, []);
    void running.then(() => {
      const waiting = this.#waiting.get(key) ?? [];
      this.#waiting.delete(key);
      for (const next of waiting) next();
    });
  }
}
