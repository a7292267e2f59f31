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

export interface LockName {
  readonly kind: LockKind;
  /** Of one kind, names are ordered as strings; numbers are padded so that theirs agrees. */
  readonly name: string;
}

export interface LockRequest extends LockName {
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
export function compareLocks(a: LockName, b: LockName): number {
  if (a.kind !== b.kind) return lockKinds.indexOf(a.kind) - lockKinds.indexOf(b.kind);
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** In canonical order, implied namespaces added, one request a lock (exclusive wins). */
export function normalizeLocks(requests: readonly LockRequest[]): readonly LockRequest[] {
  const all: LockRequest[] = [];
  for (const request of requests) {
    if (request.kind === 'table') insert(all, lockNamespace(namespaceOf(request.name), 'shared'));
    insert(all, request);
  }
  return all;
}

/** Most come in order already, so that looking from the end finds the place at once. */
function insert(into: LockRequest[], request: LockRequest): void {
  let at = into.length;
  for (let before = into[at - 1]; before !== undefined; before = into[--at - 1]) {
    const order = compareLocks(before, request);
    if (order < 0) break;
    if (order > 0) continue;
    if (request.mode === 'exclusive') into[at - 1] = request;
    return;
  }
  if (at === into.length) into.push(request);
  else into.splice(at, 0, request);
}

function namespaceOf(table: string): string {
  const colon = table.indexOf(':');
  if (colon >= 1) return table.slice(0, colon);
  throw new CadastreError('internal', `the table lock '${table}' does not name its namespace`, {
    nextStep: 'make it with lockTable()',
  });
}

export function formatLock(request: LockRequest): string {
  return `${request.mode} ${request.kind} ${request.name}`;
}

export function formatLocks(requests: readonly LockRequest[]): string {
  let text = '';
  for (const request of requests) text += `${text === '' ? '' : ', '}${formatLock(request)}`;
  return text;
}
