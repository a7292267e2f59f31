// What a procedure asks to lock, and the one order in which everybody asks.
//
// Invariants:
// 1. All locks have one total order: kind (server, snapshot, namespace, table, region), then name.
//    Every procedure acquires in that order, and a child asks only for what an ancestor holds or for
//    what comes after everything its ancestors hold. So no cycle of waiting can form.
// 2. A table lock implies its namespace shared. A region lock implies nothing: the recovery of a
//    region after a crash takes no table lock (page 3, HBASE-20173).

import { CadastreError } from '../base/errors.js';

export type LockMode = 'shared' | 'exclusive';

/** In canonical order. */
export const lockKinds = ['server', 'snapshot', 'namespace', 'table', 'region'] as const;
export type LockKind = (typeof lockKinds)[number];

export interface LockRequest {
  readonly kind: LockKind;
  /** Of one kind, names are ordered as strings; numbers are padded so that theirs agrees. */
  readonly name: string;
  readonly mode: LockMode;
}

export function lockServer(incarnation: number, mode: LockMode = 'exclusive'): LockRequest {
  return { kind: 'server', name: paddedNumber(incarnation), mode };
}

export function lockSnapshot(name: string, mode: LockMode = 'exclusive'): LockRequest {
  return { kind: 'snapshot', name, mode };
}

export function lockNamespace(namespace: string, mode: LockMode): LockRequest {
  return { kind: 'namespace', name: namespace, mode };
}

/** Implies the namespace, shared. */
export function lockTable(
  table: { readonly namespace: string; readonly qualifier: string },
  mode: LockMode,
): LockRequest {
  return { kind: 'table', name: `${table.namespace}:${table.qualifier}`, mode };
}

export function lockRegion(regionId: number, mode: LockMode = 'exclusive'): LockRequest {
  return { kind: 'region', name: paddedNumber(regionId), mode };
}

/** Safe integers have at most 16 digits. */
function paddedNumber(value: number): string {
  return String(value).padStart(16, '0');
}

/** Negative, zero or positive, as in the canonical order. */
export function compareLocks(a: LockRequest, b: LockRequest): number {
  const byKind = lockKinds.indexOf(a.kind) - lockKinds.indexOf(b.kind);
  if (byKind !== 0) return byKind;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** In canonical order, implied namespaces added, one request a lock (exclusive wins). */
export function normalizeLocks(requests: readonly LockRequest[]): readonly LockRequest[] {
  const all = [...requests];
  for (const { kind, name } of requests) {
    if (kind !== 'table') continue;
    const colon = name.indexOf(':');
    if (colon < 1) {
      throw new CadastreError('internal', `the table lock '${name}' does not name its namespace`, {
        nextStep: 'make it with lockTable()',
      });
    }
    all.push(lockNamespace(name.slice(0, colon), 'shared'));
  }
  all.sort(
    (a, b) => compareLocks(a, b) || (a.mode === b.mode ? 0 : a.mode === 'exclusive' ? -1 : 1),
  );
  return all.filter((request, index) => {
    const before = all[index - 1];
    return before === undefined || compareLocks(before, request) !== 0;
  });
}

export function formatLock(request: LockRequest): string {
  return `${request.mode} ${request.kind} ${request.name}`;
}
