// One simulated run: a cluster under a seed, clients and faults for a while, then quiet, then everything
// is checked (page 8).

import { Settings } from '../src/base/settings.js';
import { Client } from '../src/client/client.js';
import type { World } from '../src/world/world.js';
import type { SimLogLine } from '../src/world/simulated/logger.js';
import type { SimRandom } from '../src/world/simulated/random.js';
import { Simulation } from '../src/world/simulated/simulation.js';
import { accountStore, checkCatalog, whyUnsettled } from './checks/catalog.js';
import { checkAuditor, checkServing, watchServing } from './checks/serving.js';
import { SimClient } from './client.js';
import { elsewhere, masterAddress, SimCluster } from './cluster.js';
import { explainCounter } from './counters.js';
import { Faults, someFaults } from './faults.js';
import type { FaultKind } from './faults.js';
import type { TableHistory } from './history.js';
import { explainRow } from './linearizability.js';
import { moveSomeRegion } from './workload/moves.js';
import { Model, Violation } from './workload/model.js';
import type { TableModel } from './workload/model.js';
import { RowClient, scanTable } from './workload/rows.js';
import { TableClient } from './workload/tables.js';

export interface RunOptions {
  readonly seed: number;
  /** Virtual milliseconds with faults; default: by the seed. */
  readonly faultyMs?: number;
  /** Kinds of faults that are left out; default: none. */
  readonly without?: ReadonlySet<FaultKind>;
}

export interface RunReport {
  readonly seed: number;
  /** Virtual milliseconds with faults. */
  readonly faultyMs: number;
  readonly virtualMs: number;
  readonly events: number;
  readonly digest: string;
  readonly failure: string | undefined;
  readonly counts: ReadonlyMap<string, number>;
  readonly exits: readonly string[];
  /** Warnings and errors of all nodes, the latest. */
  readonly log: readonly string[];
  /** The latest events. */
  readonly trace: readonly string[];
}

/** Longest that a cluster may take to be well again once nothing goes wrong any more (L7). */
const settleMs = 90_000;
/** Clients' last operations may wait for a whole operation's time-out, twice. */
const finishMs = 240_000;

export async function runSeed(options: RunOptions): Promise<RunReport> {
  const run = new SeededRun(options);
  const failure = await run.toEnd();
  return { ...run.report(), failure };
}

class SeededRun {
  readonly #seed: number;
  readonly #simulation: Simulation;
  readonly #random: SimRandom;
  readonly #cluster: SimCluster;
  readonly #model: Model;
  readonly #faults: Faults;
  readonly #faultyMs: number;
  readonly #client: Client;
  readonly #clientNames: readonly string[];
  readonly #violated = rejectable();
  readonly #ended: TableHistory[] = [];
  /** Clients that have not finished. */
  readonly #atWork = new Set<string>();

