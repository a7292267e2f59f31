// The conformance harness: every procedure type is run through it, or CI fails.
//
// A scenario says how to build a world and what to submit. The harness runs it undisturbed, and then
// again for every way of disturbing it: killed before and after every record, cancelled after every
// record and killed in every record of the rollback, every async part and undo run twice, every
// transaction's body run twice, every message lost, doubled, late. Each run must end with the same
// durable state as the undisturbed one, or, rolled back, as if it had never been (races P1, P2, P16).

import { assert } from '../../base/assert.js';
import type { ProcedureId } from '../../base/ids.js';
import type { ProcedureEngine, ProcedureResult, SubmitOptions } from '../api.js';
import type { ProcedureType, RunnableStep } from '../definition.js';
import type { Committed, ProcedureStore } from '../store.js';
import type { Answers } from './simulated-servers.js';

/** What the harness puts around the parts of one life. */
export interface ConformanceHooks<Tx> {
  /** Around the store that the engine gets. */
  store(store: ProcedureStore<Tx>): ProcedureStore<Tx>;
  /** Around the types that the engine gets. */
  types(types: readonly ProcedureType<unknown>[]): readonly ProcedureType<unknown>[];
  /** What the world's servers do with messages; give it to `SimulatedServers`. */
  readonly answers: Answers;
}

/** A small cluster whose master can be killed and started again, in virtual time. */
export interface ConformanceWorld<Tx> {
  /** Starts a master on what is durable: its engine, loaded and started. */
  boot(): Promise<ProcedureEngine<Tx>>;
  /** Ends the master at once. */
  kill(): void;
  /** Lets virtual time pass until `isDone`; throws if it never is. */
  drive(isDone: () => boolean): Promise<void>;
  /**
   * What is durable, as text, without procedures' rows and whatever may differ between runs that
   * are equal to their users (ids, times).
   */
  state(): string | Promise<string>;
}

export interface ConformanceScenario<Tx> {
  /** What it shows, after the type's name. */
  readonly name: string;
  readonly type: ProcedureType<unknown>;
  /** A world as it is before the procedure is submitted; the same each time. */
  readonly world: (hooks: ConformanceHooks<Tx>) => ConformanceWorld<Tx>;
  /** Submits it with these options (a nonce, so that a repeat is the same procedure). */
  readonly submit: (engine: ProcedureEngine<Tx>, options: SubmitOptions) => Committed<ProcedureId>;
  /** How it ends undisturbed; default `succeeded`. */
  readonly ends?: 'succeeded' | 'failed';
  /** Cancelled at these records only: at most so many, spread evenly; default 12. */
  readonly cancelPointsMax?: number;
}

interface Disturbance {
  /** The number of the record, from 1. */
  readonly killAt?: { readonly record: number; readonly when: 'before' | 'after' };
  readonly cancelAfter?: number;
  readonly isTwice?: boolean;
  readonly answers?: Answers;
}

interface Run {
  readonly records: number;
  readonly result: ProcedureResult;
  readonly state: string;
}

const cancelPointsDefault = 12;
const nonce = 'conformance';
const answersDisturbed: readonly Answers[] = ['lost', 'request-lost', 'double', 'late'];

/** Runs one scenario through everything. Throws with the disturbance that broke it. */
export async function checkConformance<Tx>(scenario: ConformanceScenario<Tx>): Promise<void> {
  const normal = await runDisturbed(scenario, {});
  const ends = scenario.ends ?? 'succeeded';
  assert(normal.result.kind === ends, `${title(scenario)} ${describe(normal.result)} undisturbed`);
  const untouched = await stateBefore(scenario);
  const check = async (disturbance: Disturbance): Promise<Run> => {
    const run = await runDisturbed(scenario, disturbance);
    const isUndone = disturbance.cancelAfter !== undefined && run.result.kind === 'failed';
    const expected = isUndone ? untouched : normal.state;
    const how = `${title(scenario)} with ${JSON.stringify(disturbance)}`;
    assert(
      isUndone || run.result.kind === ends,
      `${how} ends as undisturbed, but ${describe(run.result)}`,
    );
    assert(run.state === expected, `${how} leaves\n${run.state}\ninstead of\n${expected}`);
    return run;
  };
  await check({ isTwice: true });
  for (const answers of answersDisturbed) await check({ answers });
  for (let record = 1; record <= normal.records; record++) {
    for (const when of ['before', 'after'] as const) await check({ killAt: { record, when } });
  }
  if (ends === 'failed') return;
  const points = spread(normal.records, scenario.cancelPointsMax ?? cancelPointsDefault);
  for (const cancelAfter of points) {
    const cancelled = await check({ cancelAfter });
    await check({ cancelAfter, isTwice: true });
    for (let record = cancelAfter + 1; record <= cancelled.records; record++) {
      for (const when of ['before', 'after'] as const) {
        await check({ cancelAfter, killAt: { record, when } });
      }
    }
  }
}

