// A page of the locks there are, for operators. There may be a million (L9): the names are gone through
// in turns, only those of the page are kept, and only these are looked at.

import { Smallest } from '../base/smallest.js';
import type { ProcedureId } from '../base/ids.js';
import type { Core } from './core.js';
import { holds } from './explain.js';
import { namedOfLockMax, pageMax, procedureStride, waitersCountedMax } from './limits.js';
import { compareLocks, lockKinds } from './lock-request.js';
import type { LockName } from './lock-request.js';
import type { LockFilter, LockPage, LockView } from './views.js';

const pageDefault = 100;

export async function listLocks(core: Core, filter: LockFilter): Promise<LockPage> {
  const limit = Math.min(filter.limit ?? pageDefault, pageMax);
  const names = await pageOfNames(core, filter, limit + 1);
  const page = names.slice(0, limit);
  const sharers = await sharersOf(core, page);
  const locks = page.flatMap((name) => viewOf(core, name, sharers.get(keyOf(name)) ?? []));
  return { locks, next: names.length > limit ? page.at(-1) : undefined };
}

async function pageOfNames(
  core: Core,
  { kinds = lockKinds, contendedOnly = false, after }: LockFilter,
  limit: number,
): Promise<readonly LockName[]> {
  const smallest = new Smallest<LockName>(limit, compareLocks);
  let looked = 0;
  for (const { kind, name, isContended } of core.locks.names()) {
    if (++looked % procedureStride === 0) await core.clock.yield();
    if (contendedOnly && !isContended) continue;
    if (!kinds.includes(kind)) continue;
    const lock = { kind, name };
    if (after === undefined || compareLocks(lock, after) > 0) smallest.add(lock);
  }
  return smallest.values;
}

/** Only procedures know what they share. */
async function sharersOf(
  core: Core,
  page: readonly LockName[],
): Promise<ReadonlyMap<string, readonly ProcedureId[]>> {
  const sharers = new Map<string, ProcedureId[]>();
  for (const name of page) {
    if ((core.locks.look(name)?.sharedCount ?? 0) > 0) sharers.set(keyOf(name), []);
  }
  if (sharers.size === 0) return sharers;
  let looked = 0;
  for (const { id, needs, locksHeld } of core.procedures.values()) {
    if (++looked % procedureStride === 0) await core.clock.yield();
    for (const held of needs.slice(0, locksHeld)) {
      const ids = sharers.get(keyOf(held));
      if (ids !== undefined && ids.length < namedOfLockMax) ids.push(id);
    }
  }
  return sharers;
}

/** The lock as it is now; it may have changed while the page was looked up. */
function viewOf(core: Core, lock: LockName, sharers: readonly ProcedureId[]): LockView[] {
  const state = core.locks.look(lock);
  if (state === undefined) return [];
  const { exclusive, sharedCount } = state;
  const waiters: LockView['waiters'][number][] = [];
  let waiterCount = 0;
  for (const { owner, mode } of state.waiters()) {
    if (waiters.length < namedOfLockMax) waiters.push({ id: owner.id, mode });
    if (++waiterCount === waitersCountedMax) break;
  }
  const isStillHeld = (id: ProcedureId): boolean => {
    const procedure = core.procedures.get(id);
    return procedure !== undefined && holds(procedure, lock);
  };
  return [
    {
      ...lock,
      mode: exclusive !== undefined ? 'exclusive' : sharedCount > 0 ? 'shared' : 'free',
      holders: exclusive === undefined ? sharers.filter(isStillHeld) : [exclusive.id],
      holderCount: exclusive === undefined ? sharedCount : 1,
      waiters,
      waiterCount,
    },
  ];
}

function keyOf({ kind, name }: LockName): string {
  return `${kind} ${name}`;
}
