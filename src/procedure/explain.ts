// Why a procedure does not go on: the chain from it to what everything waits for, with times, and
// what an operator can do. The same sentences go to clients whose request has to wait.

import type { Core } from './core.js';
import { explainMax, lookedAtMax } from './limits.js';
import { formatLock } from './lock-request.js';
import type { LockName } from './lock-request.js';
import type { Procedure } from './procedure.js';
import { waitsFor } from './show.js';
import type { Explanation, LockView } from './views.js';

export function explainProcedure(core: Core, procedure: Procedure): Explanation {
  const chain: { id: Procedure['id']; text: string }[] = [];
  const seen = new Set<Procedure>();
  let at: Procedure | undefined = procedure;
  let last = procedure;
  while (at !== undefined && !seen.has(at) && chain.length < explainMax) {
    seen.add(at);
    chain.push({ id: at.id, text: sentence(core, at) });
    last = at;
    at = blocker(core, at);
  }
  return { chain, advice: advice(last) };
}

/** One procedure's state in a sentence. */
export function sentence(core: Core, procedure: Procedure): string {
  const { title, reason, record, attempt } = procedure;
  const seconds = ((core.clock.now() - procedure.since) / 1000).toFixed(1);
  const doing = record.phase === 'rolling-back' ? 'undoing' : 'in';
  const step = record.phase === 'rolling-back' ? (record.executed.at(-1) ?? '') : record.step;
  const why = `${reason} for ${seconds} s (${waitsFor(procedure) ?? ''})`;
  const tries = attempt > 1 ? `, attempt ${attempt}` : '';
  return `${title} is ${doing} step ${step}${tries}: ${why}`;
}

/** Who has to do something before `procedure` can. */
function blocker(core: Core, procedure: Procedure): Procedure | undefined {
  if (procedure.reason === 'children') {
    // The one that has been in its state the longest is the likeliest to hold up the others.
    let oldest: Procedure | undefined;
    let looked = 0;
    for (const child of procedure.children) {
      if (oldest === undefined || child.since < oldest.since) oldest = child;
      if (++looked === lookedAtMax) break;
    }
    return oldest;
  }
  if (procedure.reason !== 'lock') return undefined;
  const request = procedure.needs[procedure.locksHeld];
  if (request === undefined) return undefined;
  const lock = core.locks.look(request);
  return lock?.exclusive ?? sharer(core, request) ?? core.locks.firstAhead(procedure);
}

/** One of those that share a lock now, as far as a bounded look finds one. */
function sharer(core: Core, lock: LockName): Procedure | undefined {
  let looked = 0;
  for (const procedure of core.procedures.values()) {
    if (holds(procedure, lock)) return procedure;
    if (++looked === lookedAtMax) return undefined;
  }
  return undefined;
}

export function holds({ needs, locksHeld }: Procedure, { kind, name }: LockName): boolean {
  for (let index = 0; index < locksHeld; index++) {
    const held = needs[index];
    if (held?.name === name && held.kind === kind) return true;
  }
  return false;
}

export function whoHoldsLock(core: Core, kind: LockView['kind'], name: string): string | undefined {
  const lock = core.locks.look({ kind, name });
  if (lock?.exclusive !== undefined) return sentence(core, lock.exclusive);
  if (lock === undefined || lock.sharedCount === 0) return undefined;
  const found = sharer(core, { kind, name });
  if (found !== undefined) return sentence(core, found);
  return `${lock.sharedCount} procedures share the lock of ${kind} ${name}`;
}

function advice(last: Procedure): readonly string[] {
  const { id, record, reason } = last;
  const cancel = record.isPastPointOfNoReturn
    ? `it cannot be cancelled: it is past its point of no return`
    : `cancel ${id} rolls it back`;
  switch (reason) {
    case 'back-off':
      return [`mend what the error says; retry ${id} tries at once`, cancel, bypassHint(id)];
    case 'paused':
      return [`resume ${id}, its type, or everything`];
    case 'quarantined':
      return ['start the version of Cadastre that wrote it', bypassHint(id)];
    case 'event':
    case 'report':
    case 'timer':
      return [`it will go on by itself; retry ${id} makes it look now`, cancel, bypassHint(id)];
    case 'remote':
      return ['look at the server; when it is declared crashed the operation ends', cancel];
    case 'running':
      return ['its async part is under way', cancel, `bypass with override abandons it`];
    case 'place':
      return [
        `the async parts of priority '${last.priority}' take long: list those running`,
        cancel,
      ];
    case 'lock':
      return [`${formatWanted(last)} has no holder that is known; look at the locks`, cancel];
    case 'runnable':
    case 'storing':
    case 'children':
      return ['nothing is wrong: it is about to go on'];
  }
}

function bypassHint(id: number): string {
  return `bypass ${id} skips the rest of it: look at what that would be first`;
}

function formatWanted(procedure: Procedure): string {
  const request = procedure.needs[procedure.locksHeld];
  return request === undefined ? 'its lock' : formatLock(request);
}
