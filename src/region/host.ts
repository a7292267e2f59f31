// What the regions of one server share: the log, the block cache, the memory for memstores, and who
// flushes and compacts next.
//
// Invariants:
// 1. A region registers when it opens and leaves when it is closed; each is queued once at most.
// 2. Memory and log have caps (L9): at them regions are flushed (the largest; those with the oldest
//    edits, race W12), and above them writes are refused until flushes have caught up.

import { asCadastreError, type CadastreError } from '../base/errors.js';
import type { RegionId, Revision } from '../base/ids.js';
import type { HostStatus, RegionServices } from './api.js';
import { BlockCache } from './block-cache.js';
import type { CompactionKind } from './compactor.js';
import { CompactionQueue } from './compaction-queue.js';
import { FlushQueue } from './flush-queue.js';
import type { HFileContext } from './hfile/api.js';
import type { HostedRegion } from './hosted-region.js';
import { SharedLog } from './shared-log.js';

/** Flushes queued for want of memory: with more, the next largest is chosen when one has ended. */
const pendingFlushesMax = 4;
/** A region with edits older than this is flushed, so that idle ones release their logs (HBase's). */
const unflushedMsMax = 60 * 60_000;
/** Time between two looks at what is due by its age. */
const ageCheckMs = 10 * 60_000;

export class RegionHost {
  readonly services: RegionServices;
  readonly log: SharedLog;
  readonly context: HFileContext;
  readonly #regions = new Map<RegionId, HostedRegion>();
  readonly #memstoreBytesMax: number;
  readonly #logBytesMax: number;
  readonly #flushBytes: number;
  readonly #flushes: FlushQueue;
  readonly #compactions: CompactionQueue;
  #memstoreBytes = 0;
  /** Log bytes at the last look at what is needed of it. */
  #logBytesSeen = 0;
  #isLogOver = false;
  readonly #stop = new AbortController();

  constructor(services: RegionServices) {
    this.services = services;
    const { settings, objects, writer, clock, log } = services;
    this.log = new SharedLog(writer);
    const cache = new BlockCache({ bytesMax: settings.get('cadastre.block.cache.bytes') });
    this.context = { objects, cache };
    this.#memstoreBytesMax = settings.get('cadastre.memstore.bytes');
    this.#logBytesMax = settings.get('cadastre.log.bytes');
    this.#flushBytes = settings.get('hbase.hregion.memstore.flush.size');
    const stop = this.#stop.signal;
    this.#flushes = new FlushQueue({ clock, log, stop, onEnd: () => this.#lookAtPressure() });
    this.#compactions = new CompactionQueue({ clock, stop });
    this.#scheduleAgeCheck();
  }

  get cache(): BlockCache {
    return this.context.cache;
  }

  get status(): HostStatus {
    let oldest: Revision | undefined;
    for (const { oldestRevisionInUse: used } of this.#regions.values()) {
      if (used !== undefined && (oldest === undefined || used < oldest)) oldest = used;
    }
    return {
      memstoreBytes: this.#memstoreBytes,
      memstoreBytesMax: this.#memstoreBytesMax,
      logBytesNeeded: this.log.bytesNeeded,
      logLowPosition: this.log.lowPosition,
      oldestRevisionInUse: oldest,
      flushesRunning: this.#flushes.running,
      compactionsRunning: this.#compactions.running,
      compactionsWaiting: this.#compactions.waiting,
    };
  }

  /** Why writes are refused now, if they are. */
  get overload(): string | undefined {
    if (this.#memstoreBytes > this.#memstoreBytesMax) {
      return `unflushed writes of the server hold ${this.#memstoreBytes} bytes, above ${this.#memstoreBytesMax}`;
    }
    if (this.#isLogOver) {
      return `the server's log needs more than ${2 * this.#logBytesMax} bytes until flushes catch up`;
    }
    return undefined;
  }

