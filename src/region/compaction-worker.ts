// Merges store files of one family into one, in a worker thread: decoding, comparing and encoding
// would stall the event loop. Reads and writes the store itself; nothing is visible before the
// region has committed the result.

import { CadastreError } from '../base/errors.js';
import type { StoreFileRef } from '../base/store-file.js';
import type { FamilyDescriptor } from '../base/table.js';
import type { WorkerContext, WorkerTask } from '../world/workers.js';
import { BlockCache } from './block-cache.js';
import { openHFile } from './hfile/reader.js';
import { mergeOf } from './merge-cursor.js';
import { Retention, type RetentionMode } from './retention.js';
import { writerOptions, writeStoreFile } from './store-file-writer.js';
import { cursorOf } from './store-view.js';

/** For index blocks; data blocks are read once and not kept. */
const cacheBytes = 8 * 1024 * 1024;

export interface CompactionInput {
  readonly family: FamilyDescriptor;
  readonly files: readonly StoreFileRef[];
  /** The name of the file to write. */
  readonly object: string;
  readonly mode: RetentionMode;
  readonly nowMs: number;
}

export interface CompactionOutput {
  /** Undefined if no cell survived. */
  readonly file: StoreFileRef | undefined;
}

export const task: WorkerTask<CompactionInput, CompactionOutput> = {
  name: 'compaction',
  url: import.meta.url,
  run: merge,
};

async function merge(
  input: CompactionInput,
  { objects }: WorkerContext,
): Promise<CompactionOutput> {
  const { family, mode, nowMs } = input;
  const cache = new BlockCache({ bytesMax: cacheBytes });
  const files = input.files.map(withBuffers);
  const opened = await Promise.all(
    files.map(async (ref) => ({ ref, reader: await openHFile(ref, { objects, cache }) })),
  );
  if (opened.length === 0) throw new CadastreError('internal', 'a compaction without files');
  const runs = opened.map((file) => cursorOf(file, { readType: 'stream', cacheBlocks: false }));
  const file = await writeStoreFile(mergeOf(runs), {
    objects,
    object: input.object,
    family: family.name,
    writer: writerOptions(family, {
      withTags: opened.some(({ reader }) => reader.hasTags),
      createdAtMs: nowMs,
      majorCompacted: mode === 'major',
      sequenceMax: Math.max(...files.map(({ sequenceMax }) => sequenceMax)),
    }),
    retention: new Retention(family, mode, nowMs),
    pause: () => undefined,
  });
  return { file };
}

/** Buffers arrive from another thread as plain byte arrays. */
function withBuffers(ref: StoreFileRef): StoreFileRef {
  const { clip } = ref;
  if (clip === undefined) return ref;
  return {
    ...ref,
    clip: { startKey: Buffer.from(clip.startKey), endKey: Buffer.from(clip.endKey) },
  };
}
