// The operator API's bounds (L9), each with its reason.

/** Requests carry a few words. */
export const bodyBytesMax = 64 * 1024;
/** One long poll; whoever waits longer asks again. Proxies give up after a minute, too. */
export const waitMsMax = 60_000;
/** Long polls at once: each holds a connection. */
export const waitsMax = 1_000;
/** Entries of a page when none, and at most, are asked for. */
export const pageDefault = 100;
export const pageMax = 1_000;
/** Regions looked at between two yields of the event loop. */
export const regionsPerTurn = 1_000;
/** Bytes of rows in one export: it is made into text in one turn. */
export const exportRowBytesMax = 2 * 1024 * 1024;
/** A pause of the collector is leased, so that nobody stops it for ever. */
export const collectorPauseMsDefault = 60 * 60_000;
export const collectorPauseMsMax = 24 * 60 * 60_000;