  register(region: HostedRegion): void {
    this.#regions.set(region.regionId, region);
  }

  leave(region: HostedRegion): void {
    this.#regions.delete(region.regionId);
    this.#flushes.remove(region);
    this.#compactions.remove(region);
  }

  /** A region's memstores grew, or shrank by a flush. */
  noteMemory(region: HostedRegion, grewBy: number): void {
    this.#memstoreBytes += grewBy;
    if (grewBy <= 0) return;
    if (region.activeBytes >= this.#flushBytes && !this.#flushes.has(region)) {
      this.#flushes.add(region);
    }
    if (this.#memstoreBytes > this.#memstoreBytesMax * 0.8) this.#flushLargest();
  }

  /** To be called after appends: looks at the log's cap now and then. */
  noteLog(): void {
    const bytes = this.log.bytesAppended;
    if (bytes - this.#logBytesSeen < this.#logBytesMax / 64) return;
    this.#logBytesSeen = bytes;
    this.#lookAtLog();
  }

  requestFlush(region: HostedRegion): void {
    this.#flushes.add(region);
  }

  /** Compacts the region when its turn comes; resolves when it is done. */
  compact(region: HostedRegion, what: CompactionKind): Promise<void> {
    return this.#compactions.add(region, what);
  }

  /** After a flush: whether there is something to merge. */
  considerCompaction(region: HostedRegion): void {
    if (region.wantsMinorCompaction) this.#compactQuietly(region, { kind: 'minor' });
  }

  /** The log acknowledges nothing any more: no region serves on. To be told by the log's owner. */
  failLog(error: CadastreError): void {
    for (const region of this.#regions.values()) region.fence(error);
  }

  /** Ends the background work. Regions are closed by their owner. */
  stop(): void {
    this.#stop.abort();
  }

  #lookAtPressure(): void {
    if (this.#memstoreBytes > this.#memstoreBytesMax * 0.8) this.#flushLargest();
    this.#lookAtLog();
  }

  #flushLargest(): void {
    if (this.#flushes.pending >= pendingFlushesMax) return;
    let largest: HostedRegion | undefined;
    for (const region of this.#regions.values()) {
      if (this.#flushes.has(region)) continue;
      if (largest === undefined || region.activeBytes > largest.activeBytes) largest = region;
    }
    if (largest !== undefined && largest.activeBytes > 0) this.#flushes.add(largest);
  }

  /** Above the cap the region with the oldest edit is flushed, again and again (race W12). */
  #lookAtLog(): void {
    const needed = this.log.bytesNeeded;
    this.#isLogOver = needed > 2 * this.#logBytesMax;
    if (needed <= this.#logBytesMax) return;
    for (const regionId of this.log.regionsByAge()) {
      const region = this.#regions.get(regionId);
      if (region === undefined || this.#flushes.has(region)) continue;
      this.#flushes.add(region, true);
      return;
    }
  }

  /** Flushes what has not been for long, and merges files that are due by their age. */
  #scheduleAgeCheck(): void {
    this.services.clock.timer(ageCheckMs, () => {
      if (this.#stop.signal.aborted) return;
      const oldestMs = this.services.clock.now() - unflushedMsMax;
      for (const region of this.#regions.values()) {
        const { unflushedSinceMs } = region;
        if (unflushedSinceMs !== undefined && unflushedSinceMs < oldestMs)
          this.#flushes.add(region);
        if (region.wantsMajorCompactionByAge()) this.#compactQuietly(region, { kind: 'major' });
      }
      this.#scheduleAgeCheck();
    });
  }

  #compactQuietly(region: HostedRegion, what: CompactionKind): void {
    this.#compactions.add(region, what).catch((error: unknown) => {
      // Nothing is lost: the files stay as they are, and the next flush or check asks again.
      const { code, message } = asCadastreError(error);
      const fields = { region: region.regionId, code, error: message };
      this.services.log.warn('a compaction failed', fields);
    });
  }
}
