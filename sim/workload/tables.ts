// A client that changes one table: creates it, disables and enables it, moves its regions, asks for
// flushes and compactions, drops it and creates it again.
//
// A request whose outcome is not known is asked for until the table is as wanted: every change here
// can be asked for twice.

import { asCadastreError } from '../../src/base/errors.js';
import type { Client } from '../../src/client/client.js';
import type { TableState } from '../../src/wire/meta-rows.js';
import type { Clock } from '../../src/world/clock.js';
import type { SimRandom } from '../../src/world/simulated/random.js';
import type { TableHistory } from '../history.js';
import { families, splitKeys, Violation } from './model.js';
import type { Model, TableModel } from './model.js';

export interface TableClientParts {
  readonly name: string;
  readonly model: Model;
  readonly table: TableModel;
  readonly random: SimRandom;
  readonly client: Client;
  readonly clock: Clock;
  readonly pauseMs: readonly [low: number, high: number];
  /** Moves a random region of the table somewhere. */
  readonly move: (table: string) => Promise<void>;
  /** A table's life is over and its history complete. */
  readonly onEnd: (history: TableHistory) => void;
}

export class TableClient {
  readonly #parts: TableClientParts;

  constructor(parts: TableClientParts) {
    this.#parts = parts;
  }

  get name(): string {
    return this.#parts.name;
  }

  async run(): Promise<void> {
    const { model, table, random, clock, pauseMs } = this.#parts;
    await this.create();
    while (!model.isOver) {
      await clock.sleep(random.between(...pauseMs));
      const what = random.below(20);
      if (what < 7) await this.#ask('flush', () => this.#admin.flushTable(table.name));
      else if (what < 10) await this.#compact();
      else if (what < 15) await this.#ask('move', () => this.#parts.move(table.name));
      else if (what < 18) await this.#disableForAWhile();
      else await this.#dropAndCreate();
    }
  }

  async create(): Promise<void> {
    const { table } = this.#parts;
    const input = { name: table.name, families: [...families], splits: [...splitKeys] };
    await this.#until('table-exists', () => this.#admin.createTable(input));
    table.isOpen = true;
    this.#parts.model.count('create done');
  }

  /** Makes the table usable, whatever it was in the middle of. */
  async enable(): Promise<void> {
    await this.#change('enabled', () => this.#admin.enableTable(this.#parts.table.name));
  }

  get #admin() {
    return this.#parts.client.admin;
  }

  async #compact(): Promise<void> {
    const { random, table } = this.#parts;
    const major = random.chance(0.5);
    await this.#ask('compact', () => this.#admin.compactTable(table.name, { major }));
  }

  async #disableForAWhile(): Promise<void> {
    const { table, clock, random } = this.#parts;
    await this.#change('disabled', () => this.#admin.disableTable(table.name));
    await clock.sleep(random.between(0, 500));
    await this.enable();
  }

  async #dropAndCreate(): Promise<void> {
    const { table, clock, onEnd } = this.#parts;
    table.isOpen = false;
    while (table.users > 0) await clock.sleep(10);
    await this.#change('disabled', () => this.#admin.disableTable(table.name));
    await this.#until('table-not-found', () => this.#admin.dropTable(table.name));
    this.#parts.model.count('drop done');
    onEnd(table.startAnew());
    await this.create();
  }

  /** A wish that may fail. */
  async #ask(what: string, request: () => Promise<void>): Promise<void> {
    const { model } = this.#parts;
    try {
      await request();
      model.count(`${what} done`);
    } catch (error) {
      model.count(`${what} ${asCadastreError(error).code}`);
    }
  }

  /** Repeats a change of the table's state until the table is in it. */
  async #change(wanted: TableState, request: () => Promise<void>): Promise<void> {
    const { clock, model, table } = this.#parts;
    for (;;) {
      try {
        await request();
        model.count(`${wanted} done`);
        return;
      } catch (thrown) {
        const { code } = asCadastreError(thrown);
        this.#refuseVanished(code);
        model.count(`${wanted} ${code}`);
      }
      await clock.sleep(100);
      try {
        if ((await this.#admin.tableState(table.name)) === wanted) return;
      } catch (thrown) {
        this.#refuseVanished(asCadastreError(thrown).code);
      }
    }
  }

  /** Repeats a request until it succeeds, or fails as it does when it was done before. */
  async #until(isDoneCode: string, request: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await request();
        return;
      } catch (thrown) {
        const { code, message } = asCadastreError(thrown);
        if (code === isDoneCode) return;
        if (code === 'internal') throw new Violation(`an internal error: ${message}`);
      }
      await this.#parts.clock.sleep(100);
    }
  }

  #refuseVanished(code: string): void {
    if (code === 'table-not-found') {
      throw new Violation(`table ${this.#parts.table.name} has vanished`);
    }
  }
}
