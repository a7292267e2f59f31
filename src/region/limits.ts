// The bounds of the region engine that are not settings (L9), each with its reason.

export const regionLimits = {
  /** HBase's Short.MAX_VALUE: clients refuse longer ones. */
  rowBytesMax: 32_767,
  /** Cells of one record of many mutations: the log takes records up to 32 MiB, and shares its time. */
  recordBytesMax: 4 * 1024 * 1024,
  /** A region above so many times its flush size refuses writes, as HBase (block multiplier). */
  blockMultiplier: 4,
  /** Flushes at once: two keep the disk busy while one waits for its commit. */
  flushesMax: 2,
  /** Compactions at once: one thread works on them. */
  compactionsMax: 1,
  /** Compactions write at most so fast on average, so that reads and the log have the disk too. */
  compactionBytesPerSecond: 50 * 1024 * 1024,
  /** A flush waits for a compaction at most so long (HBase's blockingWaitTime). */
  blockedFlushWaitMs: 90_000,
  /** Background work of the event loop runs so long before it yields. */
  sliceMs: 4,
  /** Files opened at once when a region opens. */
  filesOpenedAtOnce: 8,
} as const;
