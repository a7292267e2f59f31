// The world in which the conformance harness runs the master's procedures: a master over a real
// catalog on a simulated disk, and servers that obey. What is there before is written straight into
// the catalog, so that a scenario needs a few lines.

import type {
  Epoch,
  Generation,
  Incarnation,
  RegionId,
  Sequence,
  TableId,
} from '../../base/ids.js';
import { Settings } from '../../base/settings.js';
import { familyDescriptor } from '../../base/table.js';
import type { Catalog, CatalogView, Transaction } from '../../catalog/api.js';
import { addLog } from '../../catalog/log-needs.js';
import { openCatalog } from '../../catalog/open.js';
import { candidateKind } from '../../catalog/records/deletion.js';
import { fileKind } from '../../catalog/records/files.js';
import { logKind, sortedLogKind } from '../../catalog/records/logs.js';
import type { RegionRecord, RegionState } from '../../catalog/records/regions.js';
import { regionKeyOf, regionKind } from '../../catalog/records/regions.js';
import type { ServerState } from '../../catalog/records/servers.js';
import { serverKind } from '../../catalog/records/servers.js';
import type { TableState } from '../../catalog/records/tables.js';
import { nameKind, tableKind } from '../../catalog/records/tables.js';
import { sampleFile, sampleRegion } from '../../catalog/testing/samples.js';
import type { ProcedureEngine } from '../../procedure/api.js';
import type { ConformanceHooks, ConformanceWorld } from '../../procedure/testing/harness.js';
import { serverLogName } from '../../storage/names.js';
import { openStorage } from '../../storage/root.js';
import type { RootedStorage } from '../../storage/root.js';
import { Simulation } from '../../world/simulated/simulation.js';
import { assembleMaster } from '../assemble.js';
import { rangesOf } from '../tables/validate.js';
import { DirectServers } from './direct-servers.js';

export const conformanceTable = { namespace: 'default', qualifier: 't' };
export const conformanceTableId = 1_000 as TableId;
export const firstServer = 1 as Incarnation;
export const secondServer = 2 as Incarnation;

/** Ids in the range that the catalog's own allocation does not reach. */
export function conformanceRegion(index: number): RegionId {
  return (2_000 + index) as RegionId;
}

/** What is there before the procedure is submitted. */
export interface Before {
  /** Undefined: no table. */
  readonly table?: { readonly state: TableState; readonly regions: readonly RegionState[] };
  /** Whether a name points to the table; default true. */
  readonly isNamed?: boolean;
  readonly files?: number;
  /** State of the first server; the second is online. */
  readonly first?: ServerState;
  /** Servers can close nothing. */
  readonly closesFail?: boolean;
}

export class MasterWorld implements ConformanceWorld<Transaction> {
  readonly #simulation = new Simulation(1);
  readonly #hooks: ConformanceHooks<Transaction>;
  readonly #before: Before;
  readonly #servers: DirectServers;
  #epoch = 0;
  #catalog: Catalog | undefined;

