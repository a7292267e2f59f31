// Every bound of the engine (L9), with its reason.

/** One record of the catalog: what a transaction may write for procedures. */
export const recordBytesMax = 1024 * 1024;
/** So that a record of children stays far below `recordBytesMax`. */
export const childrenPerRecordMax = 1_000;
/** Outcomes kept for a parent: they are deleted in the one record that ends it. */
export const childOutcomesMax = 1_000;
/** Steps kept in a row's history: a procedure that loops for days must not grow. */
export const historyMax = 32;
/**
 * Async parts under way at once in each priority: they may hold sockets and buffers, and ones that
 * never settle must not hold up those of another priority.
 */
export const runningMax = 64;
/** The engine gives the event loop back after so long (the law's bound is 20 ms at p99.9). */
export const sliceMs = 4;
/** Procedures loaded, audited or listed between two looks at the clock. */
export const procedureStride = 256;
/** First back-off of a failed step; doubles up to the maximum. */
export const backOffFirstMs = 100;
export const backOffMaxMs = 60_000;
/** Time between two runs of the auditor. */
export const auditMs = 10_000;
/** How far into a lock's queue the auditor looks for each that says it stands there. */
export const waitersAuditedMax = 1_000;
/** Faults kept for display. */
export const faultsMax = 100;
/** Text of an error that goes into a row. */
export const errorTextMax = 4_096;
/** Results kept after the client has acknowledged them; as long as HBase keeps them. */
export const acknowledgedResultMs = 5 * 60_000;
/** Results nobody has asked for; as long as HBase keeps them. */
export const resultMs = 15 * 60_000;
export const resultsMax = 10_000;
export const resultsSweepMs = 30_000;
/** Rows deleted by one record of the sweep. */
export const sweepBatch = 1_000;
/** Free locks and empty groups kept for reuse before they are swept. */
export const idleMax = 1_024;
/** Procedures in one page of a list. */
export const pageMax = 1_000;
/**
 * Procedures that one synchronous look goes through at most: some milliseconds of work (L9). A page of
 * a list then ends early, and says where to go on.
 */
export const lookedAtMax = 20_000;
/** Holders and waiters of one lock that a view names. */
export const namedOfLockMax = 100;
/** Waiters of one lock that are counted: a queue of a million is as long as one of ten thousand. */
export const waitersCountedMax = 10_000;
/** Links of an explanation: deeper chains are cut. */
export const explainMax = 32;
