// Opens a store file: reads trailer, root index, file information and the bloom filter's list, checks
// that they fit each other, and gives out cursors.
//
// The trailer has no checksum, so each of its figures is checked against something that has one: the
// root index must be filled exactly by the entries it says, blocks must be of the expected kind, and
// every block's uncompressed size must come out under the compression it says.

import type { BloomFilterKind } from '../../base/table.js';
import type { CellCursor } from '../cell-cursor.js';
import type { HFileContext, HFileCursorOptions, HFileReader } from './api.js';
import { frameBytes, openFrame } from './block-frame.js';
import { BlockSource } from './block-source.js';
import { BloomReader } from './bloom-reader.js';
import type { BloomKind } from './bloom.js';
import { readBloomMeta } from './bloom.js';
import { ByteReader, readU64 } from './bytes.js';
import { HFileCursor } from './cursor.js';
import type { EncodingForm } from './encodings.js';
import { isKnownEncoding } from './encodings.js';
import { decodeFileInfo } from './file-info.js';
import type { BlockKind } from './format.js';
import {
  blockHeaderBytes,
  corruption,
  decoding,
  infoName,
  notSupported,
  protobufMagic,
  trailerBytes,
} from './format.js';
import type { BlockPlace, IndexBlock } from './index-block.js';
import { readRootIndex } from './index-block.js';
import { isKey, rowOfKey } from './key.js';
import type { Trailer } from './trailer.js';
import { decodeTrailer } from './trailer.js';

/** Bytes first read from a file's end: trailer and, in most files, all that is loaded on opening. */
const tailBytes = 32 * 1024;
const indexLevelsMax = 16;

/**
 * Opens the store file of `bytes` bytes. Fails with `corruption`, with `not-supported` for features
 * of HBase's that this does not read, or as the store does.
 */
export async function openHFile(
  file: { readonly object: string; readonly bytes: number },
  context: HFileContext,
): Promise<HFileReader> {
  const { object, bytes } = file;
  let start = Math.max(0, bytes - tailBytes);
  let tail = await readTail(context, file, start);
  const trailer = decodeTrailer(object, tail, start);
  const openStart = trailer.loadOnOpenOffset;
  if (openStart > bytes - trailerBytes) {
    throw corruption(object, bytes - trailerBytes, `its section to load begins at ${openStart}`);
  }
  if (openStart < start) {
    start = openStart;
    tail = await readTail(context, file, start);
  }
  const section = tail.subarray(openStart - start, tail.length - trailerBytes);
  return new Reader(file, context, trailer, loadOnOpen(object, openStart, section, trailer));
}

async function readTail(
  context: HFileContext,
  file: { readonly object: string; readonly bytes: number },
  start: number,
): Promise<Buffer> {
  const { object, bytes } = file;
  const tail = await context.cache.limited(() =>
    context.objects.get(object, { start, end: bytes }),
  );
  if (tail.length === bytes - start) return tail;
  throw corruption(object, start + tail.length, `the object is cut off, ${bytes} was expected`);
}

/** What a file holds in memory while it is open. */
interface LoadedParts {
  readonly root: IndexBlock;
  /** In an index of levels: the leaf block that names the middle data block, and which entry. */
  readonly middle: { readonly leaf: BlockPlace; readonly entry: number } | undefined;
  readonly info: ReadonlyMap<string, Buffer>;
  readonly bloomMeta: Buffer | undefined;
}

function loadOnOpen(object: string, start: number, section: Buffer, trailer: Trailer): LoadedParts {
  let at = 0;
  const next = (kinds: readonly BlockKind[]) => {
    const offset = start + at;
    if (section.length - at < blockHeaderBytes) {
      throw corruption(object, offset, `no ${kinds.join(' or ')} block fits there`);
    }
    const bytes = section.subarray(at, at + frameBytes(section, at));
    const { compression } = trailer;
    const frame = openFrame(bytes, kinds, { object, offset, compression });
    at += bytes.length;
    return { kind: frame.kind, payload: Buffer.from(frame.payload), offset };
  };
  const rootBlock = next(['rootIndex']);
  const { root, middle } = decoding(object, rootBlock.offset, 'the root index', () =>
    readRoot(rootBlock.payload, trailer),
  );
  next(['rootIndex']);
  const infoBlock = next(['fileInfo']);
  const info = decoding(object, infoBlock.offset, "the file's information", () =>
    decodeFileInfo(infoBlock.payload),
  );
  let bloomMeta: Buffer | undefined;
  while (at < section.length) {
    const block = next(['bloomMeta', 'deleteBloomMeta']);
    if (block.kind === 'bloomMeta') bloomMeta = block.payload;
  }
  return { root, middle, info, bloomMeta };
}

