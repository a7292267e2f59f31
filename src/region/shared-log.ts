// The write-ahead log of one server incarnation, as its regions share it: who still needs which part.
//
// Invariants:
// 1. `lowPosition` never passes an edit that is in no committed store file: a region holds the
//    position of its first unflushed edit until the flush that covers it was taken.
// 2. The order of records is the order of calls; a record is of one region.

import type { RegionId } from '../base/ids.js';
import type { LogPosition, LogWriter } from '../storage/log.js';

/** The first edits of a region that are not in store files. */
interface Needs {
  /** Of the snapshot that a flush is writing. */
  flushing: LogPosition | undefined;
  /** Of the active memstore. */
  active: LogPosition | undefined;
}

export class SharedLog {
  readonly #writer: LogWriter;
  readonly #needs = new Map<RegionId, Needs>();
  #bytesAppended = 0;

  constructor(writer: LogWriter) {
    this.#writer = writer;
  }

  /** Number of the last record handed over. */
  get appended(): number {
    return this.#writer.appended;
  }
  get durable(): number {
    return this.#writer.durable;
  }

  /** Bytes handed over by this object. */
  get bytesAppended(): number {
    return this.#bytesAppended;
  }

  /** Appends a region's record and returns its number. Throws once the log ended. */
  append(region: RegionId, record: Uint8Array): number {
    const needs = this.#needsOf(region);
    const position = needs.active ?? this.#writer.position;
    const number = this.#writer.append(record);
    this.#bytesAppended += record.length;
    needs.active = position;
    return number;
  }

  whenDurable(number: number, done: () => void): void {
    this.#writer.whenDurable(number, done);
  }

  /** The memstore was set aside for a flush: what comes now belongs to the next one. */
  beginFlush(region: RegionId): void {
    const needs = this.#needsOf(region);
    needs.flushing ??= needs.active;
    needs.active = undefined;
  }

  /** The flush was taken: its edits need no log. */
  endFlush(region: RegionId): void {
    this.#needsOf(region).flushing = undefined;
  }

  /** The region was closed with everything flushed, or is given up to the recovery of this log. */
  forget(region: RegionId): void {
    this.#needs.delete(region);
  }

  /** The position from which on the log is needed. */
  get lowPosition(): LogPosition {
    let low = this.#writer.position;
    for (const needs of this.#needs.values()) {
      const first = needs.flushing ?? needs.active;
      if (first !== undefined && first.sequence < low.sequence) low = first;
    }
    return low;
  }

  /** Bytes of the log from {@link lowPosition} on. */
  get bytesNeeded(): number {
    const low = this.lowPosition;
    let bytes = 0;
    for (const segment of this.#writer.segments) {
      if (segment.segment > low.segment) bytes += segment.bytes;
      else if (segment.segment === low.segment) bytes += Math.max(0, segment.bytes - low.offset);
    }
    return bytes;
  }

  /** Regions with unflushed edits, the oldest edit first. */
  regionsByAge(): readonly RegionId[] {
    const aged: { readonly region: RegionId; readonly sequence: number }[] = [];
    for (const [region, { flushing, active }] of this.#needs) {
      const first = flushing ?? active;
      if (first !== undefined) aged.push({ region, sequence: first.sequence });
    }
    return aged.sort((a, b) => a.sequence - b.sequence).map(({ region }) => region);
  }

  #needsOf(region: RegionId): Needs {
    let needs = this.#needs.get(region);
    if (needs === undefined) {
      needs = { flushing: undefined, active: undefined };
      this.#needs.set(region, needs);
    }
    return needs;
  }
}
