// Writes the cells of a source that survive into one store file, for flushes and compactions.

import type { Sequence } from '../base/ids.js';
import type { StoreFileRef } from '../base/store-file.js';
import type { FamilyDescriptor } from '../base/table.js';
import type { ObjectStore } from '../world/object-store.js';
import type { HFileWriter, HFileWriterOptions } from './hfile/api.js';
import { createHFile } from './hfile/writer.js';
import type { CellSource } from './merge-cursor.js';
import type { Retention } from './retention.js';

/** Cells between two looks at whether to yield. */
const cellsPerLook = 128;

export interface StoreFilePlan {
  readonly objects: ObjectStore;
  /** A name no object ever had. */
  readonly object: string;
  readonly family: string;
  readonly writer: HFileWriterOptions;
  readonly retention: Retention;
  /** Called every so many cells; a promise is awaited. */
  readonly pause: () => Promise<void> | undefined;
}

/** The file, or undefined if no cell survived: then no object was made. Rejects as the store does. */
export async function writeStoreFile(
  source: CellSource,
  plan: StoreFilePlan,
): Promise<StoreFileRef | undefined> {
  let writer: HFileWriter | undefined;
  try {
    await source.seekToFirst();
    for (let cells = 0; source.valid; cells++) {
      if (cells % cellsPerLook === 0) await plan.pause();
      if (plan.retention.keeps(source)) {
        writer ??= createHFile(await plan.objects.createWriter(plan.object), plan.writer);
        const { buffer, offset, keyLength, valueLength, tagsLength, sequence } = source;
        const writing = writer.append(buffer, offset, keyLength, valueLength, tagsLength, sequence);
        if (writing !== undefined) await writing;
      }
      const moving = source.next();
      if (moving !== undefined) await moving;
    }
  } catch (error) {
    await writer?.abort();
    throw error;
  } finally {
    source.close();
  }
  return writer === undefined ? undefined : finish(writer, plan);
}

async function finish(writer: HFileWriter, plan: StoreFilePlan): Promise<StoreFileRef> {
  const summary = await writer.finish();
  return {
    family: plan.family,
    object: plan.object,
    bytes: summary.bytes,
    crc32: summary.crc32,
    entries: summary.entries,
    sequenceMin: summary.sequenceMin as Sequence,
    sequenceMax: Math.max(summary.sequenceMax, plan.writer.sequenceMax ?? 0) as Sequence,
    // Set by the commit.
    birth: 0 as StoreFileRef['birth'],
    clip: undefined,
    visibleBytes: summary.bytes,
    visibleEntries: summary.entries,
    majorCompacted: plan.writer.majorCompacted,
    timestampMin: summary.timestampMin,
    timestampMax: summary.timestampMax,
  };
}

/** How a family's files are written. Codecs that are only read are written as plain blocks. */
export function writerOptions(
  family: Pick<FamilyDescriptor, 'blockBytes' | 'compression' | 'bloomFilter'>,
  file: Pick<HFileWriterOptions, 'withTags' | 'createdAtMs' | 'majorCompacted'> & {
    readonly sequenceMax: number;
  },
): HFileWriterOptions {
  return {
    blockBytes: family.blockBytes,
    compression: family.compression === 'gzip' ? 'gzip' : 'none',
    bloom: family.bloomFilter,
    ...file,
  };
}