  constructor(hooks: ConformanceHooks<Transaction>, before: Before) {
    this.#hooks = hooks;
    this.#before = before;
    const alive = before.first === 'crashed' ? [secondServer] : [firstServer, secondServer];
    const { clock } = this.#simulation.node('servers').world;
    this.#servers = new DirectServers(clock, alive, {
      answers: hooks.answers,
      closesFail: before.closesFail === true,
    });
  }

  boot(): Promise<ProcedureEngine<Transaction>> {
    return this.#simulation.run(() => this.#boot(), { name: 'the start of a master' });
  }

  kill(): void {
    this.#simulation.node('master').kill();
  }

  async drive(isDone: () => boolean): Promise<void> {
    const { clock } = this.#simulation.node('observer').world;
    const poll = async () => {
      while (!isDone()) await clock.sleep(3);
    };
    await this.#simulation.run(poll(), { name: 'the procedure' });
  }

  state(): string {
    if (this.#catalog === undefined) return '';
    return stateText(this.#catalog.durable);
  }

  async #boot(): Promise<ProcedureEngine<Transaction>> {
    const { world } = this.#simulation.node('master');
    const { clock, log, process, random } = world;
    const storage = await openStorage(world);
    const epoch = ++this.#epoch as Epoch;
    const { clusterId } = storage;
    const checkpointLogBytes = Settings.defaults().get('cadastre.catalog.checkpoint.bytes');
    const about = { clusterId, epoch, checkpointLogBytes };
    const catalog = await openCatalog({ storage, clock, process, log, ...about });
    if (epoch === 1) await this.#prepare(storage, catalog);
    this.#catalog = catalog;
    const master = await assembleMaster({
      world: { clock, log, process, random },
      storage,
      settings: Settings.defaults(),
      catalog,
      epoch,
      sender: () => (batch) => this.#servers.servers.send(batch),
      harness: this.#hooks,
    });
    master.start();
    master.parts.registry.beginPlacing();
    this.#servers.connect(clock, master);
    return master.parts.engine;
  }

  async #prepare(storage: RootedStorage, catalog: Catalog): Promise<void> {
    for (const server of [firstServer, secondServer]) {
      const log = await storage.logs.create(serverLogName(server));
      const sequence = log.append(Buffer.from('an edit'));
      await new Promise<void>((resolve) => {
        log.whenDurable(sequence, resolve);
      });
    }
    await catalog.transact((tx) => writeBefore(tx, this.#before)).durable();
  }
}

function writeBefore(tx: Transaction, before: Before): void {
  for (const server of [firstServer, secondServer]) {
    const log = serverLogName(server);
    tx.put(serverKind, [server], {
      host: 'host',
      port: 16020 + server,
      version: 'test',
      state: server === firstServer ? (before.first ?? 'online') : 'online',
      // Of another machine, so that nobody can tell whether it lives.
      process: { bootId: 'other', pidNamespace: 'other', pid: server, startTime: '1' },
      log,
      registeredAtMs: 1,
    });
    addLog(tx, server, log);
  }
  const { table } = before;
  if (table === undefined) return;
  const { namespace, qualifier } = conformanceTable;
  if (before.isNamed !== false) tx.put(nameKind, [namespace, qualifier], conformanceTableId);
  tx.put(tableKind, [conformanceTableId], {
    descriptor: { name: conformanceTable, families: [familyDescriptor('f')], attributes: {} },
    state: table.state,
    createdAtMs: 1,
    droppedAtMs: undefined,
  });
  const keys = table.regions.slice(1).map((_, index) => Buffer.from(`k${index}`));
  rangesOf(keys).forEach((range, index) => {
    const region = regionBefore(index, range, table.regions[index] ?? 'open');
    tx.put(regionKind, regionKeyOf(region), region);
    for (let file = 0; file < (before.files ?? 0); file++) {
      const object = `data/00/1-${index * 10 + file}-hfile`;
      tx.put(fileKind, [region.regionId, 'f', object], sampleFile(object));
    }
  });
}

function regionBefore(
  index: number,
  range: Pick<RegionRecord, 'startKey' | 'endKey'>,
  state: RegionState,
): RegionRecord {
  return sampleRegion(conformanceRegion(index), {
    ...range,
    tableId: conformanceTableId,
    state,
    server: state === 'open' ? firstServer : undefined,
    generation: 1 as Generation,
    openSequence: 2 as Sequence,
    lastServer: firstServer,
    lastHost: 'host:16021',
  });
}

/** What matters to users: neither ids nor times, neither generations nor which server. */
function stateText(view: CatalogView): string {
  const lines: string[] = [];
  const count = (kind: { readonly name: string }, entries: Iterable<unknown>) =>
    lines.push(`${kind.name}: ${[...entries].length}`);
  for (const { key } of view.scan(nameKind)) lines.push(`name ${key.join(':')}`);
  for (const { value } of view.scan(tableKind)) lines.push(`table ${value.state}`);
  for (const { value } of view.scan(regionKind)) {
    const { startKey, state, server, slices } = value;
    const holder = server === undefined ? 'nobody' : 'a server';
    lines.push(`region ${startKey.toString()} ${state} by ${holder}, ${slices.length} slices`);
  }
  for (const { key, value } of view.scan(serverKind)) lines.push(`server ${key[0]} ${value.state}`);
  count(fileKind, view.scan(fileKind));
  count(logKind, view.scan(logKind));
  count(sortedLogKind, view.scan(sortedLogKind));
  const candidates = [...view.scan(candidateKind)].map(({ key }) => key[1]);
  // Not the catalog's own checkpoints.
  count(
    candidateKind,
    candidates.filter((name) => name.startsWith('data/')),
  );
  return lines.join('\n');
}
