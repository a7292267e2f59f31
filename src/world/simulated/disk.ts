// A node's view of its machine's drive: the Disk that programs under simulation use. File errors,
// orders and outcomes are those of a POSIX file system; what a crash does is in drive*.ts.

import { CadastreError } from '../../base/errors.js';
import type { Disk, DiskEntry, DiskFile, OpenMode, WriteDone } from '../disk.js';
import { DriveFile } from './drive-file.js';
import { DriveDirectory, type DriveEntry } from './drive-names.js';
import type { DriveOperation, SimDrive } from './drive.js';
import type { SimLife } from './life.js';

export class SimDisk implements Disk {
  readonly #drive: SimDrive;
  readonly #life: SimLife;

  constructor(drive: SimDrive, life: SimLife) {
    this.#drive = drive;
    this.#life = life;
    life.onKill(() => drive.abandon(life));
  }

  open(path: string, mode: OpenMode): Promise<DiskFile> {
    return this.#run({
      kind: 'open',
      path,
      run: () => {
        const isNew = mode === 'create' || mode === 'durable-writes';
        const file = isNew ? this.#createFile(path) : this.#find(path);
        if (file instanceof DriveFile)
          return new SimFile(this.#drive, this.#life, path, file, mode);
        throw missing(path);
      },
    });
  }

  makeDirectory(path: string): Promise<void> {
    return this.#run({
      kind: 'make-directory',
      path,
      run: () => {
        let directory = this.#drive.names.root;
        for (const name of path.split('/')) {
          if (name === '') continue;
          let entry = directory.entries.get(name);
          if (entry === undefined) {
            entry = new DriveDirectory();
            this.#drive.names.change({ directory, name, entry });
          }
          if (!(entry instanceof DriveDirectory)) throw taken(path);
          directory = entry;
        }
      },
    });
  }

  link(from: string, to: string): Promise<void> {
    return this.#run({
      kind: 'link',
      path: to,
      run: () => {
        const file = this.#find(from);
        if (!(file instanceof DriveFile)) throw missing(from);
        const target = this.#parentOf(to);
        if (target.directory.entries.has(target.name)) throw taken(to);
        this.#drive.names.change({ ...target, entry: file });
        this.#drive.addLink(file);
      },
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#run({
      kind: 'rename',
      path: to,
      run: () => {
        const file = this.#find(from);
        if (file === undefined) throw missing(from);
        const target = this.#parentOf(to);
        const replaced = target.directory.entries.get(target.name);
        if (replaced === file) return;
        if (replaced instanceof DriveDirectory) throw failed(`${to} is a directory`);
        this.#drive.names.change(
          { ...this.#parentOf(from), entry: undefined },
          { ...target, entry: file },
        );
        if (replaced !== undefined) this.#drive.removeLink(replaced);
      },
    });
  }

  unlink(path: string): Promise<void> {
    return this.#run({
      kind: 'unlink',
      path,
      run: () => {
        const file = this.#find(path);
        if (file === undefined) return;
        if (!(file instanceof DriveFile)) throw failed(`${path} is a directory`);
        this.#drive.names.change({ ...this.#parentOf(path), entry: undefined });
        this.#drive.removeLink(file);
      },
    });
  }

  list(path: string): Promise<readonly DiskEntry[]> {
    return this.#run({
      kind: 'list',
      path,
      run: () => {
        const directory = this.#find(path);
        if (!(directory instanceof DriveDirectory)) return [];
        return [...directory.entries]
          .map(([name, entry]) => ({ name, isDirectory: entry instanceof DriveDirectory }))
          .sort((left, right) => Buffer.compare(Buffer.from(left.name), Buffer.from(right.name)));
      },
    });
  }

  syncDirectory(path: string): Promise<void> {
    return this.#run({
      kind: 'sync-directory',
      path,
      run: () => {
        const directory = this.#find(path);
        if (!(directory instanceof DriveDirectory)) throw missing(path);
        this.#drive.names.sync(directory);
      },
    });
  }

  existsNow(path: string): boolean {
    return this.#find(path) !== undefined;
  }

  freeBytes(path: string): Promise<number> {
    return this.#run({ kind: 'free-bytes', path, run: () => this.#drive.freeBytes });
  }

  describe(path: string): ReturnType<Disk['describe']> {
    return this.#run({ kind: 'list', path, run: () => this.#drive.fileSystem });
  }

  #run<Result>(operation: DriveOperation<Result>): Promise<Result> {
    return submitted(this.#drive, this.#life, operation);
  }

  #find(path: string): DriveEntry | undefined {
    return this.#drive.names.find(path);
  }

  #parentOf(path: string): { readonly directory: DriveDirectory; readonly name: string } {
    const parent = this.#drive.names.parentOf(path);
    if (parent === undefined) throw missing(path);
    return parent;
  }

  #createFile(path: string): DriveFile {
    this.#drive.checkWritable(`creation of ${path}`);
    const parent = this.#parentOf(path);
    if (parent.directory.entries.has(parent.name)) throw taken(path);
    const file = new DriveFile();
    this.#drive.names.change({ ...parent, entry: file });
    this.#drive.addLink(file);
    return file;
  }
}

