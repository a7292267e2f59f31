// Ties the acknowledgement of OPENED to the record that says OPEN. A server serves from the
// acknowledgement on, so it must not be given for a report that was merely stored for later (its
// procedure is paused, or its step failed): a crash would then find the region OPENING and take it
// for one that has no edits.

export class Acknowledgement {
  #key: string | undefined;

  /** Runs `deliver`, during which the report of that key can be acknowledged. */
  during<T>(key: string, deliver: () => T): T {
    this.#key = key;
    try {
      return deliver();
    } finally {
      this.#key = undefined;
    }
  }

  /** Whether the report of that key is being delivered now, so that its server will get the answer. */
  isPending(key: string): boolean {
    return this.#key === key;
  }
}