  constructor({ seed, faultyMs, without = new Set() }: RunOptions) {
    this.#seed = seed;
    this.#simulation = new Simulation(seed);
    this.#random = this.#simulation.random.fork('run');
    const random = this.#random;
    // Drawn in any case, so that the rest stays the same under a shorter time.
    const usualMs = random.between(5_000, 40_000);
    this.#faultyMs = faultyMs ?? usualMs;
    this.#cluster = new SimCluster({
      simulation: this.#simulation,
      settings: settingsOf(random),
      servers: 1 + random.below(3),
    });
    this.#model = new Model(1 + random.below(3));
    this.#clientNames = Array.from({ length: 1 + random.below(6) }, (_, i) => `client-${i + 1}`);
    const observer = this.#simulation.node('observer', elsewhere);
    this.#client = clientOf(observer.world);
    const pauseMost = random.between(200, 5_000);
    this.#faults = new Faults({
      cluster: this.#cluster,
      random: this.#simulation.random.fork('faults'),
      clock: observer.clock,
      pauseMs: [20, pauseMost],
      weights: someFaults,
      clients: this.#clientNames,
      writing: () => [...this.#model.writing],
      without,
      count: (what) => this.#model.count(`fault ${what}`),
    });
  }

  report(): Omit<RunReport, 'failure'> {
    return {
      seed: this.#seed,
      faultyMs: this.#faultyMs,
      virtualMs: this.#simulation.nowMs,
      events: this.#simulation.trace.count,
      digest: this.#simulation.trace.digest(),
      counts: this.#model.counts,
      exits: this.#cluster.exits,
      log: this.#simulation.logLines.filter(({ level }) => level !== 'debug').map(lineText),
      trace: this.#simulation.trace.lines(),
    };
  }

  /** What went wrong; undefined: nothing. */
  async toEnd(): Promise<string | undefined> {
    try {
      await this.#withFaults();
      await this.#settle();
      if (this.#random.chance(0.5)) {
        this.#faults.happen('powerLoss');
        await this.#settle();
      }
      await this.#checkEverything();
      return undefined;
    } catch (error) {
      return error instanceof Violation ? error.message : textOf(error);
    }
  }

  async #withFaults(): Promise<void> {
    const { clock } = this.#simulation.node('observer');
    this.#cluster.start();
    watchServing(this.#cluster, clock, (violation) => this.#violated.reject(violation));
    const clients = [...this.#tableClients(), ...this.#rowClients()].map((client) =>
      client
        .run()
        .catch((error: unknown) => this.#violated.reject(error))
        .finally(() => this.#atWork.delete(client.name)),
    );
    const faults = this.#faults.run().catch((error: unknown) => this.#violated.reject(error));
    await this.#drive(clock.sleep(this.#faultyMs), 'the faults', this.#faultyMs * 2);
    this.#faults.stop();
    this.#model.isOver = true;
    const name = 'the last operations';
    await this.#drive(Promise.all([...clients, faults]), name, finishMs, () =>
      [...this.#atWork, whyUnsettled(this.#cluster)].join('; '),
    );
  }

  /** Runs the world until `work` is done, or something is found to be wrong. */
  async #drive(
    work: Promise<unknown>,
    name: string,
    limitMs: number,
    explain?: () => string,
  ): Promise<void> {
    const { clock } = this.#simulation.node('observer');
    const late = clock.sleep(limitMs).then(() => {
      throw new Violation(`${name}: not done after ${limitMs} ms: ${explain?.() ?? ''}`);
    });
    // Whichever is first counts; the others may fail later, and nobody is told.
    late.catch(() => undefined);
    await this.#simulation.run(Promise.race([work, this.#violated.promise, late]), { name });
  }

  async #settle(): Promise<void> {
    const { clock } = this.#simulation.node('observer');
    let reason: string | undefined = 'it was not looked at';
    const sinceMs = this.#simulation.nowMs;
    const settled = async (): Promise<void> => {
      for (;;) {
        checkServing(this.#cluster);
        checkAuditor(this.#cluster);
        reason = whyUnsettled(this.#cluster);
        if (reason === undefined) return;
        if (this.#simulation.nowMs - sinceMs > settleMs) {
          throw new Violation(`L7: not settled after ${settleMs} ms without faults: ${reason}`);
        }
        await clock.sleep(20);
      }
    };
    await this.#drive(settled(), 'settling', 2 * settleMs);
  }

  async #checkEverything(): Promise<void> {
    checkCatalog(this.#cluster);
    for (const table of this.#model.tables) {
      await this.#drive(this.#checkTable(table), `the check of ${table.name}`, finishMs);
    }
    for (const history of this.#ended) checkHistory(history);
    await this.#drive(this.#checkStore(), 'the check of the store', finishMs);
    checkAuditor(this.#cluster);
  }

  async #checkTable(table: TableModel): Promise<void> {
    const options = { rowsPerAnswer: 3, by: 'the end' };
    const counters = await scanTable(this.#client, table, { ...options, reversed: false });
    await scanTable(this.#client, table, { ...options, reversed: true });
    checkHistory(table.history);
    for (const [row, operations] of table.history.counters) {
      const problem = explainCounter(operations, counters.get(row) ?? 0);
      if (problem !== undefined) throw new Violation(`counter ${row} of ${table.name}: ${problem}`);
    }
  }

  /** Nothing leaks: once the collector has been around, everything there is referred to. */
  async #checkStore(): Promise<void> {
    const { master } = this.#cluster;
    if (master === undefined) throw new Violation('there is no master');
    const { clock } = this.#simulation.node('observer');
    const { objects } = this.#simulation.node('master').world.root;
    // Longer than replaced files are held for readers.
    const untilMs = this.#simulation.nowMs + 60_000;
    for (;;) {
      const { orphans, problem } = await accountStore(this.#cluster, master, objects);
      if (problem === undefined) {
        if (orphans.length > 0) this.#model.count('runs with orphans');
        return;
      }
      if (this.#simulation.nowMs > untilMs) throw new Violation(`L6: at the end ${problem}`);
      await clock.sleep(500);
    }
  }

  #rowClients(): readonly RowClient[] {
    return this.#clientNames.map((name) => {
      const { world } = this.#simulation.node(name, elsewhere);
      this.#atWork.add(name);
      return new RowClient({
        name,
        model: this.#model,
        random: this.#simulation.random.fork(name),
        attempts: new SimClient(world, masterAddress),
        client: clientOf(world),
        pauseMs: [0, this.#random.between(5, 200)],
        paddingBytes: this.#random.below(12_000),
      });
    });
  }

  #tableClients(): readonly TableClient[] {
    const { world, clock } = this.#simulation.node('administrator', elsewhere);
    const client = clientOf(world);
    return this.#model.tables.map((table) => {
      this.#atWork.add(`the administrator of ${table.name}`);
      return new TableClient({
        name: `the administrator of ${table.name}`,
        model: this.#model,
        table,
        client,
        clock,
        random: this.#simulation.random.fork(`table/${table.name}`),
        pauseMs: [50, this.#random.between(500, 5_000)],
        move: (name) => moveSomeRegion(client, world, name),
        onEnd: (history) => this.#ended.push(history),
      });
    });
  }
}

/** A promise that only ever rejects, and counts as handled. */
function rejectable() {
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<never>((_resolve, rejects) => {
    reject = rejects;
  });
  promise.catch(() => undefined);
  return { promise, reject };
}

function lineText({ atMs, node, level, message, fields, cause }: SimLogLine): string {
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${value}`);
  const why = cause === undefined ? '' : ` because ${textOf(cause)}`;
  return `${atMs.toFixed(3)} ${node} ${level}: ${message} ${rest.join(' ')}${why}`;
}

function checkHistory(history: TableHistory): void {
  for (const [row, operations] of history.rows) {
    const problem = explainRow(operations);
    if (problem !== undefined) {
      throw new Violation(`row ${row} of ${history.name}: its history ${problem}`);
    }
  }
}

function clientOf({ network, clock, random }: World): Client {
  return new Client({ bootstrap: [masterAddress], network, clock, random, user: 'simulated' });
}

/** Small bounds, so that flushes, compactions, checkpoints and collections happen all the time. */
function settingsOf(random: SimRandom): Settings {
  return Settings.parse({
    'hbase.hregion.memstore.flush.size': String(64 * 1_024),
    'hbase.hstore.compaction.min': String(2 + random.below(3)),
    'hbase.hstore.compaction.min.size': String(random.below(200_000)),
    'cadastre.catalog.checkpoint.bytes': String(64 * 1_024),
    'cadastre.collector.interval.ms': String(Math.floor(random.between(200, 3_000))),
    'hbase.procedure.remote.dispatcher.delay.msec': String(random.below(150)),
    'hbase.client.scanner.timeout.period': '10000',
  });
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