class SimFile implements DiskFile {
  readonly path: string;
  readonly #drive: SimDrive;
  readonly #life: SimLife;
  readonly #file: DriveFile;
  readonly #mode: OpenMode;
  #isClosed = false;

  constructor(drive: SimDrive, life: SimLife, path: string, file: DriveFile, mode: OpenMode) {
    this.#drive = drive;
    this.#life = life;
    this.path = path;
    this.#file = file;
    this.#mode = mode;
  }

  read(position: number, length: number): Promise<Buffer> {
    return this.#run({
      kind: 'read',
      path: this.path,
      run: () => this.#file.read(position, length),
    });
  }

  write(bytes: Uint8Array, position: number, done: WriteDone): void {
    // Bytes are taken at the effect, so that a caller who changes them too early is found out.
    const write = (length: number): void => {
      this.#drive.write(this.#file, this.path, bytes.subarray(0, length), position);
    };
    const operation: DriveOperation<void> = {
      kind: 'write',
      path: this.path,
      run: () => {
        if (this.#mode === 'read') throw failed(`${this.path} is open for reading only`);
        write(bytes.length);
        if (this.#mode === 'durable-writes') this.#file.syncRange(position, bytes.length);
      },
      partly: () => write(this.#drive.random.below(bytes.length + 1)),
    };
    this.#drive.submit(this.#life, this.#unlessClosed(operation), done);
  }

  sync(): Promise<void> {
    return this.#run({
      kind: 'sync',
      path: this.path,
      run: () => this.#file.sync(),
      failed: () => this.#file.failSync(),
    });
  }

  size(): Promise<number> {
    return this.#run({ kind: 'size', path: this.path, run: () => this.#file.size });
  }

  /** What is in flight still completes. */
  close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }

  #run<Result>(operation: DriveOperation<Result>): Promise<Result> {
    return submitted(this.#drive, this.#life, this.#unlessClosed(operation));
  }

  #unlessClosed<Result>(operation: DriveOperation<Result>): DriveOperation<Result> {
    if (!this.#isClosed) return operation;
    const run = (): never => {
      throw failed(`${this.path} was closed`);
    };
    return { kind: operation.kind, path: this.path, run };
  }
}

function submitted<Result>(
  drive: SimDrive,
  life: SimLife,
  operation: DriveOperation<Result>,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    drive.submit(life, operation, (error, result) => {
      if (error === undefined) resolve(result as Result);
      else reject(error);
    });
  });
}

function missing(path: string): CadastreError {
  return new CadastreError('object-missing', `no such file or directory: ${path}`);
}

function taken(path: string): CadastreError {
  return new CadastreError('object-exists', `${path} is there already`);
}

function failed(message: string): CadastreError {
  return new CadastreError('storage-unavailable', message);
}
