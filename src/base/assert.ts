// Assertions that stay on in production. A message names the law it holds.

/** Thrown when an invariant is broken: a fault in Cadastre or in what it read, never in a request. */
export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure';
}

/** Throws {@link AssertionFailure} unless `condition` holds. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new AssertionFailure(invariant);
}

/** For the end of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`unreachable state: ${JSON.stringify(value)}`);
}

/** `value`, which an invariant says is there. Throws {@link AssertionFailure} if it is not. */
export function present<T>(value: T | undefined | null, invariant: string): T {
  if (value === undefined || value === null) throw new AssertionFailure(invariant);
  return value;
}
