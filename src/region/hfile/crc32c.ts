// CRC-32C (Castagnoli), which HBase writes by default and Node does not have; we write CRC-32.

const polynomial = 0x82f63b78;

/** Four tables of 256, so that four bytes are folded at once. */
const tables = makeTables();

function makeTables(): Uint32Array {
  const made = new Uint32Array(1024);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    made[i] = crc;
  }
  for (let i = 256; i < 1024; i++) {
    const before = made[i - 256] as number;
    made[i] = (before >>> 8) ^ (made[before & 255] as number);
  }
  return made;
}

/** CRC-32C of `bytes[start, end)`, unsigned. */
export function crc32c(bytes: Buffer, start: number, end: number): number {
  let crc = -1;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    crc =
      (tables[768 + (crc & 255)] as number) ^
      (tables[512 + ((crc >>> 8) & 255)] as number) ^
      (tables[256 + ((crc >>> 16) & 255)] as number) ^
      (tables[crc >>> 24] as number);
  }
  for (; at < end; at++) {
    crc = (crc >>> 8) ^ (tables[(crc ^ (bytes[at] as number)) & 255] as number);
  }
  return (crc ^ -1) >>> 0;
}
