// Every bound of the storage layer, with its reason (L9).

const kib = 1024;
const mib = 1024 * kib;

/** Bounds of fenced logs. */
export const logLimits = {
  /** A segment is released as a whole, so smaller ones free space sooner; larger ones cost fewer files. */
  segmentBytes: 16 * mib,
  /** Zero-filled at a time: half a second of a fast writer, and little to search for a torn tail. */
  fillBytes: 1 * mib,
  /** One record: a batch of the largest cells (10 MiB) fits; a reader holds a whole one in memory. */
  recordBytesMax: 32 * mib,
  /** A group takes no further record beyond this: the next write starts sooner, buffers stay small. */
  groupBytesMax: 4 * mib,
  /** Group buffers start at this size, and larger ones are not kept for reuse than `groupBufferKeptMax`. */
  groupBufferBytes: 64 * kib,
  groupBufferKeptMax: 1 * mib,
  /** Readers ask the disk for so much at a time. */
  readChunkBytes: 1 * mib,
} as const;

/** Bounds of what is done again after an unclear or failed request to an object store. */
export const retryLimits = {
  attemptsMax: 6,
  /** First pause; doubles with each attempt, half of it random. */
  pauseMs: 50,
  pauseMaxMs: 2_000,
} as const;

/** Register entries that stay when older ones are trimmed: enough to look back when something went wrong. */
export const registerEntriesKept = 8;

/** Bounds of the election. */
export const electionLimits = {
  /** The holder shows so often that it lives; three in `silenceMs` leave room for a slow disk. */
  aliveEveryMs: 1_000,
  /** A holder silent for so long, by the standby's own clock, is succeeded. */
  silenceMs: 3_000,
  /** How often a standby looks. */
  lookEveryMs: 250,
} as const;

/** Free space below which things are refused, in the order of page 1; bytes. */
export const spaceLimits = {
  refuseSnapshotsBelow: 1024 * mib,
  refuseWritesBelow: 512 * mib,
  refuseCompactionsBelow: 256 * mib,
  /** A level ends only when free space is above its limit times this, so that it does not flicker. */
  hysteresis: 1.25,
  lookEveryMs: 2_000,
  /** Given back when compactions are refused, so that the catalog can record what frees space. */
  ballastBytes: 64 * mib,
} as const;
