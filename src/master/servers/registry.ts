// The region servers: who is registered, who is alive, who is declared crashed.
//
// Invariants:
// 1. A crash is one record: the server's state and the procedure that recovers it. From that record
//    on everything of the incarnation is refused (`stale-incarnation`), and it must stop (race A3).
// 2. A server is declared crashed on proof of its exit at once, else when it was silent for
//    `cadastre.server.silence.ms` by our own clock. On a local root no lease has to be waited for:
//    sealing its log is visible to it at once (page 4).
// 3. A server restored from the catalog is given nothing new before it has spoken to this master, and
//    nobody is given anything before the wait for servers is over, so that the first is not given all.

import { CadastreError } from '../../base/errors.js';
import type { Incarnation } from '../../base/ids.js';
import type { Settings } from '../../base/settings.js';
import type { Catalog, Committed, Transaction } from '../../catalog/api.js';
import { addLog } from '../../catalog/log-needs.js';
import type { ServerRecord } from '../../catalog/records/servers.js';
import { serverKind } from '../../catalog/records/servers.js';
import type { ProcedureEngine } from '../../procedure/api.js';
import type { LogStore } from '../../storage/log.js';
import { serverLogName } from '../../storage/names.js';
import type { Clock, Timer } from '../../world/clock.js';
import type { Logger } from '../../world/log.js';
import type { ProcessControl } from '../../world/process.js';
import type { RegionImage } from '../assignment/image.js';
import type { PlacementServer } from '../assignment/placement.js';
import { addressText, events, onlineServer } from '../context.js';
import { limits } from '../limits.js';
import { ServerCrash } from './server-crash.js';
import { ServerSession } from './session.js';

export interface RegistryParts {
  readonly catalog: Catalog;
  readonly engine: ProcedureEngine<Transaction>;
  readonly image: RegionImage;
  readonly logs: LogStore;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly process: ProcessControl;
  readonly log: Logger;
}

/** A server that registers. */
export interface Registration extends Omit<ServerRecord, 'state' | 'log' | 'registeredAtMs'> {
  readonly incarnation: Incarnation;
}

