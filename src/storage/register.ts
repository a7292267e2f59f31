// The one mutable thing: a folder of numbered objects, of which the highest wins.
//
// Invariants: a write creates exactly the writer's own number + 1 and then lists; a higher number
// than its own means that it lost, and it must stop. Entries name their predecessor and the attempt
// that wrote them, so that an unclear outcome is read back and never guessed.

export interface RegisterEntry {
  readonly number: number;
  readonly value: Buffer;
}

export interface Register {
  /** The highest entry. */
  read(): Promise<RegisterEntry | undefined>;
  /** All entries still kept, lowest first. */
  history(): Promise<readonly RegisterEntry[]>;
  /**
   * Writes number `after + 1`. Returns true if it is now the highest; false if another writer won.
   * Never tries a higher number. Also true when a retry finds its own earlier attempt there.
   */
  write(after: number, value: Uint8Array): Promise<boolean>;
  /** Deletes entries below the last 8. */
  trim(): Promise<void>;
}
