// What Linux says of a process: processor time and memory. Elsewhere the figures are undefined, and
// the benches leave them out.
// Source: proc_pid_stat(5), proc_pid_smaps(5).

import fs from 'node:fs';
import os from 'node:os';

/** Jiffies are 10 ms on every Linux that Node runs on. */
const usPerTick = 10_000;

function read(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch {
    return undefined; // ended, or not Linux
  }
}

/** User and system time of all threads together, microseconds; undefined if one is not known. */
export function cpuUs(pids: readonly number[]): number | undefined {
  let total = 0;
  for (const pid of pids) {
    const stat = read(`/proc/${pid}/stat`);
    if (stat === undefined) return undefined;
    // The name, in parentheses, may hold blanks: fields are counted from behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    total += (Number(fields[11]) + Number(fields[12])) * usPerTick;
  }
  return pids.length === 0 ? undefined : total;
}

/** Proportional set size of the processes together, MiB: shared pages count once. */
export function pssMib(pids: readonly number[]): number | undefined {
  let kib = 0;
  for (const pid of pids) {
    const rollup = read(`/proc/${pid}/smaps_rollup`);
    const found = rollup === undefined ? undefined : /^Pss:\s+(\d+) kB/m.exec(rollup);
    if (found === undefined || found === null) return undefined;
    kib += Number(found[1]);
  }
  return kib / 1024;
}

export function childrenOf(pid: number): readonly number[] {
  const text = read(`/proc/${pid}/task/${pid}/children`) ?? '';
  return text
    .split(' ')
    .filter((part) => part.trim() !== '')
    .map(Number);
}

/** Whether the process listens on a TCP port of this machine. Source: proc_pid_net(5). */
export function isListening(pid: number, port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const listening = '0A';
  const sockets = new Set(
    (read('/proc/net/tcp') ?? '').split('\n').flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const isIt = fields[1]?.endsWith(local) === true && fields[3] === listening;
      return isIt ? [`socket:[${fields[9]}]`] : [];
    }),
  );
  try {
    const open = fs.readdirSync(`/proc/${pid}/fd`);
    return open.some((descriptor) => sockets.has(linkOf(`/proc/${pid}/fd/${descriptor}`)));
  } catch {
    return false; // ended, or not Linux
  }
}

function linkOf(path: string): string {
  try {
    return fs.readlinkSync(path);
  } catch {
    return ''; // closed meanwhile
  }
}

/** For the head of a bench's output: figures of a busy machine are not worth much. */
export function machine(): string {
  const cpus = os.cpus();
  const load = os.loadavg()[0]?.toFixed(2) ?? '?';
  const gib = (os.totalmem() / 2 ** 30).toFixed(0);
  return (
    `${cpus.length} × ${cpus[0]?.model.trim() ?? 'unknown'}, ${gib} GiB, ` +
    `Node ${process.version}, load ${load}`
  );
}
