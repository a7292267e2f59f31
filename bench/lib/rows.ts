// The keys of benches: 8 hexadecimal digits, spread evenly over all there are.

/** A one-to-one map of 32-bit numbers: odd multipliers and shifts can be undone. */
export function rowKey(index: number): Buffer {
  let x = Math.imul(index, 0x9e3779b1);
  x ^= x >>> 15;
  x = Math.imul(x, 0x85ebca77);
  return Buffer.from((x >>> 0).toString(16).padStart(8, '0'));
}

/** First rows of all of `count` equal regions but the first. */
export function splitKeys(count: number): readonly Buffer[] {
  return Array.from({ length: count - 1 }, (_, i) => {
    const key = Math.floor(((i + 1) * 2 ** 32) / count);
    return Buffer.from(key.toString(16).padStart(8, '0'));
  });
}
