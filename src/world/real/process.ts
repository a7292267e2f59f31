// This process, and what Linux's /proc knows of the others. Formats: proc(5).

import { readFileSync, readlinkSync } from 'node:fs';
import type { Logger } from '../log.js';
import type { ProcessControl, ProcessIdentity } from '../process.js';
import { systemCode } from './disk-errors.js';

/** What /proc/PID/stat says of a process. */
interface ProcessState {
  /** One letter: `Z` and `X` are dead ones that their parent has not asked after. */
  readonly state: string;
  /** Clock ticks since boot. */
  readonly startTime: string;
}

export interface NodeProcessOptions {
  readonly log: Logger;
  /** Writes out what the logger holds. */
  readonly flushLog: () => void;
}

export class NodeProcess implements ProcessControl {
  readonly #log: Logger;
  readonly #flushLog: () => void;
  readonly #identity: ProcessIdentity = ownIdentity();

  constructor({ log, flushLog }: NodeProcessOptions) {
    this.#log = log;
    this.#flushLog = flushLog;
  }

  identity(): ProcessIdentity {
    return this.#identity;
  }

  look(identity: ProcessIdentity): 'running' | 'gone' | 'unknown' {
    const own = this.#identity;
    // No boot id: not Linux, or no /proc, and then there is no proof of anything.
    const isComparable =
      own.bootId !== '' &&
      own.pidNamespace !== '' &&
      identity.bootId === own.bootId &&
      identity.pidNamespace === own.pidNamespace;
    if (!isComparable || !Number.isInteger(identity.pid) || identity.pid <= 0) return 'unknown';
    // Asked of the kernel and not of /proc, which may hide other users' processes.
    if (!isInProcessTable(identity.pid)) return 'gone';
    const found = readState(String(identity.pid));
    if (found === undefined) return isInProcessTable(identity.pid) ? 'unknown' : 'gone';
    const isDead = found.state === 'Z' || found.state === 'X';
    return isDead || found.startTime !== identity.startTime ? 'gone' : 'running';
  }

  exit(code: number, reason: string): never {
    this.#log[code === 0 ? 'info' : 'error'](`exiting: ${reason}`, { code });
    this.#flushLog();
    process.exit(code);
  }

  residentBytes(): number {
    return process.memoryUsage.rss();
  }

  cpuMicros(): number {
    const { user, system } = process.cpuUsage();
    return user + system;
  }
}

/** Empty texts where this machine cannot tell. */
function ownIdentity(): ProcessIdentity {
  const unknown = { bootId: '', pidNamespace: '', pid: process.pid, startTime: '' };
  // A /proc mounted for another pid namespace gives other numbers than the kernel gives us.
  if (readLink('/proc/self') !== String(process.pid)) return unknown;
  const bootId = readText('/proc/sys/kernel/random/boot_id')?.trim();
  const pidNamespace = readLink('/proc/self/ns/pid');
  const state = readState('self');
  if (bootId === undefined || pidNamespace === undefined || state === undefined) return unknown;
  return { bootId, pidNamespace, pid: process.pid, startTime: state.startTime };
}

/** False only if the kernel says that there is no such process. */
function isInProcessTable(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

function readState(pid: string): ProcessState | undefined {
  const text = readText(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The second field is the command's name in brackets, which may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const startTime = fields[19];
  return state === undefined || startTime === undefined ? undefined : { state, startTime };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Not there or not for us: both mean that it cannot tell.
    return undefined;
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
