// Named bounds of the region server (L9), each with its reason.

export const serverLimits = {
  /** Requests that wait for an opened region's acknowledgement: a burst, not a queue. */
  callsWaitingForOpenMax: 1_000,
  /** Longer than an acknowledgement takes, shorter than a client's patience. */
  waitForOpenMs: 1_000,
  /** As long as HBase remembers, so that its clients find what they expect. */
  moveRememberedMs: 120_000,
  movesRememberedMax: 10_000,
  /** Scanners open at once: each holds a read point and its files. */
  scannersMax: 10_000,
  /** A page of a scan gives way to other work after so long: half of what L9 allows. */
  scanTurnMs: 10,
  /** Commits of flushes and compactions in one call to the master. */
  commitsPerCallMax: 64,
  /** Regions opened at once: bounds file handles and memory during mass assignment. */
  opensMax: 8,
  /** Regions flushed and closed at once: each has a file open per family; their commits share calls. */
  closesMax: 16,
  /** A clean stop gives up then; below the 30 s after which the launcher kills (cli/processes.ts). */
  drainMs: 20_000,
  /** First and longest wait between two tries to reach the master. */
  masterRetryFirstMs: 50,
  masterRetryMostMs: 1_000,
  masterCallMs: 10_000,
} as const;
