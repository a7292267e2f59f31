// Logs through pino: JSON, one object a line, or short lines for people.

import pino from 'pino';
import { CadastreError } from '../../base/errors.js';
import type { LogFields, Logger } from '../log.js';
import { LineWriter } from './line-writer.js';
import { prettyLine } from './pretty-line.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Where lines go: a file descriptor, or anything that takes whole lines. */
export type LogDestination = number | LogSink;

interface LogSink {
  write(line: string): unknown;
}

export interface LogOptions {
  /** The least important level that is written; default `info`. */
  readonly level?: LogLevel;
  /** Lines for people instead of JSON. */
  readonly pretty?: boolean;
  /** Default: standard error. */
  readonly destination?: LogDestination;
}

export interface RealLogger {
  readonly logger: Logger;
  /** Writes out what is held back; lines are also written when some have gathered, and at exit. */
  readonly flush: () => void;
}

export function pinoLogger(options: LogOptions = {}): RealLogger {
  const { level = 'info', pretty = false, destination = 2 } = options;
  const writer = typeof destination === 'number' ? new LineWriter(destination) : undefined;
  const stream = writer ?? (destination as LogSink);
  const lines = pretty ? { write: (line: string) => stream.write(prettyLine(line)) } : stream;
  const root = pino(
    {
      level,
      // pino would add its own `pid` to every line, and ours is a procedure's.
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    lines,
  );
  const flush = (): void => writer?.flush();
  if (writer !== undefined) process.once('exit', flush);
  return { logger: new PinoLogger(root), flush };
}

class PinoLogger implements Logger {
  readonly #pino: pino.Logger;

  constructor(logger: pino.Logger) {
    this.#pino = logger;
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#pino.debug(fields, message);
  }

  info(message: string, fields: LogFields = {}): void {
    this.#pino.info(fields, message);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#pino.warn(fields, message);
  }

  error(message: string, fields: LogFields = {}, cause?: unknown): void {
    const withCause = cause === undefined ? fields : { ...fields, cause: describeCause(cause) };
    this.#pino.error(withCause, message);
  }

  with(fields: LogFields): Logger {
    return new PinoLogger(this.#pino.child(fields));
  }
}

/** An error and what caused it, outermost first; the stack is that of the innermost. */
function describeCause(cause: unknown): { readonly errors: string[]; readonly stack?: string } {
  const errors: string[] = [];
  let stack: string | undefined;
  for (let error = cause; error !== undefined && errors.length < 10;) {
    if (!(error instanceof Error)) {
      errors.push(typeof error === 'string' ? error : JSON.stringify(error));
      break;
    }
    const code = error instanceof CadastreError ? error.code : error.name;
    errors.push(`${code}: ${error.message}`);
    stack = error.stack;
    error = error.cause;
  }
  return stack === undefined ? { errors } : { errors, stack };
}
