// Keeps the latest log lines of all nodes of a simulation, for tests and for failure reports.

import type { LogFields, Logger } from '../log.js';
import type { SimLife } from './life.js';

export interface SimLogLine {
  readonly atMs: number;
  readonly node: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
  readonly cause: unknown;
}

const linesMax = 10_000;

/** The lines of all nodes, in order; only the latest are kept. */
export class SimLogLines {
  #lines: SimLogLine[] = [];

  add(line: SimLogLine): void {
    this.#lines.push(line);
    // Dropped by halves, so that a line costs nothing on average.
    if (this.#lines.length >= 2 * linesMax) this.#lines = this.#lines.slice(-linesMax);
  }

  all(): readonly SimLogLine[] {
    return this.#lines.slice(-linesMax);
  }
}

export class SimLogger implements Logger {
  readonly #lines: SimLogLines;
  readonly #life: SimLife;
  readonly #fields: LogFields;

  constructor(lines: SimLogLines, life: SimLife, fields: LogFields = {}) {
    this.#lines = lines;
    this.#life = life;
    this.#fields = fields;
  }

  debug(message: string, fields?: LogFields): void {
    this.#add('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#add('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#add('warn', message, fields);
  }

  error(message: string, fields?: LogFields, cause?: unknown): void {
    this.#add('error', message, fields, cause);
  }

  with(fields: LogFields): Logger {
    return new SimLogger(this.#lines, this.#life, { ...this.#fields, ...fields });
  }

  #add(level: SimLogLine['level'], message: string, fields?: LogFields, cause?: unknown): void {
    if (this.#life.isKilled) return;
    this.#lines.add({
      atMs: this.#life.nowMs,
      node: this.#life.name,
      level,
      message,
      fields: { ...this.#fields, ...fields },
      cause,
    });
  }
}