/** Fails if a type has no scenario: call it with all types of the master. */
export function assertAllTypesCovered(
  types: readonly ProcedureType<unknown>[],
  scenarios: readonly { readonly type: ProcedureType<unknown> }[],
): void {
  const covered = new Set(scenarios.map(({ type }) => type.type));
  const missing = types.filter(({ type }) => !covered.has(type)).map(({ type }) => type);
  assert(missing.length === 0, `types without a conformance scenario: ${missing.join(', ')}`);
}

/**
 * The bytes of an input and of a new procedure's state, as text for a golden file that is kept for
 * every version of the type.
 */
export function goldenOf<Input>(type: ProcedureType<Input>, input: Input): string {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const state = type.state.encode(type.initial(input));
  return `input ${hex(type.input.encode(input))}\nstate ${hex(state)}\n`;
}

/** Decodes a golden file of any version; throws if this version of the type cannot. */
export function decodeGolden<Input>(
  type: ProcedureType<Input>,
  version: number,
  text: string,
): { readonly input: Input; readonly state: unknown } {
  const match = /^input ([0-9a-f]*)\nstate ([0-9a-f]*)\n$/.exec(text);
  assert(match !== null, `the golden file of ${type.type} version ${version} has its form`);
  const bytes = (hex: string | undefined): Buffer => Buffer.from(hex ?? '', 'hex');
  const input = type.input.decode(bytes(match[1]), version);
  type.locks(input);
  type.group(input);
  return { input, state: type.state.decode(bytes(match[2]), version) };
}

async function stateBefore<Tx>(scenario: ConformanceScenario<Tx>): Promise<string> {
  const life = new Life<Tx>({});
  const world = scenario.world(life);
  await world.boot();
  return world.state();
}

async function runDisturbed<Tx>(
  scenario: ConformanceScenario<Tx>,
  disturbance: Disturbance,
): Promise<Run> {
  const life = new Life<Tx>(disturbance);
  const world = scenario.world(life);
  let isCancelled = false;
  for (;;) {
    let engine: ProcedureEngine<Tx> | undefined;
    let result: ProcedureResult | undefined;
    try {
      engine = await world.boot();
      // A client that got no answer asks again with its nonce.
      const id = scenario.submit(engine, { nonce }).value;
      engine.whenEnded(id, (ended) => {
        result = ended;
      });
      // oxlint-disable-next-line no-loop-func -- both live exactly as long as this round
      await world.drive(() => life.isKillDue || life.isCancelDue || result !== undefined);
      if (life.isCancelDue && !isCancelled && !life.isKillDue) {
        isCancelled = true;
        life.isCancelDue = false;
        if (result === undefined) engine.cancel(id);
        // oxlint-disable-next-line no-loop-func -- as above
        await world.drive(() => life.isKillDue || result !== undefined);
      }
    } catch (error) {
      if (!life.isKillDue) throw error;
    }
    if (!life.isKillDue) {
      assert(result !== undefined, `${title(scenario)} ended`);
      await settle(world, engine);
      return { records: life.records, result, state: await world.state() };
    }
    life.nextMaster();
    world.kill();
  }
}

/** Lets what follows the end (children, messages) come to rest. */
async function settle<Tx>(
  world: ConformanceWorld<Tx>,
  engine: ProcedureEngine<Tx> | undefined,
): Promise<void> {
  await world.drive(
    () => engine?.list({ phases: ['forward', 'rolling-back'] }).procedures.length === 0,
  );
  assert(engine?.faults().length === 0, `L7 holds: ${engine?.faults().join('; ')}`);
}

