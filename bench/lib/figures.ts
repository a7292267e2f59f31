// What benches print: medians with their range, and the RESULT lines that scripts read.

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** `median (lowest to highest)`. */
export function spread(values: readonly number[], digits = 0): string {
  const low = Math.min(...values).toFixed(digits);
  const high = Math.max(...values).toFixed(digits);
  return `${median(values).toFixed(digits)} (${low} to ${high})`;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** One line with stable keys; fractions keep `digits` figures after the point. */
export function printResult(
  figures: Readonly<Record<string, string | number | undefined>>,
  digits = 0,
): void {
  const parts = Object.entries(figures).flatMap(([key, value]) => {
    if (value === undefined) return [];
    const text =
      typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(digits) : `${value}`;
    return [`${key}=${text}`];
  });
  print(`RESULT [${parts.join(', ')}]`);
}