export class ServerRegistry {
  readonly #parts: RegistryParts;
  readonly #sessions = new Map<Incarnation, ServerSession>();
  #timer: Timer | undefined;
  #expectsStops = false;
  #isStopped = false;
  #isPlacing = false;
  #awaited: { readonly servers: number; readonly done: () => void }[] = [];
  #replacedAtStart = 0;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
  }

  /** Takes over the servers that the catalog says are online; their operations go on. */
  load(): void {
    const { catalog, clock, engine } = this.#parts;
    for (const { key, value } of catalog.tail.scan(serverKind)) {
      if (value.state !== 'online') continue;
      const [incarnation] = key;
      this.#sessions.set(incarnation, new ServerSession(incarnation, value, clock.monotonic()));
      engine.serverJoined(incarnation);
    }
  }

  /** Declares crashed what is provably gone, and watches the others from now on. */
  start(): void {
    const before = this.sessions;
    for (const session of before) this.#look(session);
    if (this.#sessions.size === 0) this.#replacedAtStart = before.length;
    this.#watch();
  }

  /** After a restart of everything: as many servers as there were will come again. */
  get expectedServers(): number {
    return this.#replacedAtStart;
  }

  /** Regions may be given to servers from now on: there are enough of them, or none will come. */
  beginPlacing(): void {
    this.#isPlacing = true;
    this.#parts.engine.signal(events.serverJoined);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** Servers that are not declared crashed, in order of incarnation. */
  get sessions(): readonly ServerSession[] {
    return [...this.#sessions.values()].sort((a, b) => a.incarnation - b.incarnation);
  }

  /** The session of a server that may speak. Throws `stale-incarnation`: it must stop. */
  require(incarnation: Incarnation): ServerSession {
    const session = this.#sessions.get(incarnation);
    if (session !== undefined && this.#isOnline(incarnation)) return session;
    throw staleIncarnation(incarnation);
  }

  find(incarnation: Incarnation): ServerSession | undefined {
    return this.#sessions.get(incarnation);
  }

  /** Servers that may work. */
  get ready(): number {
    return this.sessions.filter(({ isHeard }) => isHeard).length;
  }

  /** Calls `done` once that many servers may work, at once if they may. */
  whenReady(servers: number, done: () => void): void {
    if (this.ready >= servers) done();
    else this.#awaited.push({ servers, done });
  }

  /** Where regions may be opened now; nowhere before `beginPlacing`. */
  candidates(): readonly PlacementServer[] {
    if (!this.#isPlacing) return [];
    const servers: PlacementServer[] = [];
    for (const { incarnation, record, isHeard } of this.#sessions.values()) {
      if (!isHeard || !this.#isOnline(incarnation)) continue;
      const regions = this.#parts.image.load(incarnation);
      servers.push({ incarnation, address: addressText(record), regions });
    }
    return servers;
  }

  /**
   * Registers a server, again after a change of the master. Rejects with `stale-incarnation` for one
   * that was declared crashed, or whose log is sealed. Durable when it resolves.
   */
  async register({ incarnation, ...about }: Registration): Promise<ServerSession> {
    const { catalog, clock, engine, log, logs } = this.#parts;
    const name = serverLogName(incarnation);
    if ((await logs.end(name)) !== undefined) throw staleIncarnation(incarnation);
    const committed = catalog.transact((tx) => {
      const known = tx.get(serverKind, [incarnation]);
      if (known !== undefined && known.state !== 'online') throw staleIncarnation(incarnation);
      const registeredAtMs = known?.registeredAtMs ?? clock.now();
      const record: ServerRecord = { ...about, state: 'online', log: name, registeredAtMs };
      tx.put(serverKind, [incarnation], record);
      if (known === undefined) addLog(tx, incarnation, name);
      return record;
    });
    await committed.durable();
    // It may have been declared crashed while its registration was written.
    if (!this.#isOnline(incarnation)) throw staleIncarnation(incarnation);
    const session = new ServerSession(incarnation, committed.value, clock.monotonic());
    session.hear(clock.monotonic());
    this.#sessions.set(incarnation, session);
    engine.serverJoined(incarnation);
    log.info('server registered', { server: incarnation, address: addressText(about) });
    this.#declareReplaced(session);
    engine.signal(events.serverJoined);
    const { ready } = this;
    for (const { done } of this.#awaited.filter(({ servers }) => servers <= ready)) done();
    this.#awaited = this.#awaited.filter(({ servers }) => servers > ready);
    return session;
  }

  /**
   * Declares an incarnation crashed: nothing of it counts from this record on, and its regions are
   * recovered. Once; undefined if it is not online.
   */
  declareCrashed(incarnation: Incarnation, reason: string): Committed<unknown> | undefined {
    if (!this.#isOnline(incarnation)) return undefined;
    const { engine, log } = this.#parts;
    if (this.#expectsStops) log.info('server stopped', { server: incarnation, reason });
    else log.warn('server declared crashed', { server: incarnation, reason });
    this.#sessions.delete(incarnation);
    const committed = engine.transact((tx, procedures) => {
      const record = onlineServer(tx, incarnation);
      if (record === undefined) return undefined;
      tx.put(serverKind, [incarnation], { ...record, state: 'crashed' });
      return procedures.submit(ServerCrash, { server: incarnation });
    });
    committed.whenDurable(() => engine.serverDied(incarnation));
    return committed as Committed<unknown>;
  }

  /** The whole cluster is being stopped: that servers end is no news. */
  expectStops(): void {
    this.#expectsStops = true;
  }

  /** Proof from the launcher: its child with this process id has ended. */
  processExited(pid: number): void {
    const { bootId, pidNamespace } = this.#parts.process.identity();
    for (const { incarnation, record } of this.sessions) {
      const { process } = record;
      // A process id says nothing beyond its own machine and namespace (race A23).
      const isHere = process.bootId === bootId && process.pidNamespace === pidNamespace;
      if (isHere && process.pid === pid) {
        this.declareCrashed(incarnation, `its process ${pid} has exited`);
      }
    }
  }

  /** Something went wrong in speaking with it: looks at once whether it is gone. */
  suspect(incarnation: Incarnation): void {
    const session = this.#sessions.get(incarnation);
    if (session !== undefined) this.#look(session);
  }

  #isOnline(incarnation: Incarnation): boolean {
    return onlineServer(this.#parts.catalog.tail, incarnation) !== undefined;
  }

  /** Who listens on the same address with a higher incarnation has taken a dead server's place. */
  #declareReplaced(by: ServerSession): void {
    for (const { incarnation, record } of this.sessions) {
      if (incarnation < by.incarnation && addressText(record) === addressText(by.record)) {
        this.declareCrashed(incarnation, `server ${by.incarnation} listens on its address`);
      }
    }
  }

  #watch(): void {
    if (this.#isStopped) return;
    const { clock } = this.#parts;
    const sinceMs = clock.monotonic();
    this.#timer = clock.timer(limits.livenessMs, () => {
      const lateMs = clock.monotonic() - sinceMs - limits.livenessMs;
      // This process itself stood still: it cannot tell who was silent meanwhile.
      const pardonMs = lateMs > limits.livenessMs ? lateMs : 0;
      for (const session of this.sessions) {
        session.heardAtMs += pardonMs;
        this.#look(session);
      }
      this.#watch();
    });
  }

  #look({ incarnation, record, heardAtMs }: ServerSession): void {
    const { clock, process, settings } = this.#parts;
    if (process.look(record.process) === 'gone') {
      this.declareCrashed(incarnation, `its process ${record.process.pid} is gone`);
      return;
    }
    const silentMs = clock.monotonic() - heardAtMs;
    if (silentMs >= settings.get('cadastre.server.silence.ms')) {
      this.declareCrashed(incarnation, `it was silent for ${Math.round(silentMs)} ms`);
    }
  }
}

function staleIncarnation(incarnation: Incarnation): CadastreError {
  return new CadastreError(
    'stale-incarnation',
    `server ${incarnation} is not one of the live servers any more: its regions are served elsewhere`,
    { nextStep: 'Stop; a restarted server gets a new incarnation.' },
  );
}
