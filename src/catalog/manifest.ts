// The manifest: which checkpoint a restart loads, and from where in which log it replays.
//
// Each epoch has a register of its own (page 1), written only by that epoch's master. An entry is
// whole in itself; the newest entry of the newest epoch that has one is the one to follow.

import { create, toBinary } from '@bufbuild/protobuf';
import { CadastreError } from '../base/errors.js';
import type { Epoch, Revision } from '../base/ids.js';
import type { Register } from '../storage/register.js';
import type { LogPosition } from '../storage/log.js';
import { decodePosition, encodePosition, fromWide, parseMessage, toWide } from './codec.js';
import { ManifestSchema } from './generated/catalog_pb.js';

const format = 1;

/** One object of a checkpoint. */
export interface CheckpointObject {
  readonly key: string;
  readonly bytes: number;
  readonly crc32: number;
  readonly sha256: string;
  readonly records: number;
}

export interface CheckpointList {
  readonly epoch: Epoch;
  readonly number: number;
  /** In key order of what they hold. */
  readonly objects: readonly CheckpointObject[];
}

export interface Manifest {
  readonly clusterId: string;
  readonly epoch: Epoch;
  /** Undefined while there is none: everything is replayed. */
  readonly checkpoint: CheckpointList | undefined;
  /** The last revision that the checkpoint holds; 0 without one. */
  readonly revision: Revision;
  /** `from` undefined: the log's start. */
  readonly replay: { readonly epoch: Epoch; readonly from: LogPosition | undefined };
}

export function encodeManifest(manifest: Manifest): Uint8Array {
  const { checkpoint, replay } = manifest;
  return toBinary(
    ManifestSchema,
    create(ManifestSchema, {
      format,
      clusterId: manifest.clusterId,
      epoch: toWide(manifest.epoch, 'an epoch'),
      ...(checkpoint === undefined
        ? {}
        : {
            checkpointEpoch: toWide(checkpoint.epoch, 'an epoch'),
            checkpointNumber: toWide(checkpoint.number, 'a checkpoint number'),
            objects: checkpoint.objects.map((object) => ({
              ...object,
              bytes: toWide(object.bytes, "an object's bytes"),
              records: toWide(object.records, "an object's records"),
            })),
          }),
      revision: toWide(manifest.revision, 'a revision'),
      replayEpoch: toWide(replay.epoch, 'an epoch'),
      ...(replay.from === undefined ? {} : { replayFrom: encodePosition(replay.from) }),
    }),
  );
}

/** Throws `corruption` or `root-format-newer`. */
export function decodeManifest(bytes: Uint8Array): Manifest {
  const message = parseMessage(ManifestSchema, bytes);
  if (message.format !== format) {
    throw new CadastreError(
      message.format > format ? 'root-format-newer' : 'corruption',
      `a catalog manifest has format ${message.format}, this software knows ${format}`,
      { nextStep: 'start the version of Cadastre that wrote it' },
    );
  }
  const { checkpointEpoch, checkpointNumber, replayFrom } = message;
  return {
    clusterId: message.clusterId,
    epoch: fromWide(message.epoch, 'an epoch') as Epoch,
    checkpoint:
      checkpointEpoch === undefined || checkpointNumber === undefined
        ? undefined
        : {
            epoch: fromWide(checkpointEpoch, 'an epoch') as Epoch,
            number: fromWide(checkpointNumber, 'a checkpoint number'),
            objects: message.objects.map((object) => ({
              key: object.key,
              bytes: fromWide(object.bytes, "an object's bytes"),
              crc32: object.crc32,
              sha256: object.sha256,
              records: fromWide(object.records, "an object's records"),
            })),
          },
    revision: fromWide(message.revision, 'a revision') as Revision,
    replay: {
      epoch: fromWide(message.replayEpoch, 'an epoch') as Epoch,
      from: replayFrom === undefined ? undefined : decodePosition(replayFrom),
    },
  };
}

/** The newest entry of an epoch's register. */
export async function readManifest(register: Register): Promise<Manifest | undefined> {
  const entry = await register.read();
  return entry === undefined ? undefined : decodeManifest(entry.value);
}

/** Adds an entry. Throws `stale-epoch` if someone else writes this epoch's register. */
export async function writeManifest(register: Register, manifest: Manifest): Promise<void> {
  // All entries are ours, also one of which we did not hear that it was written.
  const newest = await register.read();
  if (!(await register.write(newest?.number ?? 0, encodeManifest(manifest)))) {
    throw new CadastreError(
      'stale-epoch',
      `another process writes the catalog manifest of epoch ${manifest.epoch}`,
      { nextStep: 'let the other master go on, and stop this one' },
    );
  }
  await register.trim();
}
