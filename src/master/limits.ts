// The master's bounds (L9), each with its reason.

export const limits = {
  /** Children that one record starts: far below the engine's 1,000 and the record's 1 MiB. */
  childrenPerRecord: 500,
  /** Regions that one step of a table procedure looks at: a few milliseconds of work. */
  lookedAtPerRecord: 5_000,
  /** Unfinished children of one table procedure or crash: bounds memory, keeps all servers busy. */
  childrenWindow: 2_000,
  /** Regions of a crashed server that one record recovers. */
  recoveredPerRecord: 500,
  /** Their records may carry nonces: kept well below the record's 1 MiB. */
  recoveredBytesPerRecord: 256 * 1024,
  /** Region records that one record prepares for a new table. */
  preparedPerRecord: 500,
  preparedBytesPerRecord: 256 * 1024,
  /** Rows (regions and files) of a dropped table that one record deletes. */
  discardedPerRecord: 1_000,
  /**
   * Closes of one region that a server tried and could not do before it is declared crashed. Few: it
   * serves the region no more, and a flush that failed for a passing reason had its own retries.
   */
  closesFailedMax: 5,
  /** Time between two looks at whether servers live: a look costs a few system calls each. */
  livenessMs: 200,
  /** A page of hbase:meta: a few milliseconds of work, whatever the client asks (L9). */
  metaRowsPerPage: 1_000,
  metaBytesPerPage: 1024 * 1024,
  /** As HBase's default for scanners. */
  metaScannerLeaseMs: 60_000,
  metaScannersMax: 10_000,
  /** How often and how long a report waits for its region's owner to be ready for it. */
  reportTries: 5,
  reportRetryMs: 100,
  /** A server takes a batch at once or not at all: it answers before it executes. */
  controlCallMs: 5_000,
  /** Replaced files are kept so long: more than a server's call to the master may take. */
  fileHoldMs: 15_000,
  /** Procedures that one GetProcedures shows; operators page through more over HTTP. */
  proceduresShown: 1_000,
  /** Servers named to clients as bootstrap nodes; HBase names as many. */
  bootstrapNodes: 10,
  /** Crashed servers shown to operators. */
  deadServersKept: 100,
} as const;
