// Reads HBase's encoded data blocks by turning them into plain ones when they are read from the
// store; caches and cursors know plain blocks only. We do not write encodings.
//
//   PREFIX     varints: rest of key, value, shared prefix | rest of key | value
//   DIFF       family once | per cell: flags, what differs of lengths, row, qualifier, time, type
//   FAST_DIFF  per cell: flags, what differs of lengths, row, qualifier, time's low bytes, type, value
//   ROW_INDEX_V1  plain cells | u32 rows | u32 × rows where each begins | u32 bytes of the cells
//   Behind each of the first three's cells: varint tags length, tags (perhaps by dictionary), sequence.
//
// Source of the layouts: HBase's PrefixKeyDeltaEncoder, DiffKeyDeltaEncoder, FastDiffDeltaEncoder,
// RowIndexEncoderV1, BufferedDataBlockEncoder.

import { CadastreError } from '../../base/errors.js';
import { ByteReader } from './bytes.js';
import type { CellForm } from './data-block.js';
import { TagDictionary } from './tag-dictionary.js';

/** HBase's numbers of the encodings. */
const encodingNumbers: Readonly<Record<string, number>> = {
  PREFIX: 2,
  DIFF: 3,
  FAST_DIFF: 4,
  ROW_INDEX_V1: 7,
};

export interface EncodingForm extends CellForm {
  /** HBase's name. */
  readonly encoding: string;
  readonly tagsCompressed: boolean;
}

/** Whether blocks of this encoding can be read. */
export function isKnownEncoding(name: string): boolean {
  return Object.hasOwn(encodingNumbers, name);
}

/** The plain payload of an encoded one. Throws `corruption`. */
export function decodeBlock(payload: Buffer, form: EncodingForm): Buffer {
  const reader = new ByteReader(payload);
  const number = (reader.u8() << 8) | reader.u8();
  if (number !== encodingNumbers[form.encoding]) {
    throw new CadastreError(
      'corruption',
      `it is encoded by number ${number}, not ${form.encoding}`,
    );
  }
  if (form.encoding === 'ROW_INDEX_V1') return rowIndexCells(reader);
  const decoder = new CellDecoder(reader, form);
  if (form.encoding === 'DIFF') decoder.readFamily();
  while (reader.left > 0) {
    if (form.encoding === 'PREFIX') decoder.prefix();
    else if (form.encoding === 'DIFF') decoder.diff();
    else decoder.fastDiff();
    decoder.tail();
  }
  return decoder.plain();
}

function rowIndexCells(reader: ByteReader): Buffer {
  const cells = reader.bytes(reader.buffer.readUInt32BE(reader.end - 4));
  const rows = reader.u32();
  reader.skip(4 * rows);
  if (reader.left !== 4) {
    throw new CadastreError('corruption', `its list of ${rows} rows does not fill it`);
  }
  return cells;
}

const diffFlag = {
  sameKeyLength: 1,
  sameValueLength: 2,
  sameType: 4,
  timeIsDifference: 8,
  timeIsNegative: 128,
} as const;

const fastDiffFlag = {
  timeBytesShared: 7,
  sameKeyLength: 8,
  sameValueLength: 16,
  sameType: 32,
  sameValue: 64,
} as const;

/** Decodes cell after cell into one growing plain block, where each looks back at the one before. */
class CellDecoder {
  readonly #reader: ByteReader;
  readonly #form: EncodingForm;
  readonly #dictionary: TagDictionary | undefined;
  #out: Buffer;
  #at = 0;
  /** The cell before: where its key begins, and its lengths. */
  #key = 0;
  #keyLength = 0;
  #valueLength = 0;
  #isFirst = true;
  /** DIFF only: the family with its length byte. */
  #family: Buffer = Buffer.alloc(0);

