// What a writer learns of a file from the cells that pass: the figures of the summary and of the
// file's information.

import { CellType, latestTimestampHigh, latestTimestampLow } from '../../base/cell.js';
import { i32, i64 } from './bytes.js';
import type { HFileSummary, HFileWriterOptions } from './api.js';
import { infoName } from './format.js';

/** A timestamp in two unsigned halves: compared and stored exactly. */
interface Time {
  high: number;
  low: number;
}
const timeLatest = { high: latestTimestampHigh, low: latestTimestampLow };

export class FileStatistics {
  entries = 0;
  deletes = 0;
  deleteFamilies = 0;
  sequenceMin = Infinity;
  sequenceMax = 0;
  tagsLengthMax = 0;
  keyBytes = 0;
  valueBytes = 0;
  biggestKey: Buffer = Buffer.alloc(0);
  biggestBytes = 0;
  readonly #timeMin: Time = { ...timeLatest };
  readonly #timeMax: Time = { high: 0, low: 0 };
  readonly #earliestPut: Time = { ...timeLatest };

  /** Notes a cell; `tagsLength` is 0 where the cell has none. */
  note(
    buffer: Buffer,
    offset: number,
    keyLength: number,
    valueLength: number,
    tagsLength: number,
    sequence: number,
  ): void {
    this.entries++;
    this.keyBytes += keyLength;
    this.valueBytes += valueLength;
    if (sequence < this.sequenceMin) this.sequenceMin = sequence;
    if (sequence > this.sequenceMax) this.sequenceMax = sequence;
    if (tagsLength > this.tagsLengthMax) this.tagsLengthMax = tagsLength;
    const keyEnd = offset + 8 + keyLength;
    const type = buffer[keyEnd - 1] as number;
    const high = buffer.readUInt32BE(keyEnd - 9);
    const low = buffer.readUInt32BE(keyEnd - 5);
    if (isBefore(high, low, this.#timeMin)) setTime(this.#timeMin, high, low);
    if (!isBefore(high, low, this.#timeMax)) setTime(this.#timeMax, high, low);
    if (type === CellType.put) {
      if (isBefore(high, low, this.#earliestPut)) setTime(this.#earliestPut, high, low);
    } else {
      this.#noteDelete(type);
    }
    const bytes = 8 + keyLength + valueLength;
    if (bytes > this.biggestBytes) {
      this.biggestBytes = bytes;
      this.biggestKey = Buffer.from(buffer.subarray(offset + 8, keyEnd));
    }
  }

  #noteDelete(type: number): void {
    this.deletes++;
    if (type === CellType.deleteFamily || type === CellType.deleteFamilyVersion) {
      this.deleteFamilies++;
    }
    // These reach back to the beginning, so no time range may pass the file by.
    if (type === CellType.deleteFamily || type === CellType.deleteColumn) {
      setTime(this.#timeMin, 0, 0);
    }
  }

  /** Entries of the file's information that come from the cells and the options. */
  info(options: HFileWriterOptions, lastKey: Buffer): Map<string, Uint8Array> {
    const { entries } = this;
    const average = (total: number) => i32(entries === 0 ? 0 : Math.floor(total / entries));
    // HBase's range of no cells at all goes from the largest number to -1.
    const timeMax = entries === 0 ? i64(-1) : timeBytes(this.#timeMax);
    const info = new Map<string, Uint8Array>([
      [infoName.averageKeyLength, average(this.keyBytes)],
      [infoName.averageValueLength, average(this.valueBytes)],
      [infoName.createdAt, i64(options.createdAtMs)],
      [infoName.cellVersion, i32(1)],
      [infoName.cellSequenceMax, i64(this.sequenceMax)],
      [infoName.sequenceMax, i64(Math.max(this.sequenceMax, options.sequenceMax ?? 0))],
      [infoName.majorCompacted, Buffer.of(options.majorCompacted ? 255 : 0)],
      [infoName.timeRange, Buffer.concat([timeBytes(this.#timeMin), timeMax])],
      [infoName.earliestPut, timeBytes(this.#earliestPut)],
      [infoName.deleteFamilies, i64(this.deleteFamilies)],
    ]);
    if (entries > 0) {
      info.set(infoName.lastKey, lastKey);
      info.set(infoName.biggestCellKey, this.biggestKey);
      info.set(infoName.biggestCellLength, i64(this.biggestBytes));
    }
    if (options.withTags) {
      info.set(infoName.tagsLengthMax, i32(this.tagsLengthMax));
      info.set(infoName.tagsCompressed, Buffer.of(0));
    }
    return info;
  }

  /** The part of the summary that comes from the cells. */
  summary(): Pick<
    HFileSummary,
    | 'entries'
    | 'deletes'
    | 'sequenceMin'
    | 'sequenceMax'
    | 'timestampMin'
    | 'timestampMax'
    | 'tagsLengthMax'
    | 'rawBytes'
  > {
    const milliseconds = ({ high, low }: Time) => (this.entries === 0 ? 0 : high * 2 ** 32 + low);
    return {
      entries: this.entries,
      deletes: this.deletes,
      sequenceMin: this.entries === 0 ? 0 : this.sequenceMin,
      sequenceMax: this.sequenceMax,
      timestampMin: milliseconds(this.#timeMin),
      timestampMax: milliseconds(this.#timeMax),
      tagsLengthMax: this.tagsLengthMax,
      rawBytes: this.keyBytes + this.valueBytes,
    };
  }
}

function isBefore(high: number, low: number, time: Time): boolean {
  return high < time.high || (high === time.high && low < time.low);
}

function setTime(time: Time, high: number, low: number): void {
  time.high = high;
  time.low = low;
}

function timeBytes(time: Time): Buffer {
  const bytes = Buffer.allocUnsafeSlow(8);
  bytes.writeUInt32BE(time.high, 0);
  bytes.writeUInt32BE(time.low, 4);
  return bytes;
}
