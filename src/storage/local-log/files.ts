// What is where in the folder of one log on a disk, and the small file operations on it.
//
//   CLAIMED      made once and never removed: the name is taken for ever (L5)
//   OPEN         there while records may be acknowledged
//   SEALED       there once the log is being sealed
//   end          where the sealed log ends; made once, by link
//   end-<n>      a sealer's temporary file
//   <10 digits>  a segment

import { CadastreError } from '../../base/errors.js';
import type { Disk } from '../../world/disk.js';
import { hasErrorCode } from '../error-code.js';
import { logNameCrc } from '../log-frame.js';
import { logFolder } from '../log-name.js';

const segmentPattern = /^\d{10}$/;

/** The files of one log. */
export class LogFiles {
  readonly disk: Disk;
  readonly name: string;
  readonly nameCrc: number;
  readonly directory: string;
  readonly claimed: string;
  readonly open: string;
  readonly sealed: string;
  readonly end: string;

  /** `logs` is the directory of all logs. */
  constructor(disk: Disk, logs: string, name: string) {
    this.disk = disk;
    this.name = name;
    this.nameCrc = logNameCrc(name);
    this.directory = `${logs}/${logFolder(name)}`;
    this.claimed = `${this.directory}/CLAIMED`;
    this.open = `${this.directory}/OPEN`;
    this.sealed = `${this.directory}/SEALED`;
    this.end = `${this.directory}/end`;
  }

  segment(number: number): string {
    return `${this.directory}/${String(number).padStart(10, '0')}`;
  }

  /** Numbers of the segments there are, in order. */
  async segments(): Promise<readonly number[]> {
    const entries = await this.disk.list(this.directory);
    return entries.filter(({ name }) => segmentPattern.test(name)).map(({ name }) => Number(name));
  }

  /** Throws `object-missing` if the log was never made. */
  mustExist(): void {
    if (this.disk.existsNow(this.claimed)) return;
    throw new CadastreError('object-missing', `there is no log "${this.name}"`);
  }
}

/** Makes an empty file; false if something has its name. */
export async function createMarker(disk: Disk, path: string): Promise<boolean> {
  try {
    const file = await disk.open(path, 'create');
    await file.close();
    return true;
  } catch (error) {
    if (hasErrorCode(error, 'object-exists')) return false;
    throw error;
  }
}

/** Takes the name for ever; false if it was taken. Durable when it resolves, in both cases. */
export async function claimName(files: LogFiles, logs: string): Promise<boolean> {
  await files.disk.makeDirectory(files.directory);
  const isOurs = await createMarker(files.disk, files.claimed);
  await files.disk.syncDirectory(files.directory);
  await files.disk.syncDirectory(logs);
  return isOurs;
}
