// What a step is given, as a window on its procedure. Input and state are decoded from the bytes that
// are durable, so that a step sees what it would see after a restart.

import type { CadastreError } from '../base/errors.js';
import type { ProcedureId } from '../base/ids.js';
import type { Clock } from '../world/clock.js';
import type { Logger } from '../world/log.js';
import type { Core } from './core.js';
import type { ChildOutcome, ChildOutcomes, ProcedureType, StepRun } from './definition.js';
import type { ChildFailure, Reply } from './next.js';
import type { Procedure } from './procedure.js';

export class ProcedureRun implements StepRun<unknown, unknown, unknown> {
  readonly #core: Core;
  readonly #procedure: Procedure;
  readonly step: string;
  readonly input: unknown;
  readonly state: unknown;
  readonly reply: Reply | undefined;
  readonly attempt: number;

  constructor(
    core: Core,
    procedure: Procedure,
    type: ProcedureType<unknown>,
    step: string,
    reply: Reply | undefined,
  ) {
    const { record } = procedure;
    this.#core = core;
    this.#procedure = procedure;
    this.step = step;
    this.input = procedure.input;
    // Written by this version of the type, or brought to it when it was loaded.
    this.state = type.state.decode(record.state, type.version);
    this.reply = reply;
    this.attempt = procedure.attempt;
  }

  get id(): ProcedureId {
    return this.#procedure.id;
  }

  get parent(): ProcedureId | undefined {
    return this.#procedure.parent?.id;
  }

  get owner(): string {
    return this.#procedure.record.owner;
  }

  get context(): unknown {
    return this.#core.context;
  }

  get children(): ChildOutcomes {
    return new Outcomes(this.#procedure);
  }

  get failure(): CadastreError | undefined {
    return this.#procedure.record.error;
  }

  get clock(): Clock {
    return this.#core.clock;
  }

  get log(): Logger {
    return this.#procedure.log;
  }

  get signal(): AbortSignal {
    this.#procedure.abort ??= new AbortController();
    return this.#procedure.abort.signal;
  }
}

class Outcomes implements ChildOutcomes {
  readonly #procedure: Procedure;

  constructor(procedure: Procedure) {
    this.#procedure = procedure;
  }

  get started(): number {
    return this.#procedure.record.childrenStarted;
  }

  get live(): number {
    return this.#procedure.children.size;
  }

  get failed(): number {
    return this.#procedure.record.childrenFailed;
  }

  get firstFailure(): ChildFailure | undefined {
    for (const outcome of this.#procedure.outcomes.values()) {
      if (outcome.kind === 'failed') return { id: outcome.id, error: outcome.error };
    }
    return undefined;
  }

  page(after: ProcedureId | undefined, limit: number): readonly ChildOutcome[] {
    const outcomes = [...this.#procedure.outcomes.values()].sort((a, b) => a.id - b.id);
    const from = after === undefined ? outcomes : outcomes.filter(({ id }) => id > after);
    return from.slice(0, limit);
  }
}
