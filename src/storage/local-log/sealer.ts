// Seals a log on a disk: makes its writer harmless and fixes where the log ends, for ever.
//
// Order (race W2, W20, A21), each step durable before the next:
// 1. The name is claimed, also if nobody made the log: nobody can make it afterwards.
// 2. SEALED is there and OPEN is not: from here on no group is acknowledged. (SEALED first, so that
//    a creator that is about to make OPEN sees it afterwards.)
// 3. The tail is looked for, and the segments read are synced: a dead writer may not have done it.
// 4. `end` is linked; the first one wins, and every sealer and reader uses the one that is there.

import { z } from 'zod';
import { CadastreError } from '../../base/errors.js';
import { crc32 } from '../../base/hash.js';
import type { LogPosition } from '../log.js';
import { hasErrorCode } from '../error-code.js';
import { claimName, createMarker } from './files.js';
import type { LogFiles } from './files.js';
import { findTail } from './reader.js';

/** Seals; may be called by several at once, any number of times. */
export async function sealLog(files: LogFiles, logs: string): Promise<LogPosition> {
  const known = await readEnd(files);
  if (known !== undefined) return known;
  const { disk } = files;
  await claimName(files, logs);
  await createMarker(disk, files.sealed);
  try {
    await disk.rename(files.open, files.sealed);
  } catch (error) {
    // Another sealer renamed it, or the log was never opened.
    if (!hasErrorCode(error, 'object-missing')) throw error;
  }
  await disk.syncDirectory(files.directory);
  await writeEnd(files, await findTail(files));
  const end = await readEnd(files);
  if (end === undefined) {
    throw new CadastreError('internal', `the end of log ${files.name} vanished after sealing`);
  }
  return end;
}

const endFile = z.object({
  segment: z.int().nonnegative(),
  offset: z.int().nonnegative(),
  sequence: z.int().positive(),
  crc32: z.int().nonnegative(),
});

/** The end of a sealed log, durable before it is used; undefined while there is none. */
export async function readEnd(files: LogFiles): Promise<LogPosition | undefined> {
  const { disk } = files;
  if (!disk.existsNow(files.end)) return undefined;
  // Its maker may have died between the link and the sync; we act on it, so it must stay.
  await disk.syncDirectory(files.directory);
  const file = await disk.open(files.end, 'read');
  try {
    const text = (await file.read(0, await file.size())).toString('utf8');
    return parseEnd(files, text);
  } finally {
    await file.close();
  }
}

function parseEnd(files: LogFiles, text: string): LogPosition {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined; // reported below, with the file's name
  }
  const parsed = endFile.safeParse(value);
  if (parsed.success) {
    const { crc32: sum, ...end } = parsed.data;
    if (endCrc(files, end) === sum) return end;
  }
  throw new CadastreError(
    'corruption',
    `${files.end} is damaged: it does not say where its log ends`,
    {
      nextStep: 'Restore the file from a copy of the storage root, or restore a snapshot.',
      details: { log: files.name },
    },
  );
}

function endCrc(files: LogFiles, end: LogPosition): number {
  return crc32(Buffer.from(`${end.segment} ${end.offset} ${end.sequence}`), files.nameCrc);
}

async function writeEnd(files: LogFiles, end: LogPosition): Promise<void> {
  const { disk } = files;
  const text = JSON.stringify({ ...end, crc32: endCrc(files, end) });
  const temporary = await writeTemporary(files, Buffer.from(`${text}\n`));
  try {
    await disk.link(temporary, files.end);
  } catch (error) {
    if (!hasErrorCode(error, 'object-exists')) throw error; // another sealer was first
  }
  await disk.unlink(temporary);
  await disk.syncDirectory(files.directory);
}

/** Writes a file under the first free temporary name: other sealers may be at work, or have died. */
async function writeTemporary(files: LogFiles, bytes: Buffer): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    const path = `${files.end}-${attempt}`;
    try {
      const file = await files.disk.open(path, 'durable-writes');
      try {
        await new Promise<void>((resolve, reject) => {
          file.write(bytes, 0, (error) => (error === undefined ? resolve() : reject(error)));
        });
      } finally {
        await file.close();
      }
      return path;
    } catch (error) {
      if (!hasErrorCode(error, 'object-exists')) throw error;
    }
  }
}
