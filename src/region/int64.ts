// 64-bit addition on bytes: counters wrap as HBase's do, and need no BigInt.

/** The sum of two 64-bit big-endian numbers, modulo 2^64. */
export function addInt64(a: Buffer, b: Buffer): Buffer {
  const low = a.readUInt32BE(4) + b.readUInt32BE(4);
  const high = a.readUInt32BE(0) + b.readUInt32BE(0) + (low >= 2 ** 32 ? 1 : 0);
  const sum = Buffer.allocUnsafeSlow(8);
  sum.writeUInt32BE(low >>> 0, 4);
  sum.writeUInt32BE(high >>> 0, 0);
  return sum;
}
