// A checkpoint's objects: the whole image in key order, cut into pieces of some megabytes.
//
//   object  "CADCAT" | u16 1 | records (record-codec.ts)
//
// Their CRC-32 and SHA-256 stand in the manifest, and are checked before a byte is believed.

import { CadastreError } from '../base/errors.js';
import { crc32, sha256Hex } from '../base/hash.js';
import type { Clock } from '../world/clock.js';
import type { ObjectStore } from '../world/object-store.js';
import type { Image } from './image.js';
import type { KindRegistry } from './kind.js';
import { checkpointObjectBytesMax, recordsPerTurn } from './limits.js';
import type { CheckpointObject } from './manifest.js';
import { RecordBuffer, RecordReader } from './record-codec.js';
import type { Change } from './record-codec.js';

const header = Buffer.from('CADCAT\u0000\u0001', 'latin1');

/** Writes an image, which must not change meanwhile, as objects named `prefix` + number. */
export async function writeCheckpoint(
  image: Image,
  prefix: string,
  { objects, clock, kinds }: { objects: ObjectStore; clock: Clock; kinds: KindRegistry },
): Promise<readonly CheckpointObject[]> {
  const written: CheckpointObject[] = [];
  const buffer = new RecordBuffer();
  let records = 0;
  const finish = async () => {
    await clock.yield();
    const key = `${prefix}${written.length}`;
    const bytes = Buffer.concat([header, buffer.bytes]);
    await objects.create(key, bytes);
    written.push({
      key,
      bytes: bytes.length,
      crc32: crc32(bytes),
      sha256: sha256Hex(bytes),
      records,
    });
    buffer.clear();
    records = 0;
  };
  let turn = 0;
  for (const [key, value] of image.entries()) {
    buffer.addRecord(key, kinds.ofKey(key), value);
    records++;
    if (buffer.length >= checkpointObjectBytesMax) await finish();
    if (++turn % recordsPerTurn === 0) await clock.yield();
  }
  if (records > 0) await finish();
  return written;
}

/** The records of one object. Throws `corruption` if it is not what the manifest says. */
export async function readCheckpointObject(
  object: CheckpointObject,
  { objects, kinds }: { objects: ObjectStore; kinds: KindRegistry },
): Promise<Iterable<Change>> {
  const bytes = await objects.get(object.key);
  if (
    bytes.length !== object.bytes ||
    crc32(bytes) !== object.crc32 ||
    sha256Hex(bytes) !== object.sha256 ||
    !bytes.subarray(0, header.length).equals(header)
  ) {
    throw new CadastreError(
      'corruption',
      `the catalog's checkpoint object ${object.key} is not the one that was written`,
      { nextStep: 'restore it from a copy of the storage root', details: { object: object.key } },
    );
  }
  return recordsOf(new RecordReader(bytes, header.length, kinds));
}

function* recordsOf(reader: RecordReader): IterableIterator<Change> {
  while (!reader.isAtEnd) yield reader.record();
}