  constructor(reader: ByteReader, form: EncodingForm) {
    this.#reader = reader;
    this.#form = form;
    this.#dictionary = form.tagsCompressed ? new TagDictionary() : undefined;
    // The plain size is noted by the writer, as a hint here: it may lie in a damaged block.
    const size = reader.u32();
    this.#out = Buffer.allocUnsafeSlow(Math.min(size, 64 * reader.buffer.length) + 64);
  }

  /** What was decoded. */
  plain(): Buffer {
    return this.#out.subarray(0, this.#at);
  }

  readFamily(): void {
    const start = this.#reader.at;
    this.#reader.skip(this.#reader.u8());
    this.#family = this.#reader.buffer.subarray(start, this.#reader.at);
  }

  prefix(): void {
    const reader = this.#reader;
    const rest = reader.varint();
    const valueLength = reader.varint();
    const shared = this.#checkShared(reader.varint());
    const key = this.#begin(shared + rest, valueLength);
    this.#copyBack(this.#key, shared);
    this.#take(rest + valueLength);
    this.#end(key, shared + rest, valueLength);
  }

  diff(): void {
    const reader = this.#reader;
    const flags = reader.u8();
    const keyLength = (flags & diffFlag.sameKeyLength) === 0 ? reader.varint() : this.#keyLength;
    const sameValueLength = (flags & diffFlag.sameValueLength) !== 0;
    const valueLength = sameValueLength ? this.#valueLength : reader.varint();
    const shared = this.#checkShared(reader.varint());
    const key = this.#begin(keyLength, valueLength);
    this.#copyUpToTime(key, keyLength, shared, this.#family);
    const before = this.#key + this.#keyLength - 9;
    this.#takeTime(flags, before);
    if ((flags & diffFlag.sameType) === 0) this.#take(1);
    else this.#copyBack(before + 8, 1);
    this.#take(valueLength);
    this.#end(key, keyLength, valueLength);
  }

  fastDiff(): void {
    const reader = this.#reader;
    const flags = reader.u8();
    const keyLength =
      (flags & fastDiffFlag.sameKeyLength) === 0 ? reader.varint() : this.#keyLength;
    const sameValueLength = (flags & fastDiffFlag.sameValueLength) !== 0;
    const valueLength = sameValueLength ? this.#valueLength : reader.varint();
    const shared = this.#checkShared(reader.varint());
    const key = this.#begin(keyLength, valueLength);
    if (this.#isFirst) {
      this.#take(keyLength + valueLength);
      this.#end(key, keyLength, valueLength);
      return;
    }
    const familyAt = this.#key + 2 + this.#out.readUInt16BE(this.#key);
    const family = this.#out.subarray(familyAt, familyAt + 1 + (this.#out[familyAt] as number));
    this.#copyUpToTime(key, keyLength, shared, family);
    const before = this.#key + this.#keyLength - 9;
    const timeShared = flags & fastDiffFlag.timeBytesShared;
    this.#copyBack(before, timeShared);
    this.#take(8 - timeShared);
    if ((flags & fastDiffFlag.sameType) === 0) this.#take(1);
    else this.#copyBack(before + 8, 1);
    if ((flags & fastDiffFlag.sameValue) === 0) this.#take(valueLength);
    else this.#copyBack(this.#key + this.#keyLength, valueLength);
    this.#end(key, keyLength, valueLength);
  }

  /** Tags and sequence, which stand alike behind cells of all three encodings. */
  tail(): void {
    const reader = this.#reader;
    if (this.#form.hasTags) {
      const length = reader.varint();
      if (length > 0xffff) throw new CadastreError('corruption', `tags of ${length} bytes`);
      this.#room(2 + length);
      this.#at = this.#out.writeUInt16BE(length, this.#at);
      if (this.#dictionary === undefined) this.#take(length);
      else this.#at = this.#dictionary.decode(reader, this.#out, this.#at, length);
    }
    if (this.#form.hasSequence) {
      this.#room(9);
      const start = reader.at;
      reader.vlong();
      this.#at += reader.buffer.copy(this.#out, this.#at, start, reader.at);
    }
  }

  /** Writes the lengths of the next cell; returns where its key begins. */
  #begin(keyLength: number, valueLength: number): number {
    // A cell is made of the cell before and of what is left; a damaged length must not allocate.
    const most = this.#reader.left + this.#keyLength + this.#valueLength + 2 ** 16;
    if (keyLength < 12 || keyLength + valueLength > most) {
      throw new CadastreError('corruption', `a cell of ${keyLength} + ${valueLength} bytes`);
    }
    this.#room(8 + keyLength + valueLength);
    this.#at = this.#out.writeUInt32BE(keyLength, this.#at);
    this.#at = this.#out.writeUInt32BE(valueLength, this.#at);
    return this.#at;
  }

