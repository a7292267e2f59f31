// The catalog's bounds (L9), each with its reason.

/** A transaction's log record. Larger changes are prepared in batches under an invisible id (L1). */
export const transactionBytesMax = 1024 * 1024;

/** A checkpoint's objects: large enough to keep them few, small enough to hash within a turn (L9). */
export const checkpointObjectBytesMax = 2 * 1024 * 1024;

/** Records encoded or decoded between two yields of the event loop: about 5 ms of work (L9). */
export const recordsPerTurn = 500;

/** Ids taken from the system record at a time, so that most allocations write nothing. */
export const idsPerReservation = 1000;

/** Pause after a checkpoint that failed: long enough for a full disk not to be hammered. */
export const checkpointRetryMs = 10_000;

/** Objects listed and made candidates in one transaction: about 100 KiB of record. */
export const listPage = 500;
