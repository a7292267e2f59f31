// A log record of pino's as one line for people:
//
//   12:30:01.123 WARN  region opened late region=5e0c… took_ms=812

/** The line for a JSON line; what is not one comes back as it is. */
export function prettyLine(json: string): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(json) as Record<string, unknown>;
  } catch {
    // Better an ugly line than none.
    return json;
  }
  const { time, level, msg, cause, ...fields } = record;
  const clock = String(time).slice(11, 23);
  const name = String(level).toUpperCase().padEnd(5);
  const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${valueText(value)}`);
  const errors = (cause as { readonly errors?: readonly string[] } | undefined)?.errors ?? [];
  const why = errors.length === 0 ? '' : ` (${errors.join('; because of ')})`;
  return `${clock} ${name} ${String(msg)}${why}${pairs.join('')}\n`;
}

function valueText(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[^\s="]+$/.test(text) ? text : JSON.stringify(text);
}
