// Structured logs. Every line about a procedure carries `pid` and `ppid`.

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields, cause?: unknown): void;
  /** A logger that adds these fields to every line. */
  with(fields: LogFields): Logger;
}
