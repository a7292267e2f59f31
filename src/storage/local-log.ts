// Fenced logs on a local directory: `<root>/log/<folder of the log>/`.
//
// The parts: `local-log/files.ts` (what is where), `writer.ts` and `segment-file.ts` (appending),
// `scanner.ts` and `reader.ts` (reading, and where a log ends), `sealer.ts` (sealing), and
// `log-frame.ts` (the bytes). The invariants are those of `log.ts`.

import { CadastreError } from '../base/errors.js';
import type { Clock } from '../world/clock.js';
import type { Disk } from '../world/disk.js';
import { logLimits } from './limits.js';
import { claimName, createMarker, LogFiles } from './local-log/files.js';
import { findTail, readRecords } from './local-log/reader.js';
import { readEnd, sealLog } from './local-log/sealer.js';
import type { SegmentSizes } from './local-log/segment-file.js';
import { SegmentFile } from './local-log/segment-file.js';
import { LocalLogWriter } from './local-log/writer.js';
import { logNameOfFolder } from './log-name.js';
import type { LogPosition, LogReadOptions, LogRecord, LogStore, LogWriter } from './log.js';

export interface LocalLogOptions {
  readonly disk: Disk;
  /** The storage root; it exists and is durable. */
  readonly root: string;
  readonly clock: Clock;
  /** Default: as in `limits.ts`. */
  readonly segmentBytes?: number;
  readonly fillBytes?: number;
}

export class LocalLogStore implements LogStore {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #root: string;
  readonly #logs: string;
  readonly #sizes: SegmentSizes;

  constructor(options: LocalLogOptions) {
    this.#disk = options.disk;
    this.#clock = options.clock;
    this.#root = options.root;
    this.#logs = `${options.root}/log`;
    this.#sizes = {
      segmentBytes: options.segmentBytes ?? logLimits.segmentBytes,
      zeros: Buffer.alloc(options.fillBytes ?? logLimits.fillBytes),
    };
  }

  #files(name: string): LogFiles {
    return new LogFiles(this.#disk, this.#logs, name);
  }

  async create(name: string): Promise<LogWriter> {
    const files = this.#files(name);
    const disk = this.#disk;
    if (!(await this.#claim(files))) {
      throw new CadastreError('object-exists', `log "${name}" exists, or did once`, {
        nextStep: 'Use another name: names of logs are never used again (L5).',
      });
    }
    const first = await SegmentFile.create(files, 0, this.#sizes);
    // Not synced: a loss of power that takes OPEN away ends this process, too.
    await createMarker(disk, files.open);
    // A sealer that came before OPEN has made SEALED first; one that comes later removes OPEN.
    if (disk.existsNow(files.sealed)) {
      await disk.unlink(files.open);
      await first.close();
      throw new CadastreError('sealed', `log "${name}" was sealed while it was being made`);
    }
    return new LocalLogWriter(files, this.#clock, first, this.#sizes);
  }

  async #claim(files: LogFiles): Promise<boolean> {
    const isOurs = await claimName(files, this.#logs);
    await this.#disk.syncDirectory(this.#root);
    return isOurs;
  }

  async seal(name: string): Promise<LogPosition> {
    return sealLog(this.#files(name), this.#logs);
  }

  async end(name: string): Promise<LogPosition | undefined> {
    return readEnd(this.#files(name));
  }

  read(name: string, options: LogReadOptions = {}): AsyncIterable<LogRecord> {
    const files = this.#files(name);
    return readRecords(files, options, () => this.#readableEnd(files));
  }

  /**
   * The end, if sealed, else what is durable now. Sealing that was begun is finished: else a group
   * might be read here that lands after another sealer looked, and before it fixed the end.
   */
  async #readableEnd(files: LogFiles): Promise<LogPosition> {
    const end = await readEnd(files);
    if (end !== undefined) return end;
    const tail = await findTail(files);
    return this.#disk.existsNow(files.sealed) ? sealLog(files, this.#logs) : tail;
  }

  async list(prefix: string): Promise<readonly string[]> {
    const names: string[] = [];
    for (const { name: folder } of await this.#disk.list(this.#logs)) {
      const name = logNameOfFolder(folder);
      if (name === undefined || !name.startsWith(prefix)) continue;
      if (this.#disk.existsNow(this.#files(name).claimed)) names.push(name);
    }
    return names.sort();
  }

  async release(name: string, below: LogPosition): Promise<void> {
    const files = this.#files(name);
    files.mustExist();
    const end = await readEnd(files);
    const isWhole = end !== undefined && below.sequence >= end.sequence;
    const segments = await files.segments();
    // A position in a segment that is not there may be nonsense: better to keep too much.
    if (!isWhole && !segments.includes(below.segment)) return;
    for (const segment of segments) {
      if (isWhole || segment < below.segment) await this.#disk.unlink(files.segment(segment));
    }
    await this.#disk.syncDirectory(files.directory);
  }
}