  #end(key: number, keyLength: number, valueLength: number): void {
    if (this.#at !== key + keyLength + valueLength) {
      throw new CadastreError(
        'corruption',
        `a cell's parts do not fill its ${keyLength} key bytes`,
      );
    }
    this.#key = key;
    this.#keyLength = keyLength;
    this.#valueLength = valueLength;
    this.#isFirst = false;
  }

  #checkShared(shared: number): number {
    if (shared <= this.#keyLength) return shared;
    throw new CadastreError(
      'corruption',
      `a cell shares ${shared} of ${this.#keyLength} key bytes`,
    );
  }

  /** Row, family and qualifier, of which `shared` bytes (lengths included) are as before. */
  #copyUpToTime(key: number, keyLength: number, shared: number, family: Buffer): void {
    const timeAt = key + keyLength - 9;
    const rowBefore = this.#isFirst ? -1 : this.#out.readUInt16BE(this.#key);
    this.#copyBack(this.#key, shared);
    // With the whole row shared the family is too, and only the qualifier's rest follows.
    if (shared < rowBefore + 2 || this.#isFirst) {
      if (shared < 2) this.#take(2 - shared);
      this.#take(this.#out.readUInt16BE(key) + 2 - Math.max(shared, 2));
      this.#room(family.length);
      this.#out.set(family, this.#at);
      this.#at += family.length;
    }
    this.#take(timeAt - this.#at);
  }

  /** DIFF's timestamp: little-endian bytes, a sign, and perhaps relative to the one before. */
  #takeTime(flags: number, before: number): void {
    const bytes = ((flags >>> 4) & 7) + 1;
    let high = 0;
    let low = 0;
    for (let i = 0; i < bytes; i++) {
      const byte = this.#reader.u8();
      if (i < 4) low |= byte << (8 * i);
      else high |= byte << (8 * (i - 4));
    }
    low >>>= 0;
    high >>>= 0;
    if ((flags & diffFlag.timeIsNegative) !== 0) {
      low = -low >>> 0;
      high = (~high + (low === 0 ? 1 : 0)) >>> 0;
    }
    if ((flags & diffFlag.timeIsDifference) !== 0) {
      if (this.#isFirst) throw new CadastreError('corruption', 'its first cell differs from none');
      const lowBefore = this.#out.readUInt32BE(before + 4);
      high = (this.#out.readUInt32BE(before) - high - (lowBefore < low ? 1 : 0)) >>> 0;
      low = (lowBefore - low) >>> 0;
    }
    this.#at = this.#out.writeUInt32BE(high, this.#at);
    this.#at = this.#out.writeUInt32BE(low, this.#at);
  }

  /** Copies bytes from the encoded block. */
  #take(length: number): void {
    const start = this.#reader.skip(length);
    this.#reader.buffer.copy(this.#out, this.#at, start, start + length);
    this.#at += length;
  }

  /** Copies bytes of the cell before. */
  #copyBack(start: number, length: number): void {
    this.#out.copyWithin(this.#at, start, start + length);
    this.#at += length;
  }

  #room(bytes: number): void {
    if (this.#at + bytes + 64 <= this.#out.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.#at + bytes) + 64);
    this.#out.copy(larger, 0, 0, this.#at);
    this.#out = larger;
  }
}
