// Immutable objects under string keys: the one thing the cluster depends on. The only condition is
// create-if-absent, because a directory (`link`) and every serious S3 (`If-None-Match: *`) have it.
//
// Keys are `/`-separated parts of [A-Za-z0-9._-]; no key is a path prefix of another one.
// Invariants every implementation keeps, held by one conformance suite:
// 1. After `put` or `create` resolves, the object is durable and every reader sees all of it.
// 2. Of any number of concurrent creates of a key, exactly one succeeds.
// 3. A reader never sees part of an object, whatever crashed.
// Errors: `object-exists`, `object-missing`, `disk-full`, `storage-unavailable` (the outcome of a
// write is then unknown: read back).

export interface ObjectInfo {
  readonly key: string;
  readonly bytes: number;
}

/** Bytes [start, end) of an object; `end` past its size is cut. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Writes an object piece by piece; nothing is visible before `finish`. */
export interface ObjectWriter {
  write(bytes: Uint8Array): Promise<void>;
  /** Makes it durable and visible; fails with `object-exists` if the key is taken. */
  finish(): Promise<void>;
  /** Drops what was written. */
  abort(): Promise<void>;
}

export interface ObjectStore {
  /** Creates or replaces. Only for keys that one writer owns. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Fails with `object-exists` if present. */
  create(key: string, bytes: Uint8Array): Promise<void>;
  /** As `create`, for objects too large to hold in memory. */
  createWriter(key: string): Promise<ObjectWriter>;
  get(key: string, range?: ByteRange): Promise<Buffer>;
  head(key: string): Promise<ObjectInfo | undefined>;
  /** In key order, keys greater than `after`, at most `limit` (default 1,000). */
  list(prefix: string, after?: string, limit?: number): Promise<readonly ObjectInfo[]>;
  /** No error for keys that are gone. Only the collector calls it for data (L6). */
  delete(keys: readonly string[]): Promise<void>;
}
