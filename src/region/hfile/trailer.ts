// The fixed trailer that ends a store file: where the sections are and what the file holds.
// It has no checksum of its own; the reader checks each field against the blocks it points to.
// Source of the layout: HBase's FixedFileTrailer and HFile.proto (FileTrailerProto).

import { ByteReader, pushVarint } from './bytes.js';
import {
  codecNames,
  codecNumbers,
  corruption,
  decoding,
  majorVersion,
  minorVersionMax,
  notSupported,
  trailerBytes,
  trailerMagic,
} from './format.js';

/** What HBase 1 and 2 both know the cell comparator by. */
const comparatorWritten = 'org.apache.hadoop.hbase.KeyValue$KVComparator';
const comparatorsRead: readonly string[] = [
  comparatorWritten,
  'org.apache.hadoop.hbase.KeyValue$KeyComparator',
  'org.apache.hadoop.hbase.CellComparator',
  'org.apache.hadoop.hbase.CellComparatorImpl',
  'org.apache.hadoop.hbase.InnerStoreCellComparator',
];

/** What reading needs of a trailer. */
export interface Trailer {
  readonly loadOnOpenOffset: number;
  readonly rootEntries: number;
  readonly entries: number;
  /** 1: the root's entries are data blocks. */
  readonly indexLevels: number;
  readonly compression: 'none' | 'gzip';
}

/** All that stands in one; the rest is informative, or another way to find what is found anyway. */
export interface FullTrailer extends Trailer {
  readonly fileInfoOffset: number;
  /** Bytes of all index blocks before compression. */
  readonly indexBytes: number;
  /** Bytes of all blocks before compression, headers and trailer included. */
  readonly uncompressedBytes: number;
  readonly metaEntries: number;
  /** -1 if there is no data block. */
  readonly firstDataOffset: number;
  readonly lastDataOffset: number;
}

/** The trailer's 4,096 bytes. */
export function encodeTrailer(trailer: FullTrailer): Buffer {
  const body: number[] = [];
  const numbers = [
    trailer.fileInfoOffset,
    trailer.loadOnOpenOffset,
    trailer.indexBytes,
    trailer.uncompressedBytes,
    trailer.rootEntries,
    trailer.metaEntries,
    trailer.entries,
    trailer.indexLevels,
    trailer.firstDataOffset,
    trailer.lastDataOffset,
  ];
  for (const [i, value] of numbers.entries()) {
    body.push((i + 1) << 3);
    pushVarint(body, value);
  }
  body.push((11 << 3) | 2, comparatorWritten.length, ...Buffer.from(comparatorWritten));
  body.push(12 << 3, codecNumbers[trailer.compression]);
  const length: number[] = [];
  pushVarint(length, body.length);
  const bytes = Buffer.alloc(trailerBytes);
  bytes.write(trailerMagic, 0, 'latin1');
  bytes.set([...length, ...body], 8);
  bytes.writeUInt32BE(minorVersionMax * 2 ** 24 + majorVersion, trailerBytes - 4);
  return bytes;
}

/** Reads the trailer that `bytes` end with; `start` is where they start in the object. */
export function decodeTrailer(object: string, bytes: Buffer, start: number): Trailer {
  const offset = start + bytes.length - trailerBytes;
  if (bytes.length < trailerBytes) {
    throw corruption(object, start, `${bytes.length} bytes are too few for a store file`);
  }
  const version = bytes.readUInt32BE(bytes.length - 4);
  const major = version % 2 ** 24;
  const body = bytes.subarray(bytes.length - trailerBytes);
  if (body.toString('latin1', 0, 8) !== trailerMagic) {
    throw corruption(object, offset, `no trailer of an HFile version 3 stands there`);
  }
  if (major !== majorVersion || Math.floor(version / 2 ** 24) > minorVersionMax) {
    const name = `${major}.${Math.floor(version / 2 ** 24)}`;
    throw notSupported(object, `has HFile version ${name}; this reads version 3.0 to 3.3`);
  }
  const fields = decoding(object, offset, 'the trailer', () => readFields(body));
  const number = (field: number, absent?: number): number => {
    const value = fields.numbers.get(field) ?? absent;
    if (value !== undefined && Number.isSafeInteger(value)) return value;
    throw corruption(object, offset, `the trailer's field ${field} is missing or too large`);
  };
  if (fields.isEncrypted) throw notSupported(object, 'is encrypted');
  if (!comparatorsRead.includes(fields.comparator)) {
    throw notSupported(object, `is sorted by ${fields.comparator}, which this does not know`);
  }
  return {
    loadOnOpenOffset: number(2),
    rootEntries: number(5),
    entries: number(7),
    indexLevels: number(8),
    compression: compressionOf(object, number(12, codecNumbers.none)),
  };
}

function compressionOf(object: string, codec: number): 'none' | 'gzip' {
  if (codec === codecNumbers.none) return 'none';
  if (codec === codecNumbers.gzip) return 'gzip';
  const name = codecNames[codec] ?? `number ${codec}`;
  throw notSupported(object, `is compressed with the codec ${name}; none and gz can be read`);
}

interface Fields {
  readonly numbers: ReadonlyMap<number, number>;
  readonly comparator: string;
  readonly isEncrypted: boolean;
}

function readFields(body: Buffer): Fields {
  const numbers = new Map<number, number>();
  let comparator = '';
  let isEncrypted = false;
  const outer = new ByteReader(body, 8, trailerBytes - 4);
  const reader = new ByteReader(outer.bytes(outer.varint()));
  while (reader.left > 0) {
    const tag = reader.varint();
    if (tag % 8 === 0) {
      numbers.set(Math.floor(tag / 8), reader.varint());
      continue;
    }
    const bytes = reader.bytes(reader.varint());
    if (tag === ((11 << 3) | 2)) comparator = bytes.toString();
    if (tag === ((13 << 3) | 2)) isEncrypted = bytes.length > 0;
  }
  return { numbers, comparator, isEncrypted };
}