class KilledError extends Error {
  override readonly name = 'KilledError';
}

/** The hooks of one run, over all lives of its master. */
class Life<Tx> implements ConformanceHooks<Tx> {
  readonly answers: Answers;
  readonly #disturbance: Disturbance;
  /** Records written so far. */
  records = 0;
  isKillDue = false;
  isCancelDue = false;
  #generation = 0;

  constructor(disturbance: Disturbance) {
    this.#disturbance = disturbance;
    this.answers = disturbance.answers ?? 'normal';
  }

  /** The stores of earlier masters write nothing more. */
  nextMaster(): void {
    this.isKillDue = false;
    this.#generation++;
  }

  types(types: readonly ProcedureType<unknown>[]): readonly ProcedureType<unknown>[] {
    return this.#disturbance.isTwice === true ? types.map(runTwice) : types;
  }

  store(store: ProcedureStore<Tx>): ProcedureStore<Tx> {
    const generation = this.#generation;
    return {
      load: () => store.load(),
      transact: (body) => {
        if (generation !== this.#generation || this.isKillDue) throw new KilledError();
        if (this.#disturbance.isTwice === true) tryInVain(store, body);
        return this.#transact(store, body);
      },
    };
  }

  #transact<T>(
    store: ProcedureStore<Tx>,
    body: Parameters<ProcedureStore<Tx>['transact']>[0],
  ): Committed<T> {
    const { killAt, cancelAfter } = this.#disturbance;
    let isWritten = false;
    const record = this.records + 1;
    const isFatal = killAt?.record === record;
    const committed = store.transact<T>((tx, writes) => {
      const value = body(tx, {
        allocateId: () => writes.allocateId(),
        put: (id, bytes) => {
          isWritten = true;
          writes.put(id, bytes);
        },
        delete: (id) => {
          isWritten = true;
          writes.delete(id);
        },
      });
      if (isWritten && isFatal && killAt.when === 'before') {
        this.isKillDue = true;
        this.records = record;
        throw new KilledError();
      }
      return value as T;
    });
    if (!isWritten) return committed;
    this.records = record;
    if (isFatal) {
      committed.whenDurable(() => {
        this.isKillDue = true;
      });
      // The master dies before it hears that the record is durable.
      return silent(committed.value);
    }
    if (cancelAfter === record) {
      committed.whenDurable(() => {
        this.isCancelDue = true;
      });
    }
    return committed;
  }
}

function silent<T>(value: T): Committed<T> {
  return { value, whenDurable: () => {}, durable: () => new Promise(() => {}) };
}

/** Runs the body in a transaction that comes to nothing: what it did outside of it happens twice. */
function tryInVain<Tx>(
  store: ProcedureStore<Tx>,
  body: Parameters<ProcedureStore<Tx>['transact']>[0],
): void {
  const vain = new KilledError();
  try {
    store.transact((tx, writes) => {
      body(tx, writes);
      throw vain;
    });
  } catch {
    // Either ours, or the body's own error, which the real run throws again.
  }
}

/** The type with every async part, forward and back, run twice. */
function runTwice(type: ProcedureType<unknown>): ProcedureType<unknown> {
  const steps = new Map<string, RunnableStep>();
  for (const [name, step] of type.steps) {
    const { before, undo } = step;
    steps.set(name, {
      ...step,
      before: before && (async (run) => (await before(run), before(run))),
      undo:
        typeof undo === 'object'
          ? { ...undo, before: async (run) => (await undo.before(run), undo.before(run)) }
          : undo,
    });
  }
  return { ...type, steps };
}

function spread(count: number, pointsMax: number): readonly number[] {
  if (count <= pointsMax) return Array.from({ length: count }, (_, index) => index + 1);
  return Array.from({ length: pointsMax }, (_, index) =>
    Math.round(1 + (index * (count - 1)) / (pointsMax - 1)),
  );
}

function title<Tx>(scenario: ConformanceScenario<Tx>): string {
  return `${scenario.type.type}: ${scenario.name}`;
}

function describe(result: ProcedureResult): string {
  return result.kind === 'failed' ? `failed: ${result.error.message}` : result.kind;
}
