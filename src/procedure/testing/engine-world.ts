// A simulated master for tests of the engine: virtual time, a store that outlives kills, servers that
// execute operations once. `boot` starts an engine, `kill` ends it between two events.

import type { Epoch, Incarnation } from '../../base/ids.js';
import type { LogFields, Logger } from '../../world/log.js';
import { SimClock } from '../../world/simulated/clock.js';
import { SimLife } from '../../world/simulated/life.js';
import { SimRandom } from '../../world/simulated/random.js';
import { SimScheduler } from '../../world/simulated/scheduler.js';
import type { ProcedureEngine, SendBatch } from '../api.js';
import type { ProcedureType } from '../definition.js';
import { createProcedureEngine } from '../engine.js';
import { remoteDefaults } from '../remote.js';
import type { ConformanceHooks } from './harness.js';
import { MemoryDisk, MemoryStore } from './memory-store.js';
import type { MemoryTx } from './memory-store.js';

/** What the steps of test procedures use. */
export interface TestContext {
  /** Effects outside the catalog: each key counts how often it was done. */
  readonly outside: Map<string, number>;
  readonly clock: SimClock;
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

export class EngineWorld {
  readonly scheduler: SimScheduler;
  readonly random: SimRandom;
  readonly disk: MemoryDisk;
  readonly outside = new Map<string, number>();
  readonly lines: LogLine[] = [];
  readonly #types: readonly ProcedureType<unknown>[];
  readonly #hooks: ConformanceHooks<MemoryTx> | undefined;
  readonly #isQuiet: boolean;
  #life: SimLife;
  #epoch = 0;
  /** The present store; breaking it down is a failed write. */
  store: MemoryStore;
  clock: SimClock;
  send: SendBatch = () => Promise.resolve();
  /** Keeps what is logged in `lines`. */
  readonly logger: Logger = this.#logger({});
  engine: ProcedureEngine<MemoryTx>;

  constructor(
    types: readonly ProcedureType<unknown>[],
    options: {
      readonly seed?: number;
      readonly hooks?: ConformanceHooks<MemoryTx>;
      /** What an earlier world left. */
      readonly disk?: MemoryDisk;
      /** Keeps no log lines. */
      readonly isQuiet?: boolean;
    } = {},
  ) {
    this.disk = options.disk ?? new MemoryDisk();
    this.random = new SimRandom(options.seed ?? 1);
    this.scheduler = new SimScheduler(this.random);
    this.#hooks = options.hooks;
    this.#isQuiet = options.isQuiet ?? false;
    this.#types = options.hooks?.types(types) ?? types;
    const first = this.#newLife();
    this.#life = first.life;
    this.clock = first.clock;
    this.store = first.store;
    this.engine = first.engine;
  }

  /** Loads and starts the present engine. */
  async boot(options: { readonly paused?: boolean; readonly servers?: readonly number[] } = {}) {
    const report = await this.settle(this.engine.load());
    for (const server of options.servers ?? []) this.engine.serverJoined(server as Incarnation);
    this.engine.start(options.paused === undefined ? {} : { paused: options.paused });
    return report;
  }

  /** Ends the process: nothing of it runs again, what was not durable is gone. */
  kill(): void {
    this.#life.kill();
    this.store.breakDown();
    const next = this.#newLife();
    this.#life = next.life;
    this.clock = next.clock;
    this.store = next.store;
    this.engine = next.engine;
  }

  /** Lets virtual time pass until the promise settles; it must. */
  async settle<T>(promise: Promise<T>, withinMs = 3_600_000): Promise<T> {
    let isSettled = false;
    const mark = (): void => {
      isSettled = true;
    };
    promise.then(mark, mark);
    await this.driveUntil(() => isSettled, withinMs);
    return promise;
  }

  /** Lets virtual time pass until it is so; it must be. */
  async driveUntil(isDone: () => boolean, withinMs = 3_600_000): Promise<void> {
    const how = await this.scheduler.drive(isDone, this.scheduler.nowMs + withinMs);
    if (how !== 'done') throw new Error(`it never came to be: ${how}`);
  }

  /** The key space and the outside, as text. */
  state(): string {
    const lines = [...this.disk.values].map(([key, value]) => `${key}=${value}`);
    for (const [key, count] of this.outside) lines.push(`outside ${key}=${count}`);
    return lines.sort().join('\n');
  }

  /** Lets virtual time pass. */
  async run(ms: number): Promise<void> {
    await this.scheduler.drive(() => false, this.scheduler.nowMs + ms);
  }

  /** Messages of one procedure's lines, in order. */
  story(pid: number): readonly string[] {
    return this.lines.filter(({ fields }) => fields['pid'] === pid).map(({ message }) => message);
  }

  #newLife() {
    const life = new SimLife(`master-${++this.#epoch}`, this.scheduler);
    const clock = new SimClock(life);
    const store = new MemoryStore(this.disk, { clock, afterMs: 1 });
    const engine = createProcedureEngine<TestContext, MemoryTx>({
      store: this.#hooks?.store(store) ?? store,
      context: { outside: this.outside, clock },
      types: this.#types,
      clock,
      random: this.random.fork(`engine-${this.#epoch}`),
      log: this.logger,
      epoch: this.#epoch as Epoch,
      send: (batch) => this.send(batch),
      remote: remoteDefaults,
    });
    return { life, clock, store, engine };
  }

  #logger(fields: LogFields): Logger {
    const at = (level: string) => (message: string, more?: LogFields) => {
      if (!this.#isQuiet) this.lines.push({ level, message, fields: { ...fields, ...more } });
    };
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      with: (more) => this.#logger({ ...fields, ...more }),
    };
  }
}
