// A local file system: just the operations that durable storage needs, so that a simulated disk can
// tear, lose and fail them. Paths are absolute, with `/`.
//
// What a crash may do (and the simulated disk does): bytes written and not synced may be there
// wholly, partly (any subset of 512-byte sectors) or not at all; a directory entry made, renamed or
// removed since the directory was last synced may be old or new.
//
// Errors are CadastreErrors: `disk-full`, `object-missing` (no such file), `object-exists`,
// `root-unusable` (permission, read-only), `storage-unavailable` (any other failure).

/** Called once. On success `error` is undefined. */
export type WriteDone = (error: Error | undefined) => void;

export interface DiskFile {
  readonly path: string;
  /** Reads up to `length` bytes at `position`; fewer only at the end of the file. */
  read(position: number, length: number): Promise<Buffer>;
  /**
   * Writes all of `bytes` at `position`. The caller does not change `bytes` until `done`. One
   * callback and no promise, because the write-ahead log calls it for every group.
   */
  write(bytes: Uint8Array, position: number, done: WriteDone): void;
  /** Makes everything written durable (fdatasync). */
  sync(): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** `create`: fails if there; `durable-writes`: as `create`, and each write is synced (O_DSYNC). */
export type OpenMode = 'read' | 'write' | 'create' | 'durable-writes';

export interface Disk {
  open(path: string, mode: OpenMode): Promise<DiskFile>;
  /** Makes the directory and its parents; no error if there. Does not sync. */
  makeDirectory(path: string): Promise<void>;
  /** A second name for a file; fails with `object-exists` if the name is taken. */
  link(from: string, to: string): Promise<void>;
  /** Replaces what is at `to`. */
  rename(from: string, to: string): Promise<void>;
  /** No error if it is gone already. */
  unlink(path: string): Promise<void>;
  /** Names in the directory, sorted bytewise; empty if there is no such directory. */
  list(path: string): Promise<readonly DiskEntry[]>;
  /** Makes the directory's entries durable (fsync of the directory). */
  syncDirectory(path: string): Promise<void>;
  /** Whether something is at the path, from the directory cache: the one synchronous call. */
  existsNow(path: string): boolean;
  /** Bytes free for us on the file system that holds `path`. */
  freeBytes(path: string): Promise<number>;
  /** `network` and `no-hard-links` file systems are refused for roots. */
  describe(
    path: string,
  ): Promise<{ readonly kind: 'usable' | 'network' | 'no-hard-links'; readonly name: string }>;
}

export interface DiskEntry {
  readonly name: string;
  readonly isDirectory: boolean;
}
