// A storage root: what makes a directory or a bucket prefix one, and how it is opened.
//
// Invariants:
// 1. The `format` object is made before anything else in a root, and once; it names the cluster.
// 2. Nothing is written to a root of a newer format, nor to a directory that holds something else.

import { z } from 'zod';
import { CadastreError } from '../base/errors.js';
import type { Disk } from '../world/disk.js';
import type { Random } from '../world/random.js';
import type { RootStorage, World } from '../world/world.js';
import { hasErrorCode } from './error-code.js';
import { LocalLogStore } from './local-log.js';
import { ObjectLogStore } from './object-log.js';
import { ObjectRegister } from './object-register.js';
import { PatientObjects } from './patient-objects.js';
import type { Storage } from './storage.js';

/** The newest format this code reads and writes. */
const formatVersion = 1;
const formatKey = 'format';
/** What may lie in an empty directory: unfinished objects, a file system's own, and hidden files. */
const harmlessPattern = /^(?:tmp|lost\+found|\..*)$/;

const versionSchema = z.object({ formatVersion: z.int().positive() });
const formatSchema = versionSchema.extend({ clusterId: z.string(), createdBy: z.string() });
type Format = z.infer<typeof formatSchema>;

/** The storage of an opened root. */
export interface RootedStorage extends Storage {
  /** Made with the root, never changed. */
  readonly clusterId: string;
}

/**
 * Opens the world's root, and makes it one if it is empty. Throws `root-unusable` (not writable, not
 * a Cadastre root, a file system that cannot hold one), `root-format-newer`, `corruption`.
 */
export async function openStorage(
  world: Pick<World, 'root' | 'clock' | 'random'>,
  createdBy = 'cadastre',
): Promise<RootedStorage> {
  const { root, clock, random } = world;
  const options = { objects: root.objects, clock, random };
  if (root.kind === 'local') await prepareDirectory(root.disk, root.directory);
  const format = await readOrMakeFormat(root, new PatientObjects(options), random, createdBy);
  return {
    clusterId: format.clusterId,
    objects: root.objects,
    logs:
      root.kind === 'local'
        ? new LocalLogStore({ disk: root.disk, root: root.directory, clock })
        : new ObjectLogStore(options),
    register: (name) => new ObjectRegister(name, options),
  };
}

async function prepareDirectory(disk: Disk, directory: string): Promise<void> {
  try {
    await disk.makeDirectory(directory);
  } catch (error) {
    if (!hasErrorCode(error, 'object-exists')) throw error;
    throw unfit(directory, 'there is a file of that name');
  }
  const { kind, name } = await disk.describe(directory);
  if (kind === 'network') throw unfit(directory, `${name} is a network file system`);
  if (kind === 'no-hard-links') throw unfit(directory, `${name} has no hard links`);
}

async function readOrMakeFormat(
  root: RootStorage,
  objects: PatientObjects,
  random: Random,
  createdBy: string,
): Promise<Format> {
  const found = await objects.get(formatKey);
  if (found !== undefined) return parseFormat(root, found);
  const foreign = await firstForeignName(root, objects);
  const format: Format = { formatVersion, clusterId: newUuid(random), createdBy };
  if (foreign === undefined) {
    // The cluster's id tells our attempt from another process's.
    const isOurs = await objects.createOnce(formatKey, Buffer.from(`${JSON.stringify(format)}\n`));
    if (isOurs) return format;
  }
  // Another process may have made the root since we looked.
  const made = await objects.get(formatKey);
  if (made !== undefined) return parseFormat(root, made);
  throw new CadastreError(
    'root-unusable',
    `${place(root)} holds "${foreign ?? ''}" and is not a Cadastre root`,
    { nextStep: 'Choose an empty or new directory with --root.' },
  );
}

async function firstForeignName(
  root: RootStorage,
  objects: PatientObjects,
): Promise<string | undefined> {
  if (root.kind === 'local') {
    const entries = await root.disk.list(root.directory);
    return entries.map(({ name }) => name).find((name) => !harmlessPattern.test(name));
  }
  for await (const { key } of objects.list('')) return key;
  return undefined;
}

function parseFormat(root: RootStorage, bytes: Buffer): Format {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    json = undefined; // reported below, with the place
  }
  const version = versionSchema.safeParse(json).data?.formatVersion;
  if (version !== undefined && version > formatVersion) {
    throw new CadastreError(
      'root-format-newer',
      `${place(root)} has format ${version}; this Cadastre knows formats up to ${formatVersion}`,
      { nextStep: 'Use the Cadastre version that wrote it, or a newer one.' },
    );
  }
  const format = formatSchema.safeParse(json);
  if (format.success) return format.data;
  throw new CadastreError('corruption', `the object "${formatKey}" of ${place(root)} is damaged`, {
    nextStep: 'Restore it from a copy of the root; it holds only the format and the cluster id.',
  });
}

function place(root: RootStorage): string {
  return root.kind === 'local' ? root.directory : 'the object store';
}

function unfit(directory: string, why: string): CadastreError {
  return new CadastreError('root-unusable', `${directory} cannot be a storage root: ${why}`, {
    nextStep: 'Choose a directory on a local file system, such as ext4 or xfs.',
  });
}

/** A random UUID (RFC 9562, version 4). */
function newUuid(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
