// The names on a simulated drive: a tree of directories as programs see it, and a journal of the
// changes that no directory sync has made durable yet.
//
// The crash model of disk.ts: each change of the journal (a name made, renamed or removed) is there
// afterwards or not, independently of the others; a rename is one change, never half.

import { keeper, type DriveFile } from './drive-file.js';
import type { SimRandom } from './random.js';

export type DriveEntry = DriveFile | DriveDirectory;

export class DriveDirectory {
  readonly entries = new Map<string, DriveEntry>();
  /** Name to what the drive holds, and by which change. */
  readonly durable = new Map<
    string,
    { readonly entry: DriveEntry | undefined; readonly change: number }
  >();
}

interface NameChange {
  readonly directory: DriveDirectory;
  readonly name: string;
  /** Undefined: the name is removed. */
  readonly entry: DriveEntry | undefined;
}

/** Real file systems write their journal out every few seconds; this one does after so many changes. */
const journalMax = 256;

export class DriveNames {
  readonly root = new DriveDirectory();
  #journal: { readonly number: number; readonly changes: readonly NameChange[] }[] = [];
  #changes = 0;

  /** What is at an absolute path. */
  find(path: string): DriveEntry | undefined {
    let entry: DriveEntry | undefined = this.root;
    for (const name of partsOf(path)) {
      if (!(entry instanceof DriveDirectory)) return undefined;
      entry = entry.entries.get(name);
    }
    return entry;
  }

  /** The directory a path's last part is in, with that part. */
  parentOf(
    path: string,
  ): { readonly directory: DriveDirectory; readonly name: string } | undefined {
    const parts = partsOf(path);
    const name = parts.pop();
    const directory = this.find(parts.join('/'));
    if (name === undefined || !(directory instanceof DriveDirectory)) return undefined;
    return { directory, name };
  }

  /** Changes names, all together. */
  change(...changes: readonly NameChange[]): void {
    for (const { directory, name, entry } of changes) {
      if (entry === undefined) directory.entries.delete(name);
      else directory.entries.set(name, entry);
    }
    this.#journal.push({ number: ++this.#changes, changes });
    while (this.#journal.length > journalMax) {
      const oldest = this.#journal.shift();
      if (oldest !== undefined) persist(oldest.number, oldest.changes, true);
    }
  }

  /** Makes the entries of one directory durable. */
  sync(directory: DriveDirectory): void {
    this.#journal = this.#journal.filter(({ number, changes }) => {
      if (!changes.some((change) => change.directory === directory)) return true;
      persist(number, changes, false);
      return false;
    });
  }

  /** Power loss: some of the journal is kept, the tree is what the drive then holds. */
  crash(random: SimRandom): void {
    const keeps = keeper(random);
    for (const { number, changes } of this.#journal) if (keeps()) persist(number, changes, false);
    this.#journal = [];
    this.#restore(this.root);
  }

  /** Every name that programs see, in a fixed order; a file with two names comes twice. */
  forEachEntry(visit: (entry: DriveEntry) => void): void {
    const walk = (directory: DriveDirectory): void => {
      for (const entry of directory.entries.values()) {
        visit(entry);
        if (entry instanceof DriveDirectory) walk(entry);
      }
    };
    walk(this.root);
  }

  #restore(directory: DriveDirectory): void {
    directory.entries.clear();
    for (const [name, { entry }] of directory.durable) {
      if (entry === undefined) {
        directory.durable.delete(name);
        continue;
      }
      directory.entries.set(name, entry);
      if (entry instanceof DriveDirectory) this.#restore(entry);
    }
  }
}

/**
 * Later changes of a name win, in whatever order they become durable; so a removed name is remembered,
 * unless no older change is left that could bring it back.
 */
function persist(number: number, changes: readonly NameChange[], isOldest: boolean): void {
  for (const { directory, name, entry } of changes) {
    const held = directory.durable.get(name);
    if (held !== undefined && held.change > number) continue;
    if (entry === undefined && isOldest) directory.durable.delete(name);
    else directory.durable.set(name, { entry, change: number });
  }
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}
