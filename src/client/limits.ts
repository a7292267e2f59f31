// The client's bounds (L9), each with its reason.

export const clientLimits = {
  /** Waiting between attempts starts here, HBase's own pause. */
  pauseFirstMs: 100,
  /** A cluster that is back is noticed within this. */
  pauseMostMs: 2_000,
  /** Longer than the recovery of a killed server; HBase's 20 minutes keep people in the dark. */
  operationTimeoutMs: 60_000,
  /** Of one call: what a server that stands still costs, and short enough that an operation has several. */
  callTimeoutMs: 15_000,
  /** Bootstrap servers are many, and the next one may live. */
  registryTimeoutMs: 5_000,
  /** Of one answer to a scan, HBase's own: large enough to fill the line, small enough to hold. */
  scanAnswerBytes: 2 * 2 ** 20,
  /** Cells of one batch request; more are sent as several requests side by side. */
  batchBytesMax: 4 * 2 ** 20,
  batchActionsMax: 8_192,
  /** Rows of hbase:meta in one answer when all regions of a table are read. */
  metaRowsMax: 500,
  /** Regions that one look-up brings, the asked one first: HBase's asynchronous client takes ten. */
  lookUpRows: 10,
  /** First and last pause between two questions whether a procedure is done. */
  pollFirstMs: 10,
  pollMostMs: 500,
  /** Tables change slowly when servers fail meanwhile. */
  procedureTimeoutMs: 10 * 60_000,
} as const;
