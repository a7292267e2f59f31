// Reads a log on a disk from end to end, whatever state it is in: sealed, in use, torn or damaged.
//
// The reader of the cluster stops at the first place that it cannot read. This one goes on behind it, and
// tells what it makes of the place by the same rule (docs/protocols/fenced-logs.md): it is damage if a
// later frame says that it had been synced, or if the log was sealed behind it; else it is a torn tail,
// and what follows was never part of the log.

import { asCadastreError } from '../../base/errors.js';
import type { LogFiles } from '../../storage/local-log/files.js';
import { readEnd } from '../../storage/local-log/sealer.js';
import { frameMagic, frameRecords, readFrame } from '../../storage/log-frame.js';
import type { Frame } from '../../storage/log-frame.js';
import type { LogRecord } from '../../storage/log.js';

export type LogPiece =
  | { readonly kind: 'record'; readonly record: LogRecord }
  | { readonly kind: 'damage' | 'note'; readonly text: string };

export async function* walkLog(files: LogFiles): AsyncGenerator<LogPiece> {
  let endSequence = Infinity;
  try {
    endSequence = (await readEnd(files))?.sequence ?? Infinity;
  } catch (error) {
    yield { kind: 'damage', text: asCadastreError(error).message };
  }
  let next: number | undefined;
  let suspect: string | undefined;
  for await (const found of framesOf(files)) {
    if (typeof found === 'string') {
      suspect ??= found;
      continue;
    }
    // Segments are released from the front: the first one kept says where the log begins.
    next ??= found.segment === 0 ? 1 : found.firstSequence;
    if (found.firstSequence !== next) {
      const gap = gapBefore(files, found, next, suspect);
      yield gap;
      if (gap.kind === 'note' && found.firstSequence > next) return;
    }
    suspect = undefined;
    for (const record of frameRecords(found)) {
      if (record.sequence < endSequence) yield { kind: 'record', record };
    }
    next = found.firstSequence + found.count;
  }
  if (endSequence !== Infinity && (next ?? 1) < endSequence) {
    const place = suspect === undefined ? '' : ` (${suspect})`;
    const text = `${files.name}: records ${next ?? 1} to ${endSequence - 1} cannot be read${place}`;
    yield { kind: 'damage', text };
  } else if (suspect !== undefined) {
    yield { kind: 'note', text: `${files.name}: a torn tail is cut (${suspect})` };
  }
}

function gapBefore(
  { name }: LogFiles,
  frame: Frame,
  next: number,
  suspect: string | undefined,
): { readonly kind: 'damage' | 'note'; readonly text: string } {
  const { firstSequence, synced } = frame;
  const place = suspect === undefined ? '' : ` (${suspect})`;
  if (firstSequence < next) {
    return { kind: 'note', text: `${name}: record ${firstSequence} comes after ${next - 1}` };
  }
  const range = `records ${next} to ${firstSequence - 1}`;
  if (synced >= next) {
    return { kind: 'damage', text: `${name}: ${range} cannot be read, and were synced${place}` };
  }
  return {
    kind: 'note',
    text: `${name}: ${range} were never made durable${place}; the rest is cut`,
  };
}

/** Frames in order, and of each run of bytes between them that is none, where it begins. */
async function* framesOf(files: LogFiles): AsyncGenerator<Frame | string> {
  for (const segment of await files.segments()) {
    const path = files.segment(segment);
    const bytes = await readWhole(files, path);
    const end = endOfContent(bytes);
    let at = 0;
    while (at < end) {
      const frame = readFrame(bytes, at, files.nameCrc, segment, at);
      if (frame !== undefined) {
        yield frame;
        at += frame.bytes;
        continue;
      }
      yield `offset ${at} of ${path}`;
      at = nextFrame(bytes, at + 1, files.nameCrc, segment);
    }
  }
}

/** Where a whole frame begins at or after `from`; the end if nowhere. */
function nextFrame(bytes: Buffer, from: number, nameCrc: number, segment: number): number {
  for (let at = bytes.indexOf(frameMagic, from); at >= 0; at = bytes.indexOf(frameMagic, at + 1)) {
    if (readFrame(bytes, at, nameCrc, segment, at) !== undefined) return at;
  }
  return bytes.length;
}

async function readWhole({ disk }: LogFiles, path: string): Promise<Buffer> {
  const file = await disk.open(path, 'read');
  try {
    return await file.read(0, await file.size());
  } finally {
    await file.close();
  }
}

/** Segments are filled with zeros ahead of what is written. */
function endOfContent(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}
