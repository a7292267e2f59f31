// Checked once the cluster has settled: what the catalog says is whole and is what the servers do.

import type { Incarnation } from '../../src/base/ids.js';
import type { Master } from '../../src/master/master.js';
import { fileKind } from '../../src/catalog/records/files.js';
import type { RegionRecord } from '../../src/catalog/records/regions.js';
import { regionKind } from '../../src/catalog/records/regions.js';
import { tableKind } from '../../src/catalog/records/tables.js';
import { candidateKind } from '../../src/catalog/records/deletion.js';
import { logKind, sortedLogKind } from '../../src/catalog/records/logs.js';
import type { CatalogEntry, LogNeed } from '../../src/catalog/api.js';
import type { ObjectStore } from '../../src/world/object-store.js';
import type { SimCluster } from '../cluster.js';
import { Violation } from '../workload/model.js';

/** Why the cluster has not settled yet; undefined: it has. */
export function whyUnsettled(cluster: SimCluster): string | undefined {
  const { master } = cluster;
  for (const name of cluster.nodeNames) if (!cluster.isRunning(name)) return `${name} is down`;
  const status = master === undefined ? undefined : statusOf(master);
  if (master === undefined || status === undefined) return 'the master is starting';
  if (!status.isSettled) return 'the master has not looked at what was left behind';
  if (status.liveServers < cluster.serverNames.length) return `${status.liveServers} servers live`;
  const [procedure] = master.engine.list({ phases: ['forward', 'rolling-back'] }).procedures;
  if (procedure !== undefined) {
    const { type, about, step, reason, waitsFor, error } = procedure;
    const last = error === undefined ? '' : `, last error: ${error.message}`;
    return `${type} ${about} is at ${step}: ${reason}, waits for ${waitsFor}${last}`;
  }
  if (status.regionsInTransition > 0) return `${status.regionsInTransition} regions in transition`;
  return whyNotServed(cluster, master);
}

/** A server serves a little later than the catalog says so: once it has heard of it. */
function whyNotServed(cluster: SimCluster, { catalog }: Master): string | undefined {
  for (const { value } of catalog.durable.scan(regionKind)) {
    if (value.state === 'open' && !isServed(cluster, value)) {
      return `region ${value.regionId} belongs to server ${value.server}, which does not serve it`;
    }
  }
  return undefined;
}

function isServed(cluster: SimCluster, { regionId, generation, server }: RegionRecord): boolean {
  return [...cluster.servers.values()].some(
    (running) =>
      running.incarnation === server &&
      running
        .serving()
        .some((held) => held.regionId === regionId && held.generation === generation),
  );
}

/** Undefined while it is not ready. */
function statusOf(master: Master) {
  try {
    return master.status();
  } catch {
    return undefined; // it says please-hold until its catalog is open
  }
}

/** Throws a Violation. The cluster has settled and nobody changes anything. */
export function checkCatalog(cluster: SimCluster): void {
  const { master } = cluster;
  if (master === undefined) throw new Violation('there is no master');
  const { durable, quarantined } = master.catalog;
  const [record] = quarantined;
  if (record !== undefined) throw new Violation(`L10: ${record.key}: ${record.reason}`);
  for (const { key, value } of durable.scan(tableKind)) {
    const regions = [...durable.scan(regionKind, { prefix: [key[0]] })].map(({ value }) => value);
    const { qualifier } = value.descriptor.name;
    checkChain(qualifier, regions);
    if (value.state !== 'enabled') throw new Violation(`table ${qualifier} is ${value.state}`);
    for (const { regionId, state, failure } of regions) {
      if (state !== 'open') throw new Violation(`region ${regionId} is ${state}: ${failure}`);
    }
  }
}

/** Key chains without gap or overlap. */
function checkChain(table: string, regions: readonly RegionRecord[]): void {
  let end: Buffer | undefined = Buffer.alloc(0);
  for (const region of regions) {
    if (end === undefined || !region.startKey.equals(end)) {
      const at = region.startKey.toString('utf8');
      throw new Violation(`table ${table}: a gap or an overlap at "${at}"`);
    }
    end = region.endKey.length === 0 ? undefined : region.endKey;
  }
  if (end !== undefined) throw new Violation(`table ${table} ends at "${end.toString('utf8')}"`);
}

/** What the store holds against what the catalog knows. */
export interface StoreAccount {
  /**
   * Objects that nothing refers to and that no one knows of: written, and never committed, because
   * the server died, the region stopped, or the outcome of the write was unclear. They wait for the
   * sweep of orphans (page 6), which is not there yet.
   */
  readonly orphans: readonly string[];
  /** Why the store is not as it should be, and perhaps not yet; undefined: it is. */
  readonly problem: string | undefined;
}

/** Throws a Violation if an object is referred to and gone. */
export async function accountStore(
  cluster: SimCluster,
  master: Master,
  objects: Pick<ObjectStore, 'list'>,
): Promise<StoreAccount> {
  const stored = (await objects.list('data/')).map(({ key }) => key);
  const { catalog } = master;
  for (const { value } of catalog.durable.scan(regionKind)) {
    await catalog.load(fileKind, [value.regionId]);
  }
  const { tail } = catalog;
  const referred = new Set<string>();
  for (const { value } of tail.scan(fileKind)) referred.add(value.object);
  for (const { key } of tail.scan(sortedLogKind)) referred.add(key[0]);
  const there = new Set(stored);
  for (const object of referred) {
    // One that was made since the list was read is there by now.
    if (there.has(object) || (await objects.list(object)).length > 0) continue;
    throw new Violation(`L6: ${object} is referred to and gone`);
  }
  const waiting = new Set([...tail.scan(candidateKind)].map(({ key }) => key[1]));
  const live = new Set([...cluster.servers.values()].map(({ incarnation }) => incarnation));
  const logs = [...tail.scan(logKind)].filter(({ key }) => !live.has(key[0]));
  return {
    orphans: stored.filter((key) => !referred.has(key) && !waiting.has(key)),
    problem: problemOf(waiting, logs),
  };
}

function problemOf(
  waiting: ReadonlySet<string>,
  logs: readonly CatalogEntry<readonly [Incarnation], LogNeed>[],
): string | undefined {
  const [candidate] = waiting;
  if (candidate !== undefined) return `${waiting.size} candidates such as ${candidate} are there`;
  const [log] = logs;
  return log && `log ${log.value.log} of a dead server is kept`;
}
