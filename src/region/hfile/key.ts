// Keys as bytes, without the cell around them: block indexes, bloom filters and the file's
// information hold them so.
//
//   key = u16 row length | row | u8 family length | family | qualifier | u64 timestamp | u8 type

import {
  CellType,
  compareRanges,
  latestTimestampHigh,
  latestTimestampLow,
} from '../../base/cell.js';

/** Bytes of a key beside row, family and qualifier. */
export const keyOverheadBytes = 12;
const emptyBytes = Buffer.alloc(0);

/** HBase's order of two keys: row, family, qualifier up; timestamp, type down. */
export function compareKeyBytes(
  a: Buffer,
  aKey: number,
  aKeyLength: number,
  b: Buffer,
  bKey: number,
  bKeyLength: number,
): number {
  const aRow = ((a[aKey] as number) << 8) | (a[aKey + 1] as number);
  const bRow = ((b[bKey] as number) << 8) | (b[bKey + 1] as number);
  const row = compareRanges(a, aKey + 2, aRow, b, bKey + 2, bRow);
  if (row !== 0) return row;
  return compareAfterRow(
    a,
    aKey + 2 + aRow,
    aKey + aKeyLength,
    b,
    bKey + 2 + bRow,
    bKey + bKeyLength,
  );
}

/** Compares keys of one row; `aAt` and `bAt` are where the family lengths stand, `…End` their ends. */
export function compareAfterRow(
  a: Buffer,
  aAt: number,
  aEnd: number,
  b: Buffer,
  bAt: number,
  bEnd: number,
): number {
  const aFamily = a[aAt] as number;
  const bFamily = b[bAt] as number;
  const family = compareRanges(a, aAt + 1, aFamily, b, bAt + 1, bFamily);
  if (family !== 0) return family;
  const aQualifier = aAt + 1 + aFamily;
  const bQualifier = bAt + 1 + bFamily;
  const qualifier = compareRanges(
    a,
    aQualifier,
    aEnd - 9 - aQualifier,
    b,
    bQualifier,
    bEnd - 9 - bQualifier,
  );
  // Timestamp and type are one big-endian number that sorts downwards.
  return qualifier === 0 ? compareRanges(b, bEnd - 9, 9, a, aEnd - 9, 9) : qualifier;
}

/** Whether the bytes are a key: long enough for the lengths in them. */
export function isKey(buffer: Buffer, at: number, length: number): boolean {
  if (length < keyOverheadBytes) return false;
  const rest =
    length - keyOverheadBytes - (((buffer[at] as number) << 8) | (buffer[at + 1] as number));
  return rest >= 0 && rest >= familyLengthAt(buffer, at, length - keyOverheadBytes - rest);
}

function familyLengthAt(buffer: Buffer, key: number, rowLength: number): number {
  return buffer[key + 2 + rowLength] as number;
}

/** The row of a key; a view. */
export function rowOfKey(key: Buffer): Buffer {
  return key.subarray(2, 2 + key.readUInt16BE(0));
}

/** The qualifier of a key; a view. */
export function qualifierOfKey(key: Buffer): Buffer {
  const row = key.readUInt16BE(0);
  return key.subarray(3 + row + familyLengthAt(key, 0, row), key.length - 9);
}

/** The key that sorts before every cell of the column (or of the row, with an empty qualifier). */
export function firstKeyOf(row: Buffer, family: Buffer, qualifier: Buffer): Buffer {
  const key = Buffer.allocUnsafeSlow(
    keyOverheadBytes + row.length + family.length + qualifier.length,
  );
  let at = key.writeUInt16BE(row.length, 0);
  key.set(row, at);
  at = key.writeUInt8(family.length, at + row.length);
  key.set(family, at);
  key.set(qualifier, at + family.length);
  at = key.writeUInt32BE(latestTimestampHigh, at + family.length + qualifier.length);
  at = key.writeUInt32BE(latestTimestampLow, at);
  key.writeUInt8(CellType.maximum, at);
  return key;
}

/**
 * A short key after `left` and at or before `right` (which sorts after `left`), so that the block
 * index stays small; as HBase does it, a copy of `right` when no shorter one is found.
 */
export function separatingKey(left: Buffer, right: Buffer): Buffer {
  const leftRow = rowOfKey(left);
  const rightRow = rowOfKey(right);
  const row = separator(leftRow, rightRow);
  if (row !== undefined) return firstKeyOf(row, emptyBytes, emptyBytes);
  const family = right.subarray(
    3 + rightRow.length,
    3 + rightRow.length + familyLengthAt(right, 0, rightRow.length),
  );
  const leftFamily = left.subarray(
    3 + leftRow.length,
    3 + leftRow.length + familyLengthAt(left, 0, leftRow.length),
  );
  if (!leftFamily.equals(family)) return Buffer.from(right);
  const qualifier = separator(qualifierOfKey(left), qualifierOfKey(right));
  return qualifier === undefined ? Buffer.from(right) : firstKeyOf(rightRow, family, qualifier);
}

/** The shortest bytes after `left` and at or before `right`; undefined if they are equal. */
function separator(left: Buffer, right: Buffer): Buffer | undefined {
  let shared = 0;
  while (shared < left.length && left[shared] === right[shared]) shared++;
  if (shared === left.length) {
    if (left.length === right.length) return undefined;
    return Buffer.concat([left, Buffer.of(0)]);
  }
  const made = Buffer.from(left.subarray(0, shared + 1));
  made[shared] = (made[shared] as number) + 1;
  return made;
}
