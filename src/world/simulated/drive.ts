// The drive of one simulated machine, shared by its nodes: files, names, space, faults, power loss.
//
// Invariants:
// 1. An operation takes effect at one seeded moment after it was asked for; its completion comes then
//    or later, so that others may act in between.
// 2. When a node is killed, each of its operations in flight has happened wholly, partly (a write) or
//    not at all by the time the kill returns: a process in system calls ends when these do.
// 3. A kill loses nothing that was written; only `crash`, a power loss, does.

import { CadastreError } from '../../base/errors.js';
import { DriveFile } from './drive-file.js';
import { DriveNames } from './drive-names.js';
import type { SimEvent } from './event-queue.js';
import { Faults, faultError } from './faults.js';
import type { SimLife } from './life.js';
import type { SimRandom } from './random.js';
import type { SimScheduler } from './scheduler.js';

export type DriveOperationKind =
  | 'open'
  | 'read'
  | 'write'
  | 'sync'
  | 'size'
  | 'make-directory'
  | 'link'
  | 'rename'
  | 'unlink'
  | 'list'
  | 'sync-directory'
  | 'free-bytes';

export interface DriveOperation<Result> {
  readonly kind: DriveOperationKind;
  readonly path: string;
  readonly run: () => Result;
  /** What may be left when the operation is cut short. */
  readonly partly?: (() => void) | undefined;
  /** What a failure does besides. */
  readonly failed?: (() => void) | undefined;
}

interface InFlight {
  readonly life: SimLife;
  readonly operation: DriveOperation<unknown>;
  readonly effect: SimEvent;
}

const mutating: ReadonlySet<DriveOperationKind> = new Set([
  'write',
  'make-directory',
  'link',
  'rename',
  'unlink',
]);

export class SimDrive {
  readonly names = new DriveNames();
  readonly faults: Faults<DriveOperationKind>;
  readonly random: SimRandom;
  /** How long an operation takes, uniformly; a test may change it at any time. */
  delayMs: readonly [low: number, high: number] = [0.02, 1];
  capacityBytes = 2 ** 40;
  isReadOnly = false;
  /** What `describe` says. */
  fileSystem: { kind: 'usable' | 'network' | 'no-hard-links'; name: string } = {
    kind: 'usable',
    name: 'simulated',
  };
  readonly #scheduler: SimScheduler;
  readonly #inFlight = new Set<InFlight>();
  #usedBytes = 0;

  constructor(scheduler: SimScheduler, random: SimRandom) {
    this.#scheduler = scheduler;
    this.random = random.fork('drive');
    this.faults = new Faults(this.random);
  }

  get freeBytes(): number {
    return Math.max(0, this.capacityBytes - this.#usedBytes);
  }

  /** Starts an operation for a node; `done` is called in that node, unless it is killed before. */
  submit<Result>(
    life: SimLife,
    operation: DriveOperation<Result>,
    done: (error: Error | undefined, result: Result | undefined) => void,
  ): void {
    if (life.isKilled) return;
    const label = `${operation.kind} ${operation.path}`;
    const delay = this.random.between(...this.delayMs);
    const effect = this.#scheduler.schedule(delay, `${life.name}: ${label}`, () => {
      this.#inFlight.delete(entry);
      let error: Error | undefined;
      let result: Result | undefined;
      try {
        result = this.#perform(operation);
      } catch (thrown) {
        error = thrown as Error;
      }
      const complete = (): void => done(error, result);
      if (this.random.chance(0.3)) {
        life.schedule(this.random.between(...this.delayMs), `${label} is done`, complete);
      } else {
        life.enter(complete);
      }
    });
    const entry: InFlight = { life, operation, effect };
    this.#inFlight.add(entry);
  }

  /** Settles what a killed node has in flight (invariant 2). */
  abandon(life: SimLife): void {
    for (const entry of this.#inFlight) {
      if (entry.life !== life) continue;
      this.#inFlight.delete(entry);
      entry.effect.cancel();
      const fate = this.random.pick(['happens', 'partly', 'never']);
      try {
        if (fate === 'happens') this.#perform(entry.operation);
        else if (fate === 'partly' && !this.isReadOnly) entry.operation.partly?.();
      } catch {
        // There is no one left to tell; a failed operation has had no effect.
      }
    }
  }

  /** Power loss: the nodes that use this drive must have been killed. */
  crash(): void {
    this.names.crash(this.random);
    const names: DriveFile[] = [];
    this.names.forEachEntry((entry) => {
      if (entry instanceof DriveFile) names.push(entry);
    });
    for (const file of new Set(names)) {
      file.crash(this.random);
      file.links = 0;
    }
    this.#usedBytes = 0;
    for (const file of names) this.addLink(file);
  }

  /** Damages one bit of a file, on the medium and in every cache. */
  corrupt(path: string, offset: number, bit = this.random.below(8)): void {
    this.#fileAt(path).flipBit(offset, bit);
  }

  /** A file's bytes as programs see them now, for assertions. */
  peek(path: string): Buffer {
    const file = this.#fileAt(path);
    return file.read(0, file.size);
  }

  /** Writes as much as there is room for; throws `disk-full` if that is not all. */
  write(file: DriveFile, path: string, bytes: Uint8Array, position: number): void {
    const sizeBefore = file.size;
    const room = file.links > 0 ? this.freeBytes : Infinity;
    const isFull = position + bytes.length - sizeBefore > room;
    const fitting = isFull ? Math.max(0, sizeBefore + room - position) : bytes.length;
    if (fitting > 0) file.write(bytes.subarray(0, fitting), position, this.random);
    if (file.links > 0) this.#usedBytes += file.size - sizeBefore;
    if (!isFull) return;
    throw new CadastreError(
      'disk-full',
      `no space left to write ${bytes.length} bytes to ${path}`,
      {
        nextStep: 'Free space on the file system.',
      },
    );
  }

  /** Throws `root-unusable` if the drive is read-only. */
  checkWritable(doing: string): void {
    if (!this.isReadOnly) return;
    throw new CadastreError('root-unusable', `${doing}: read-only file system`, {
      nextStep: 'Mount it for writing, or choose another root.',
    });
  }

  addLink(file: DriveFile): void {
    if (file.links === 0) this.#usedBytes += file.size;
    file.links++;
  }

  /** The space of a file without names is free at once, even if it is still open. */
  removeLink(file: DriveFile): void {
    file.links--;
    if (file.links === 0) this.#usedBytes -= file.size;
  }

  #perform<Result>(operation: DriveOperation<Result>): Result {
    const { kind, path } = operation;
    if (mutating.has(kind)) this.checkWritable(`${kind} of ${path}`);
    const fault = this.faults.take(kind, path);
    if (fault === undefined) return operation.run();
    if (fault.effect === 'whole') operation.run();
    else if (fault.effect === 'partial') operation.partly?.();
    operation.failed?.();
    throw faultError(fault, kind, path);
  }

  #fileAt(path: string): DriveFile {
    const entry = this.names.find(path);
    if (entry instanceof DriveFile) return entry;
    throw new CadastreError('object-missing', `no file ${path} on the simulated drive`);
  }
}
