// What a root has stored of its procedures: the rows of its last checkpoint, and every change in the
// catalog's logs that are kept, oldest first. Works on any root, in use or not, and writes nothing.

import { asCadastreError, CadastreError } from '../../base/errors.js';
import type { Epoch, ProcedureId } from '../../base/ids.js';
import { readCheckpointObject } from '../../catalog/checkpoint-files.js';
import { KindRegistry } from '../../catalog/kind.js';
import { Quarantined } from '../../catalog/image.js';
import { readManifest } from '../../catalog/manifest.js';
import type { Manifest } from '../../catalog/manifest.js';
import { manifestName } from '../../catalog/names.js';
import { decodeLogRecord } from '../../catalog/record-codec.js';
import type { Change } from '../../catalog/record-codec.js';
import { procedureKind } from '../../catalog/records/procedures.js';
import { LogFiles } from '../../storage/local-log/files.js';
import { logNameOfFolder } from '../../storage/log-name.js';
import type { LogRecord } from '../../storage/log.js';
import { catalogLogName } from '../../storage/names.js';
import { ObjectRegister } from '../../storage/object-register.js';
import type { Disk } from '../../world/disk.js';
import { LocalObjectStore } from '../../world/local/object-store.js';
import type { World } from '../../world/world.js';
import { readOnly } from './read-only-disk.js';
import { walkLog } from './walk-log.js';

export type StoredEntry =
  | {
      readonly kind: 'row';
      /** The log, or `checkpoint`. */
      readonly from: string;
      readonly sequence: number | undefined;
      readonly revision: number;
      readonly id: ProcedureId;
      /** Undefined: the row was deleted. */
      readonly row: Buffer | undefined;
    }
  /** `damage`: what was stored cannot be read. `note`: a torn tail, an unusual order. */
  | { readonly kind: 'damage' | 'note'; readonly text: string };

const kinds = new KindRegistry([procedureKind]);

export class StoredProcedures {
  readonly #disk: Disk;
  readonly #root: string;
  readonly #world: Pick<World, 'clock' | 'random'>;
  readonly #objects: LocalObjectStore;
  /** Of the last transaction that was read. */
  #revision = 0;

  /** `root` is absolute. */
  constructor(disk: Disk, root: string, world: Pick<World, 'clock' | 'random'>) {
    this.#disk = readOnly(disk);
    this.#root = root;
    this.#world = world;
    this.#objects = new LocalObjectStore(this.#disk, root, world.random);
  }

  get isRoot(): boolean {
    return this.#disk.existsNow(`${this.#root}/format`);
  }

  async *entries(): AsyncGenerator<StoredEntry> {
    let manifest: Manifest | undefined;
    try {
      manifest = await this.#newestManifest();
    } catch (error) {
      yield damage(error);
    }
    // The checkpoint stands where its revision is, among what the logs still keep from before it.
    let isCheckpointDue = manifest?.checkpoint !== undefined;
    for (const epoch of await this.#epochs(`${this.#root}/log`, epochOfLogFolder)) {
      const name = catalogLogName(epoch);
      const files = new LogFiles(this.#disk, `${this.#root}/log`, name);
      for await (const piece of walked(files)) {
        if (piece.kind !== 'record') {
          yield piece;
          continue;
        }
        const entries = this.#read(name, piece.record);
        if (isCheckpointDue && manifest !== undefined && this.#revision > manifest.revision) {
          isCheckpointDue = false;
          yield* this.#checkpoint(manifest);
        }
        yield* entries;
      }
    }
    if (isCheckpointDue && manifest !== undefined) yield* this.#checkpoint(manifest);
  }

  async #newestManifest(): Promise<Manifest | undefined> {
    const epochs = await this.#epochs(`${this.#root}/catalog-manifest`, epochOfName);
    const newest = epochs.at(-1);
    if (newest === undefined) return undefined;
    const parts = { objects: this.#objects, ...this.#world };
    return readManifest(new ObjectRegister(manifestName(newest), parts));
  }

  async #epochs(directory: string, epochOf: (name: string) => Epoch | undefined): Promise<Epoch[]> {
    const entries = await this.#disk.list(directory);
    return entries.flatMap(({ name }) => epochOf(name) ?? []).sort((a, b) => a - b);
  }

  async *#checkpoint({ checkpoint, revision }: Manifest): AsyncGenerator<StoredEntry> {
    for (const object of checkpoint?.objects ?? []) {
      try {
        const changes = await readCheckpointObject(object, { objects: this.#objects, kinds });
        for (const change of changes) {
          yield* rowOf(change, { from: 'checkpoint', sequence: undefined, revision });
        }
      } catch (error) {
        yield damage(error);
      }
    }
  }

  /** What one record of a log says; a part of it, if it breaks off. */
  #read(from: string, { payload, sequence }: LogRecord): StoredEntry[] {
    const entries: StoredEntry[] = [];
    try {
      const content = decodeLogRecord(payload, kinds);
      if (content.what === 'opening') return [];
      const { revision } = content;
      if (revision <= this.#revision) {
        const text = `${from}: revision ${revision} comes after ${this.#revision}`;
        entries.push({ kind: 'note', text });
      }
      this.#revision = Math.max(this.#revision, revision);
      for (const change of content.changes) {
        entries.push(...rowOf(change, { from, sequence, revision }));
      }
    } catch (error) {
      entries.push({ kind: 'damage', text: `${from}: record ${sequence}: ${messageOf(error)}` });
    }
    return entries;
  }
}

/** A log that goes away under our eyes was released: the checkpoint has what it held. */
async function* walked(files: LogFiles): ReturnType<typeof walkLog> {
  try {
    yield* walkLog(files);
  } catch (error) {
    if (!(error instanceof CadastreError) || error.code !== 'object-missing') throw error;
    yield { kind: 'note', text: `${files.name}: a segment was released while it was read` };
  }
}

function* rowOf(
  { key, value }: Change,
  place: {
    readonly from: string;
    readonly sequence: number | undefined;
    readonly revision: number;
  },
): IterableIterator<StoredEntry> {
  if (kinds.ofKey(key) === undefined) return;
  const [id] = procedureKind.decodeKey(key);
  if (value instanceof Quarantined) {
    yield { kind: 'damage', text: `${place.from}: the row of procedure ${id}: ${value.reason}` };
  } else {
    // The kind's own decoder made it.
    yield { kind: 'row', ...place, id, row: value as Buffer | undefined };
  }
}

function damage(error: unknown): StoredEntry {
  return { kind: 'damage', text: messageOf(error) };
}

function messageOf(error: unknown): string {
  return asCadastreError(error).message;
}

function epochOfName(name: string): Epoch | undefined {
  return /^\d+$/.test(name) ? (Number(name) as Epoch) : undefined;
}

function epochOfLogFolder(folder: string): Epoch | undefined {
  const [, epoch] = /^catalog\/(\d+)$/.exec(logNameOfFolder(folder) ?? '') ?? [];
  return epoch === undefined ? undefined : epochOfName(epoch);
}
