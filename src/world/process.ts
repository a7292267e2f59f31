// The process we run in, and what is known of others on this machine (L8).

/** Enough to tell, from the same machine, whether that very process still runs. */
export interface ProcessIdentity {
  readonly bootId: string;
  /** The inode of the process's pid namespace; pids of different namespaces do not compare. */
  readonly pidNamespace: string;
  readonly pid: number;
  /** In clock ticks since boot, so that a reused pid is told apart. */
  readonly startTime: string;
}

export interface ProcessControl {
  identity(): ProcessIdentity;
  /**
   * `gone` only with proof: same boot id and pid namespace as ours, and that pid and start time are
   * no longer in the process table. `unknown` when this machine cannot tell.
   */
  look(identity: ProcessIdentity): 'running' | 'gone' | 'unknown';
  /** Ends the process at once, after logging why; the simulated one kills its node. Never returns. */
  exit(code: number, reason: string): never;
  /** Resident memory in bytes. */
  residentBytes(): number;
  /** Processor time used so far, microseconds. */
  cpuMicros(): number;
}
