// The collector's bounds (L9), each with its reason.

/** Candidates marked, deleted and dropped together: two records of about 50 KiB. */
export const batchMax = 500;

/** Deletions of one cycle (race S17: whatever goes wrong with clocks or horizons stays small). */
export const deletionsPerCycleMax = 10_000;

/** Records looked at between two yields of the event loop. */
export const recordsPerTurn = 500;

/** Deletions that `explain` remembers. */
export const deletionsRemembered = 10_000;
