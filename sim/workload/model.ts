// What the clients of a simulation share: tables, their histories, what goes on and what went wrong.

import type { SimRandom } from '../../src/world/simulated/random.js';
import { TableHistory } from '../history.js';

/** A promise of the cluster that was broken; ends the run. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** First rows of regions, among the rows that clients use. */
export const splitKeys = ['f', 'm', 't'] as const;
export const rowKeys = ['a1', 'c1', 'f1', 'h1', 'm1', 'p1', 't1', 'x1'] as const;
export const counterKeys = ['b-sum', 'g-sum', 'n-sum', 'z-sum'] as const;
export const families = ['f', 'g'] as const;

export class TableModel {
  readonly name: string;
  history: TableHistory;
  /** Clients may begin operations. */
  isOpen = false;
  /** Operations under way. */
  users = 0;
  readonly #newHistory: () => TableHistory;

  constructor(name: string, newHistory: () => TableHistory) {
    this.name = name;
    this.#newHistory = newHistory;
    this.history = newHistory();
  }

  /** The table was dropped: the next one of its name is empty. Returns the old history. */
  startAnew(): TableHistory {
    const old = this.history;
    this.history = this.#newHistory();
    return old;
  }
}

export class Model {
  readonly tables: readonly TableModel[];
  /** Clients whose write is under way. */
  readonly writing = new Set<string>();
  /** Set when the clients are to finish what they do. */
  isOver = false;
  /** Operations by kind and outcome, for the report. */
  readonly counts = new Map<string, number>();
  #moment = 0;
  #values = 0;

  constructor(tables: number) {
    this.tables = Array.from(
      { length: tables },
      (_, index) =>
        new TableModel(
          `t${index + 1}`,
          () => new TableHistory(`t${index + 1}`, () => ++this.#moment),
        ),
    );
  }

  /** A value that nobody wrote yet. */
  newValue(): string {
    return `v${++this.#values}`;
  }

  openTables(): readonly TableModel[] {
    return this.tables.filter(({ isOpen }) => isOpen);
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}

export function pickOf<T>(random: SimRandom, choices: readonly T[]): T | undefined {
  return choices[random.below(choices.length)];
}
