// The collector's bounds (L9), each with its reason.

/** Candidates marked, deleted and dropped together: two records of about 50 KiB. */
export const batchMax = 500;

/** Deletions of one cycle (race S17: whatever goes wrong with clocks or horizons stays small). */
export const deletionsPerCycleMax = 10_000;

/** Records looked at between two yields of the event loop. */
export const recordsPerTurn = 500;

/** Deletions that `explain` remembers. */
export const deletionsRemembered = 10_000;

/** A start and the recoveries that come with it are over by then; listing would only slow them. */
export const sweepFirstMs = 60_000;

/** A sweep lists all data objects, and orphans are few: what a crash cut off. */
export const sweepEveryMs = 30 * 60_000;

/** Objects listed at once, as a page of S3 has; a few milliseconds of work between two yields. */
export const sweepPage = 1_000;

/** Orphans that one sweep finds and remembers: about 1 MiB, and one cycle deletes as many. */
export const orphansPerSweepMax = 10_000;