function readRoot(payload: Buffer, trailer: Trailer): Pick<LoadedParts, 'root' | 'middle'> {
  const reader = new ByteReader(payload);
  const root = readRootIndex(reader, trailer.rootEntries, 'cell-key');
  const { indexLevels: levels } = trailer;
  const isSound = levels === 1 || (levels > 1 && levels <= indexLevelsMax && root.count > 0);
  if (!isSound || reader.left !== (levels === 1 ? 0 : 16)) {
    throw new RangeError(`${root.count} entries in ${levels} levels leave ${reader.left} bytes`);
  }
  if (levels === 1) return { root, middle: undefined };
  const leaf = { offset: reader.u64(), bytes: reader.u32() };
  return { root, middle: { leaf, entry: reader.u32() } };
}

const noKey = Buffer.alloc(0);

class Reader implements HFileReader {
  readonly object: string;
  readonly bytes: number;
  readonly entries: number;
  readonly compression: 'none' | 'gzip';
  readonly encoding: string;
  readonly bloom: BloomFilterKind;
  readonly hasTags: boolean;
  readonly firstKey: Buffer;
  readonly lastKey: Buffer;
  readonly timestampMin: number | undefined;
  readonly timestampMax: number | undefined;
  readonly sequenceMax: number | undefined;
  readonly majorCompacted: boolean;
  readonly info: ReadonlyMap<string, Buffer>;
  readonly #firstRow: Buffer;
  readonly #lastRow: Buffer;
  readonly #source: BlockSource;
  readonly #root: IndexBlock;
  readonly #levels: number;
  readonly #middle: LoadedParts['middle'];
  readonly #form: EncodingForm;
  readonly #filter: BloomReader | undefined;

