// Whether the history of one row could have been: some order of the operations, each at a moment
// between its beginning and its end, in which every read saw the last write before it.
//
// The search is Wing and Gong's with Lowe's memory of what was tried (2017): at each point any
// operation may come next that began before every unplaced one ended. Values are unique, so a write
// of unclear outcome that nobody saw is left out beforehand: it never happened, as far as anyone knows.

import type { RowOperation, RowValue } from './history.js';

/** Tries after which a history counts as too tangled to be judged. */
const triesMax = 2_000_000;

/** What is wrong with a row's history; undefined: nothing. */
export function explainRow(operations: readonly RowOperation[]): string | undefined {
  const relevant = operations
    .filter((operation) => !isUnseen(operation, operations))
    .sort((a, b) => a.began - b.began);
  const search = new Search(relevant);
  const outcome = search.run();
  if (outcome === 'possible') return undefined;
  const reason = outcome === 'too-long' ? 'could not be judged' : 'is impossible';
  return `${reason}: ${search.story()}`;
}

/** An unclear write of a value that no operation has seen. */
function isUnseen({ ended, effect }: RowOperation, all: readonly RowOperation[]): boolean {
  if (ended !== Infinity || effect.kind === 'read' || effect.value === undefined) return false;
  return !all.some(({ effect: other }) => {
    if (other.kind === 'read') return other.value === effect.value;
    return other.kind === 'check-and-write' && other.expected === effect.value;
  });
}

interface Choice {
  readonly index: number;
  /** The state before it. */
  readonly before: RowValue;
}

class Search {
  readonly #operations: readonly RowOperation[];
  readonly #isPlaced: boolean[];
  /** Everything before this index is placed. */
  #first = 0;
  #state: RowValue;
  readonly #path: Choice[] = [];
  readonly #tried = new Set<string>();
  /** The longest order found, for the report. */
  #best: readonly number[] = [];

  constructor(operations: readonly RowOperation[]) {
    this.#operations = operations;
    this.#isPlaced = operations.map(() => false);
  }

  run(): 'possible' | 'impossible' | 'too-long' {
    let from = 0;
    for (let tries = 0; tries < triesMax; tries++) {
      if (this.#isComplete()) return 'possible';
      const next = this.#nextFrom(from);
      if (next !== undefined) {
        this.#place(next);
        from = this.#isNew() ? 0 : this.#undo();
        continue;
      }
      if (this.#path.length === 0) return 'impossible';
      from = this.#undo();
    }
    return 'too-long';
  }

  /** The operations around the place where no order goes on. */
  story(): string {
    const placed = new Set(this.#best);
    const lines = this.#operations.flatMap((operation, index) =>
      placed.has(index) ? [] : [`then none of: ${textOf(operation)}`],
    );
    const last = this.#best.slice(-6).map((index) => textOf(this.#operations[index]));
    return ['…', ...last, ...lines.slice(0, 6)].join('\n    ');
  }

  /** All but unclear ones must have a place. */
  #isComplete(): boolean {
    for (let index = this.#first; index < this.#operations.length; index++) {
      if (!this.#isPlaced[index] && this.#operations[index]?.ended !== Infinity) return false;
    }
    return true;
  }

  /** The next operation from `from` on that may come now. */
  #nextFrom(from: number): number | undefined {
    let earliestEnd = Infinity;
    for (let index = this.#first; index < this.#operations.length; index++) {
      const operation = this.#operations[index];
      if (operation === undefined || operation.began > earliestEnd) break;
      if (!this.#isPlaced[index]) earliestEnd = Math.min(earliestEnd, operation.ended);
    }
    for (let index = Math.max(from, this.#first); index < this.#operations.length; index++) {
      const operation = this.#operations[index];
      if (operation === undefined || operation.began > earliestEnd) return undefined;
      if (!this.#isPlaced[index] && fits(operation, this.#state)) return index;
    }
    return undefined;
  }

  #place(index: number): void {
    const operation = this.#operations[index];
    if (operation === undefined) return;
    this.#path.push({ index, before: this.#state });
    this.#isPlaced[index] = true;
    this.#state = stateAfter(operation, this.#state);
    while (this.#isPlaced[this.#first]) this.#first++;
    if (this.#path.length > this.#best.length) this.#best = this.#path.map((each) => each.index);
  }

  /** Takes the last choice back; returns from where to look for another. */
  #undo(): number {
    const choice = this.#path.pop();
    if (choice === undefined) return 0;
    this.#isPlaced[choice.index] = false;
    this.#state = choice.before;
    this.#first = Math.min(this.#first, choice.index);
    return choice.index + 1;
  }

  /** Whether this set of placed operations with this state was not tried before. */
  #isNew(): boolean {
    const beyond: number[] = [];
    for (let index = this.#first; index < this.#isPlaced.length; index++) {
      if (this.#isPlaced[index]) beyond.push(index);
    }
    const key = `${this.#first};${beyond.join()};${this.#state ?? ''}`;
    if (this.#tried.has(key)) return false;
    this.#tried.add(key);
    return true;
  }
}

function fits({ effect, ended }: RowOperation, state: RowValue): boolean {
  switch (effect.kind) {
    case 'write':
      return true;
    case 'read':
      return effect.value === state;
    case 'check-and-write':
      // An unclear one that finds another value does nothing: placing it would be idle.
      if (ended === Infinity) return effect.expected === state;
      return effect.processed === (effect.expected === state);
  }
}

function stateAfter({ effect }: RowOperation, state: RowValue): RowValue {
  switch (effect.kind) {
    case 'write':
      return effect.value;
    case 'read':
      return state;
    case 'check-and-write':
      return effect.expected === state ? effect.value : state;
  }
}

function textOf(operation: RowOperation | undefined): string {
  if (operation === undefined) return '';
  const { began, ended, effect, by } = operation;
  const span = `[${began}, ${ended === Infinity ? 'unclear' : ended}] ${by}:`;
  switch (effect.kind) {
    case 'write':
      return `${span} write ${effect.value ?? 'nothing'}`;
    case 'read':
      return `${span} read ${effect.value ?? 'nothing'}`;
    case 'check-and-write': {
      const { expected, value, processed } = effect;
      const told = processed === undefined ? 'unclear' : processed ? 'done' : 'not done';
      return `${span} if ${expected ?? 'nothing'} write ${value ?? 'nothing'} (${told})`;
    }
  }
}
