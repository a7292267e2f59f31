// The store files of regions. Cold: read `catalog.load(fileKind, [region])` before a transaction.

import type { RegionId, Revision, Sequence } from '../../base/ids.js';
import type { StoreFileRef } from '../../base/store-file.js';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { decodeClip, encodeClip, fromWide, messageCodec, toWide } from '../codec.js';
import type { StoreFile } from '../generated/catalog_pb.js';
import { StoreFileSchema } from '../generated/catalog_pb.js';
import { defineKind } from '../kind.js';

export type FileKey = readonly [region: RegionId, family: string, object: string];

/** file/<region>/<family>/<object> */
export const fileKind = defineKind<FileKey, StoreFileRef>({
  name: 'file',
  type: 6,
  shape: ['number', 'string', 'string'],
  onRestore: 'keep',
  temperature: 'cold',
  ...messageCodec(StoreFileSchema, encodeFile, decodeFile),
  references: ({ object, bytes, birth }) => [{ object, bytes, birth }],
});

function encodeFile(file: StoreFileRef): MessageInitShape<typeof StoreFileSchema> {
  const { clip, ...rest } = file;
  return {
    ...rest,
    bytes: toWide(file.bytes, "a file's bytes"),
    entries: toWide(file.entries, "a file's entries"),
    sequenceMin: toWide(file.sequenceMin, "a file's sequence"),
    sequenceMax: toWide(file.sequenceMax, "a file's sequence"),
    birth: toWide(file.birth, "a file's birth"),
    ...(clip === undefined ? {} : { clip: encodeClip(clip) }),
    visibleBytes: toWide(file.visibleBytes, "a file's visible bytes"),
    visibleEntries: toWide(file.visibleEntries, "a file's visible entries"),
  };
}

function decodeFile(message: StoreFile): StoreFileRef {
  return {
    family: message.family,
    object: message.object,
    bytes: fromWide(message.bytes, "a file's bytes"),
    crc32: message.crc32,
    entries: fromWide(message.entries, "a file's entries"),
    sequenceMin: fromWide(message.sequenceMin, "a file's sequence") as Sequence,
    sequenceMax: fromWide(message.sequenceMax, "a file's sequence") as Sequence,
    birth: fromWide(message.birth, "a file's birth") as Revision,
    clip: message.clip === undefined ? undefined : decodeClip(message.clip),
    visibleBytes: fromWide(message.visibleBytes, "a file's visible bytes"),
    visibleEntries: fromWide(message.visibleEntries, "a file's visible entries"),
    majorCompacted: message.majorCompacted,
    timestampMin: message.timestampMin,
    timestampMax: message.timestampMax,
  };
}