  constructor(
    file: { readonly object: string; readonly bytes: number },
    context: HFileContext,
    trailer: Trailer,
    parts: LoadedParts,
  ) {
    const { root, info } = parts;
    this.object = file.object;
    this.bytes = file.bytes;
    this.entries = trailer.entries;
    this.compression = trailer.compression;
    this.#root = root;
    this.#levels = trailer.indexLevels;
    this.#middle = parts.middle;
    this.info = info;
    this.#form = cellForm(file.object, info);
    this.encoding = this.#form.encoding;
    this.hasTags = this.#form.hasTags;
    this.firstKey = root.count === 0 ? noKey : root.keyAt(0);
    this.lastKey = lastKeyOf(file.object, root, info);
    this.#firstRow = root.count === 0 ? noKey : rowOfKey(this.firstKey);
    this.#lastRow = root.count === 0 ? noKey : rowOfKey(this.lastKey);
    const range = timeRange(info.get(infoName.timeRange));
    this.timestampMin = range?.min;
    this.timestampMax = range?.max;
    const sequenceMax = info.get(infoName.sequenceMax);
    this.sequenceMax = sequenceMax?.length === 8 ? readU64(sequenceMax, 0) : undefined;
    this.majorCompacted = (info.get(infoName.majorCompacted)?.[0] ?? 0) !== 0;
    this.#source = new BlockSource({
      object: file.object,
      context,
      compression: trailer.compression,
      blocksEnd: trailer.loadOnOpenOffset,
      form: this.#form,
    });
    const kind = bloomKind(info);
    this.#filter = this.#openFilter(kind, parts.bloomMeta);
    this.bloom = this.#filter === undefined ? 'none' : kind;
  }

  cursor(options: HFileCursorOptions): CellCursor {
    const source = this.#source;
    const root = this.#root;
    const levels = this.#levels;
    const form = this.#form;
    return new HFileCursor({ source, root, levels, form, options });
  }

  mayContainRow(row: Buffer): boolean | Promise<boolean> {
    if (!this.#isRowInRange(row)) return false;
    return this.#filter === undefined || this.#filter.mayContainRow(row);
  }

  mayContainColumn(row: Buffer, qualifier: Buffer): boolean | Promise<boolean> {
    if (!this.#isRowInRange(row)) return false;
    return this.#filter === undefined || this.#filter.mayContainColumn(row, qualifier);
  }

  async midKey(): Promise<Buffer | undefined> {
    const root = this.#root;
    const middle = this.#middle;
    if (root.count === 0) return undefined;
    if (middle === undefined) return root.keyAt(Math.floor((root.count - 1) / 2));
    const leaf = await this.#source.index(middle.leaf);
    if (middle.entry < leaf.count) return leaf.keyAt(middle.entry);
    throw corruption(this.object, middle.leaf.offset, `it has no entry ${middle.entry}`);
  }

  #isRowInRange(row: Buffer): boolean {
    if (this.firstKey.length === 0) return false;
    return row.compare(this.#firstRow) >= 0 && row.compare(this.#lastRow) <= 0;
  }

  #openFilter(kind: BloomFilterKind, meta: Buffer | undefined): BloomReader | undefined {
    if (kind === 'none' || meta === undefined) return undefined;
    return decoding(this.object, this.bytes, "the bloom filter's list of chunks", () => {
      const read = readBloomMeta(meta, kind);
      return read === undefined ? undefined : new BloomReader(this.#source, kind, read);
    });
  }
}

function bloomKind(info: ReadonlyMap<string, Buffer>): 'none' | BloomKind {
  const name = info.get(infoName.bloomKind)?.toString('latin1');
  if (name === 'ROW') return 'row';
  return name === 'ROWCOL' ? 'rowcol' : 'none';
}

function cellForm(object: string, info: ReadonlyMap<string, Buffer>): EncodingForm {
  const encoding = info.get(infoName.dataEncoding)?.toString('latin1') ?? 'NONE';
  if (encoding !== 'NONE' && !isKnownEncoding(encoding)) {
    throw notSupported(object, `has data blocks in the encoding ${encoding}`);
  }
  const indexEncoding = info.get(infoName.indexEncoding)?.toString('latin1') ?? 'NONE';
  if (indexEncoding !== 'NONE') {
    throw notSupported(object, `has index blocks in the encoding ${indexEncoding}`);
  }
  const version = info.get(infoName.cellVersion);
  return {
    encoding,
    hasTags: info.has(infoName.tagsLengthMax),
    tagsCompressed: (info.get(infoName.tagsCompressed)?.[0] ?? 0) !== 0,
    hasSequence: version?.length === 4 && version.readUInt32BE(0) === 1,
  };
}

function lastKeyOf(object: string, root: IndexBlock, info: ReadonlyMap<string, Buffer>): Buffer {
  const key = info.get(infoName.lastKey);
  if (root.count === 0) return noKey;
  if (key !== undefined && isKey(key, 0, key.length)) return key;
  throw corruption(object, 0, 'its information has no last key');
}

/** Two 64-bit numbers, or (HBase 3) a protobuf with fields 1 and 2; undefined if of no cells. */
function timeRange(
  bytes: Buffer | undefined,
): { readonly min: number; readonly max: number } | undefined {
  if (bytes === undefined) return undefined;
  if (bytes.length === 16) {
    const [min, max] = [readU64(bytes, 0), readU64(bytes, 8)];
    return min <= max && bytes.readUInt32BE(8) < 2 ** 31 ? { min, max } : undefined;
  }
  if (!bytes.subarray(0, 4).equals(protobufMagic)) return undefined;
  const reader = new ByteReader(bytes, 4);
  const fields = new Map<number, number>();
  while (reader.left > 0) fields.set(reader.varint(), reader.varint());
  const [min, max] = [fields.get(1 << 3) ?? 0, fields.get(2 << 3) ?? 0];
  return min <= max ? { min, max } : undefined;
}
