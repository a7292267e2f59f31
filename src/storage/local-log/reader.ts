// Finds where a log on a disk ends, and reads its records.
//
// Invariants:
// 1. What a reader returns is durable: the end of an open log is looked for with every segment that
//    was read made durable, and what lies before it was durable when it was followed by a frame.
// 2. An unreadable place is the torn tail only if no later frame, searched to the log's end, says
//    that the place had been synced. Otherwise it is damage, and said to be.

import { CadastreError } from '../../base/errors.js';
import type { Frame } from '../log-frame.js';
import { frameMagic, frameRecords, readFrame } from '../log-frame.js';
import type { LogPosition, LogReadOptions, LogRecord } from '../log.js';
import type { LogFiles } from './files.js';
import { LogScanner } from './scanner.js';

/** Where a log without records ends. */
const start: LogPosition = { segment: 0, offset: 0, sequence: 1 };

/** The end of the durable records; the segments that had to be read for it are durable, too. */
export async function findTail(files: LogFiles): Promise<LogPosition> {
  const segments = await files.segments();
  const begin = await lastFirstFrame(files, segments);
  if (begin === undefined && (segments[0] ?? 0) > 0) {
    throw damage(files, { segment: segments[0] ?? 0, offset: 0, sequence: 0 });
  }
  const scanner = new LogScanner(files, segments, begin ?? start, { syncs: true });
  try {
    for (;;) {
      while ((await scanner.next()) !== undefined);
      await scanner.close();
      const tail = scanner.position;
      const claim = await laterClaim(files, segments, tail);
      if (claim === undefined) return tail;
      // A writer at work may have come this far since we looked; if it did not, it is damage.
      if ((await scanner.next()) === undefined) throw damage(files, tail, claim);
    }
  } finally {
    await scanner.close();
  }
}

/** The start of the last segment that begins with a frame. Everything before was synced by then. */
async function lastFirstFrame(
  files: LogFiles,
  segments: readonly number[],
): Promise<LogPosition | undefined> {
  for (const segment of [...segments].reverse()) {
    const position = await segmentStart(files, segment);
    if (position !== undefined) return position;
  }
  return undefined;
}

async function segmentStart(files: LogFiles, segment: number): Promise<LogPosition | undefined> {
  const place = { segment, offset: 0, sequence: Number.MAX_SAFE_INTEGER };
  const scanner = new LogScanner(files, [segment], place, { syncs: false });
  try {
    const frame = await scanner.next();
    return frame && { segment, offset: 0, sequence: frame.firstSequence };
  } finally {
    await scanner.close();
  }
}

/** A frame after `tail` that says that what stood at `tail` had been synced. */
async function laterClaim(
  files: LogFiles,
  segments: readonly number[],
  tail: LogPosition,
): Promise<Frame | undefined> {
  for (const segment of segments.filter((number) => number >= tail.segment)) {
    const from = segment === tail.segment ? tail.offset : 0;
    const file = await files.disk.open(files.segment(segment), 'read');
    try {
      const bytes = await file.read(from, Math.max(0, (await file.size()) - from));
      for (const frame of framesAnywhere(bytes, files.nameCrc, segment, from)) {
        if (frame.synced >= tail.sequence) return frame;
      }
    } finally {
      await file.close();
    }
  }
  return undefined;
}

/** Every whole frame in `bytes`, which stand at `offset` of the segment. */
function* framesAnywhere(
  bytes: Buffer,
  nameCrc: number,
  segment: number,
  offset: number,
): Generator<Frame> {
  for (let at = bytes.indexOf(frameMagic); at >= 0; at = bytes.indexOf(frameMagic, at + 1)) {
    const frame = readFrame(bytes, at, nameCrc, segment, offset + at);
    if (frame !== undefined) yield frame;
  }
}

/**
 * The log's records. Throws `corruption` with the place where one does not follow. (One generator,
 * since delegating to another one costs as much again for each record.)
 *
 * @param readableEnd what is there to read: the end, or the durable tail
 */
export async function* readRecords(
  files: LogFiles,
  { from, until }: LogReadOptions,
  readableEnd: () => Promise<LogPosition>,
): AsyncGenerator<LogRecord> {
  files.mustExist();
  const end = await readableEnd();
  const limit = Math.min(end.sequence, until?.sequence ?? Infinity);
  const segments = await files.segments();
  const begin = from ?? (await firstKept(files, segments));
  if (begin === undefined || begin.sequence >= limit) return;
  if (!segments.includes(begin.segment)) throw released(files, begin, segments[0]);
  const scanner = new LogScanner(files, segments, begin, { syncs: false });
  try {
    while (scanner.position.sequence < limit) {
      const frame = await scanner.next();
      if (frame === undefined) throw damage(files, scanner.position);
      for (const record of frameRecords(frame)) {
        if (record.sequence >= limit) return;
        if (record.sequence >= begin.sequence) yield record;
      }
    }
  } finally {
    await scanner.close();
  }
}

async function firstKept(
  files: LogFiles,
  segments: readonly number[],
): Promise<LogPosition | undefined> {
  const first = segments[0];
  if (first === undefined) return undefined;
  if (first === 0) return start;
  const position = await segmentStart(files, first);
  if (position === undefined) throw damage(files, { segment: first, offset: 0, sequence: 0 });
  return position;
}

function damage(files: LogFiles, place: LogPosition, later?: Frame): CadastreError {
  const { segment, offset, sequence } = place;
  const why =
    later && `; the frame at ${later.offset} of segment ${later.segment} says it was synced`;
  return new CadastreError(
    'corruption',
    `log ${files.name} is damaged at offset ${offset} of ${files.segment(segment)}: ` +
      `record ${sequence} cannot be read${why ?? ''}`,
    {
      nextStep: 'Restore the file from a copy of the storage root, or restore a snapshot.',
      details: { log: files.name, segment, offset, sequence },
    },
  );
}

function released(files: LogFiles, from: LogPosition, first: number | undefined): CadastreError {
  const kept = first === undefined ? 'nothing is kept' : `the first one kept is ${first}`;
  return new CadastreError(
    'object-missing',
    `segment ${from.segment} of log ${files.name} is not there; ${kept}`,
    { details: { log: files.name, segment: from.segment } },
  );
}
