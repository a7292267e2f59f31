// Blocks of store files in memory, within a budget of bytes, and the one limit on reading them.
//
// Two segments: a block comes in on probation and is protected once it is used again; the protected
// part keeps at most four fifths of the budget, what falls out of it is on probation once more. A
// scan that touches each block once can thus only wash out what was never used twice.
//
// Invariants:
// 1. The sum of `memoryBytes` of what is held never exceeds the budget after a call returns.
// 2. One block is read at most once at a time, however many ask for it.
// 3. At most `readsMax` reads run at once (of Node's 16 threads, so that logs and others have theirs).

/** What the cache holds; immutable. Index blocks and filters (not `data`) are protected at once. */
export interface CachedBlock {
  readonly kind: string;
  /** What it costs in memory, bytes. */
  readonly memoryBytes: number;
}

export interface BlockCacheOptions {
  readonly bytesMax: number;
  /** Default 12. */
  readonly readsMax?: number;
}

export interface BlockCacheStats {
  readonly blocks: number;
  readonly bytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  readonly reads: number;
}

const readsMaxDefault = 12;
/** Part of the budget that blocks used twice may fill. */
const protectedShare = 0.8;

interface Entry {
  readonly object: string;
  readonly offset: number;
  readonly block: CachedBlock;
  isProtected: boolean;
  older: Entry | undefined;
  newer: Entry | undefined;
}

/** A list in the order of use with the bytes in it. */
class Segment {
  bytes = 0;
  oldest: Entry | undefined;
  #newest: Entry | undefined;

  push(entry: Entry): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest === undefined) this.oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
    this.bytes += entry.block.memoryBytes;
  }

  remove(entry: Entry): void {
    if (entry.older === undefined) this.oldest = entry.newer;
    else entry.older.newer = entry.newer;
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    this.bytes -= entry.block.memoryBytes;
  }
}

export class BlockCache {
  readonly #bytesMax: number;
  readonly #readsMax: number;
  readonly #objects = new Map<string, Map<number, Entry>>();
  readonly #probation = new Segment();
  readonly #protected = new Segment();
  readonly #reading = new Map<string, Promise<CachedBlock>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #blocks = 0;
  #hits = 0;
  #misses = 0;
  #evictions = 0;
  #reads = 0;

  constructor(options: BlockCacheOptions) {
    this.#bytesMax = options.bytesMax;
    this.#readsMax = options.readsMax ?? readsMaxDefault;
  }

  /** The block of `object` at `offset`, if it is held. Counts as a use. */
  get(object: string, offset: number): CachedBlock | undefined {
    const entry = this.#objects.get(object)?.get(offset);
    if (entry === undefined) {
      this.#misses++;
      return undefined;
    }
    this.#hits++;
    if (entry.isProtected) {
      this.#protected.remove(entry);
      this.#protected.push(entry);
    } else {
      this.#probation.remove(entry);
      this.#protect(entry);
    }
    return entry.block;
  }

  /** Whether the block is held, without counting as a use. */
  has(object: string, offset: number): boolean {
    return this.#objects.get(object)?.has(offset) === true;
  }

  /**
   * Reads a block that is not held, or joins the read of it under way; keeps it if `keep`. Rejects
   * as `read` does; nothing is kept then, and the next call reads again. `read` itself goes through
   * {@link limited} for what it reads from outside.
   */
  load(
    object: string,
    offset: number,
    keep: boolean,
    read: () => Promise<CachedBlock>,
  ): Promise<CachedBlock> {
    const key = `${offset} ${object}`;
    const joined = this.#reading.get(key);
    if (joined !== undefined) return joined;
    const promise = read()
      .then((block) => {
        if (keep) this.put(object, offset, block);
        return block;
      })
      .finally(() => this.#reading.delete(key));
    this.#reading.set(key, promise);
    return promise;
  }

  /** Runs `read` when fewer than `readsMax` others run, in order of arrival. */
  async limited<T>(read: () => Promise<T>): Promise<T> {
    // Whoever ends a read hands its place on, so `running` need not be looked at again.
    if (this.#running >= this.#readsMax) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running++;
    }
    this.#reads++;
    try {
      return await read();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  /** Holds a block. One larger than the budget is not held. */
  put(object: string, offset: number, block: CachedBlock): void {
    if (block.memoryBytes > this.#bytesMax || this.has(object, offset)) return;
    const entry: Entry = {
      object,
      offset,
      block,
      isProtected: false,
      older: undefined,
      newer: undefined,
    };
    let ofObject = this.#objects.get(object);
    if (ofObject === undefined) this.#objects.set(object, (ofObject = new Map<number, Entry>()));
    ofObject.set(offset, entry);
    this.#blocks++;
    if (block.kind === 'data') this.#probation.push(entry);
    else this.#protect(entry);
    this.#shrink();
  }

  /** Drops all blocks of an object: it is gone or no longer used. */
  evictObject(object: string): void {
    for (const entry of this.#objects.get(object)?.values() ?? []) this.#drop(entry);
  }

  get stats(): BlockCacheStats {
    return {
      blocks: this.#blocks,
      bytes: this.#probation.bytes + this.#protected.bytes,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
      reads: this.#reads,
    };
  }

  #protect(entry: Entry): void {
    entry.isProtected = true;
    this.#protected.push(entry);
    while (this.#protected.bytes > this.#bytesMax * protectedShare) {
      const oldest = this.#protected.oldest;
      if (oldest === undefined || oldest === entry) return;
      this.#protected.remove(oldest);
      oldest.isProtected = false;
      this.#probation.push(oldest);
    }
  }

  #shrink(): void {
    while (this.#probation.bytes + this.#protected.bytes > this.#bytesMax) {
      const oldest = this.#probation.oldest ?? this.#protected.oldest;
      if (oldest === undefined) return;
      this.#drop(oldest);
      this.#evictions++;
    }
  }

  #drop(entry: Entry): void {
    (entry.isProtected ? this.#protected : this.#probation).remove(entry);
    this.#blocks--;
    const ofObject = this.#objects.get(entry.object);
    ofObject?.delete(entry.offset);
    if (ofObject?.size === 0) this.#objects.delete(entry.object);
  }
}
