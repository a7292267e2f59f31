// Values that are there now, or will be: so that what is in memory needs no promise.

/** Goes on with `value` at once, or when it is there. */
export function after<T, R>(
  value: T | Promise<T>,
  go: (value: T) => R | Promise<R>,
): R | Promise<R> {
  return value instanceof Promise ? value.then(go) : go(value);
}
