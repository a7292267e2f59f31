// A client that reads and writes rows at random and notes what it saw.
//
// A row holds its value in two families, written by one mutation: a reader who finds two different
// values, or one, has seen half a mutation. A third column makes it large enough for flushes.

import type { Cell } from '../../src/base/cell.js';
import type { Condition, Mutation } from '../../src/base/operations.js';
import type { Client } from '../../src/client/client.js';
import { conditionOf } from '../../src/client/condition.js';
import { mutationOf } from '../../src/client/operations.js';
import type { MutateResponse } from '../../src/wire/client-messages.js';
import type { SimRandom } from '../../src/world/simulated/random.js';
import type { Outcome, SimClient } from '../client.js';
import type { RowValue } from '../history.js';
import { counterKeys, pickOf, rowKeys, Violation } from './model.js';
import type { Model, TableModel } from './model.js';

export interface RowClientParts {
  readonly name: string;
  readonly model: Model;
  readonly random: SimRandom;
  readonly attempts: SimClient;
  /** The real client, for what it may repeat without harm: scans. */
  readonly client: Client;
  readonly pauseMs: readonly [low: number, high: number];
  readonly paddingBytes: number;
}

type Action = (table: TableModel) => Promise<void>;

export class RowClient {
  readonly #parts: RowClientParts;
  readonly #actions: readonly (readonly [weight: number, action: Action])[];
  #nonces = 0;

