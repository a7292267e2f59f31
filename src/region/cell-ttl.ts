// Time to live of one cell: a tag of type 8 whose value is the milliseconds, 64 bits big-endian.
// Tags: u16 length (of type and value) | u8 type | value, one after the other.
// Source of the format: HBase's Tag and TagType.

const ttlTagType = 8;
const two32 = 2 ** 32;

/** Milliseconds the cell lives from its timestamp on; undefined: as long as its family says. */
function cellTtlMs(tags: Buffer, start: number, length: number): number | undefined {
  const end = start + length;
  for (let at = start; at + 3 <= end;) {
    const tagLength = tags.readUInt16BE(at);
    if (tags[at + 2] === ttlTagType && tagLength === 9 && at + 11 <= end) {
      return tags.readUInt32BE(at + 3) * two32 + tags.readUInt32BE(at + 7);
    }
    at += 2 + tagLength;
  }
  return undefined;
}

/** Whether a cell with tags outlived itself. */
export function hasOutlivedItself(
  cell: {
    readonly buffer: Buffer;
    readonly offset: number;
    readonly keyLength: number;
    readonly valueLength: number;
    readonly tagsLength: number;
  },
  timestampMs: number,
  nowMs: number,
): boolean {
  const tags = cell.offset + 8 + cell.keyLength + cell.valueLength + 2;
  const ttlMs = cellTtlMs(cell.buffer, tags, cell.tagsLength);
  return ttlMs !== undefined && timestampMs + ttlMs < nowMs;
}

/** The tag that gives a cell `ttlMs` to live. */
export function ttlTag(ttlMs: number): Buffer {
  const tag = Buffer.alloc(11);
  tag.writeUInt16BE(9, 0);
  tag[2] = ttlTagType;
  tag.writeUInt32BE(Math.floor(ttlMs / two32), 3);
  tag.writeUInt32BE(ttlMs % two32, 7);
  return tag;
}