  constructor(parts: RowClientParts) {
    this.#parts = parts;
    this.#actions = [
      [8, (table) => this.#put(table)],
      [2, (table) => this.#delete(table)],
      [4, (table) => this.#check(table)],
      [3, (table) => this.#batch(table)],
      [4, (table) => this.#increment(table)],
      [6, (table) => this.#get(table)],
      [3, (table) => this.#scan(table)],
    ];
  }

  get name(): string {
    return this.#parts.name;
  }

  async run(): Promise<void> {
    const { model, random, attempts, pauseMs } = this.#parts;
    while (!model.isOver) {
      await attempts.world.clock.sleep(random.between(...pauseMs));
      const table = pickOf(random, model.openTables());
      if (table === undefined) continue;
      table.users++;
      try {
        await this.#pick()(table);
      } finally {
        table.users--;
      }
    }
  }

  #pick(): Action {
    const { random } = this.#parts;
    const total = this.#actions.reduce((sum, [weight]) => sum + weight, 0);
    let at = random.below(total);
    for (const [weight, action] of this.#actions) {
      if (at < weight) return action;
      at -= weight;
    }
    return (table) => this.#get(table);
  }

  async #put(table: TableModel): Promise<void> {
    const row = this.#row();
    const value = this.#parts.model.newValue();
    const { history } = table;
    const began = history.begin();
    const outcome = await this.#mutate(table.name, this.#putOf(row, value));
    this.#note('put', outcome);
    if (outcome.kind === 'refused') return;
    const isUnclear = outcome.kind === 'unknown';
    history.add(row, began, { kind: 'write', value }, this.#parts.name, isUnclear);
  }

  async #delete(table: TableModel): Promise<void> {
    const row = this.#row();
    const { history } = table;
    const began = history.begin();
    const outcome = await this.#mutate(table.name, deleteOf(row));
    this.#note('delete', outcome);
    if (outcome.kind === 'refused') return;
    const isUnclear = outcome.kind === 'unknown';
    history.add(row, began, { kind: 'write', value: undefined }, this.#parts.name, isUnclear);
  }

  /** Writes if the row still holds what it held a moment ago. */
  async #check(table: TableModel): Promise<void> {
    const row = this.#row();
    const { history } = table;
    const expected = await this.#read(table, row);
    if (expected === 'unknown') return;
    const value = this.#parts.model.newValue();
    const began = history.begin();
    const mutation = this.#putOf(row, value);
    const column = 'f:v';
    const condition = conditionOf(
      Buffer.from(row),
      expected.value === undefined ? { column, absent: true } : { column, equals: expected.value },
    );
    const outcome = await this.#mutate(table.name, mutation, condition);
    this.#note('check', outcome);
    if (outcome.kind === 'refused') return;
    const isUnclear = outcome.kind === 'unknown';
    const processed = outcome.kind === 'done' ? outcome.value.processed === true : undefined;
    const effect = { kind: 'check-and-write', expected: expected.value, value, processed } as const;
    history.add(row, began, effect, this.#parts.name, isUnclear);
  }

  /** Puts to several rows of one region in one request. */
  async #batch(table: TableModel): Promise<void> {
    const rows = rowsBeside(this.#row());
    const { history } = table;
    const values = rows.map(() => this.#parts.model.newValue());
    const mutations = rows.map((row, index) => this.#putOf(row, values[index] ?? ''));
    const began = history.begin();
    const outcomes = await this.#parts.attempts.batch(table.name, mutations);
    rows.forEach((row, index) => {
      const outcome = outcomes[index];
      if (outcome === undefined || outcome.kind === 'refused') return;
      const isUnclear = outcome.kind === 'unknown';
      const effect = { kind: 'write', value: values[index] } as const;
      history.add(row, began, effect, this.#parts.name, isUnclear);
    });
    const [first] = outcomes;
    if (first !== undefined) this.#note('batch', first);
  }

  /** By one, with the same nonce until it is known what became of it. */
  async #increment(table: TableModel): Promise<void> {
    const { model, name, random } = this.#parts;
    const row = pickOf(random, counterKeys) ?? '';
    const nonce = { group: String(random.u32() + 1), nonce: String(++this.#nonces) };
    const mutation = mutationOf({ kind: 'increment', row, amounts: { 'f:n': 1 } }, () => nonce);
    const { history } = table;
    const began = history.begin();
    let isExact = true;
    // Longer than the settling of a cluster; shorter than nonces are remembered.
    for (let attempt = 0; attempt < 6; attempt++) {
      const outcome = await this.#mutate(table.name, mutation);
      this.#note('increment', outcome);
      if (outcome.kind === 'done') {
        const [cell] = outcome.value.result?.cells ?? [];
        if (cell === undefined)
          throw new Violation(`an increment of ${row} was answered without it`);
        const result = Number(cell.value.readBigInt64BE(0));
        history.addCount(row, { began, result, isExact, by: name });
        return;
      }
      if (outcome.kind === 'unknown') isExact = false;
      else if (isExact) return;
      if (model.isOver && attempt > 1) break;
    }
    history.addCount(row, { began, result: undefined, isExact: false, by: name });
  }

  async #get(table: TableModel): Promise<void> {
    await this.#read(table, this.#row());
  }

  async #read(table: TableModel, row: string): Promise<{ readonly value: RowValue } | 'unknown'> {
    const { history } = table;
    const began = history.begin();
    const outcome = await this.#parts.attempts.get(table.name, row);
    this.#note('get', outcome);
    if (outcome.kind !== 'done') return 'unknown';
    const value = valueOf(row, outcome.value.cells);
    history.add(row, began, { kind: 'read', value }, this.#parts.name);
    return { value };
  }

  async #scan(table: TableModel): Promise<void> {
    const { client, random, model, name } = this.#parts;
    const reversed = random.chance(0.4);
    const rowsPerAnswer = 1 + random.below(6);
    try {
      await scanTable(client, table, { reversed, rowsPerAnswer, by: name });
      model.count('scan done');
    } catch (error) {
      if (error instanceof Violation) throw error;
      model.count('scan failed');
    }
  }

  async #mutate(
    table: string,
    mutation: Mutation,
    condition?: Condition,
  ): Promise<Outcome<MutateResponse>> {
    const { attempts, model, name } = this.#parts;
    model.writing.add(name);
    try {
      return await attempts.mutate(table, mutation, condition);
    } finally {
      model.writing.delete(name);
    }
  }

  #putOf(row: string, value: string): Mutation {
    const { paddingBytes, random } = this.#parts;
    const values = {
      'f:v': value,
      'g:v': value,
      'f:pad': Buffer.alloc(random.below(paddingBytes + 1), value),
    };
    return mutationOf({ kind: 'put', row, values }, noNonce);
  }

  #row(): string {
    return pickOf(this.#parts.random, rowKeys) ?? '';
  }

  #note(what: string, outcome: Outcome<unknown>): void {
    this.#parts.model.count(`${what} ${outcome.kind}`);
    if (outcome.kind !== 'done' && outcome.error.code === 'internal') {
      throw new Violation(`${what}: an internal error: ${outcome.error.message}`);
    }
  }
}

/** Scans all of a table, and notes each row, there or not, as read. Returns the counters' values. */
export async function scanTable(
  client: Client,
  table: TableModel,
  options: { readonly reversed: boolean; readonly rowsPerAnswer: number; readonly by: string },
): Promise<ReadonlyMap<string, number>> {
  const { history } = table;
  const { reversed, rowsPerAnswer, by } = options;
  const began = history.begin();
  const values = new Map<string, RowValue>();
  const counters = new Map<string, number>();
  let last: string | undefined;
  for await (const row of client.table(table.name).scan({ reversed, rowsPerAnswer })) {
    const key = row.key.toString('utf8');
    if (last !== undefined && (reversed ? key >= last : key <= last)) {
      throw new Violation(`a scan of ${table.name} gave ${key} after ${last}`);
    }
    last = key;
    if (isCounter(key)) counters.set(key, row.int64('f', 'n') ?? 0);
    else values.set(key, valueOf(key, row.cells));
  }
  for (const key of rowKeys) {
    history.add(key, began, { kind: 'read', value: values.get(key) }, `${by} (scan)`);
  }
  return counters;
}

function isCounter(key: string): boolean {
  return key.endsWith('-sum');
}

/** The value of a row, which its two families must agree on. */
function valueOf(row: string, cells: readonly Cell[]): RowValue {
  const found = new Map<string, string>();
  for (const cell of cells) {
    if (cell.qualifier.toString('utf8') !== 'v') continue;
    found.set(cell.family.toString('utf8'), cell.value.toString('utf8'));
  }
  const [one, other] = [found.get('f'), found.get('g')];
  if (one === other) return one;
  throw new Violation(`half a mutation is seen: row ${row} has f:v=${one}, g:v=${other}`);
}

function deleteOf(row: string): Mutation {
  return mutationOf({ kind: 'delete', row }, noNonce);
}

function noNonce(): never {
  throw new Error('puts and deletes have no nonce');
}

/** The rows of the same region: those from one split key to the next. */
function rowsBeside(row: string): readonly string[] {
  const at = rowKeys.findIndex((key) => key === row);
  // Rows come in pairs, one pair in each region.
  const from = at - (at % 2);
  return rowKeys.slice(from, from + 2);
}
