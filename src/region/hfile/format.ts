// The fixed facts of HFile version 3: magics, header layout, codec numbers, names of information.
// Source: HBase's documentation of the format, BlockType, HFileBlock, HFileInfo, HStoreFile (2.6).

import { CadastreError } from '../../base/errors.js';

/** The eight bytes that open each kind of block, as Latin-1. */
export const blockMagic = {
  data: 'DATABLK*',
  encodedData: 'DATABLKE',
  leafIndex: 'IDXLEAF2',
  bloomChunk: 'BLMFBLK2',
  intermediateIndex: 'IDXINTE2',
  rootIndex: 'IDXROOT2',
  fileInfo: 'FILEINF2',
  bloomMeta: 'BLMFMET2',
  deleteBloomMeta: 'DFBLMET2',
} as const;
export type BlockKind = keyof typeof blockMagic;

/**
 * Bytes of a block's header: magic 8, size on disk without header 4, size uncompressed 4, offset of
 * the previous block of the kind 8, checksum type 1, bytes per checksum 4, size on disk without
 * checksums 4.
 */
export const blockHeaderBytes = 33;
/** Bytes that each CRC at a block's end covers. */
export const bytesPerChecksum = 16 * 1024;
export const checksumType = { crc32: 1, crc32c: 2 } as const;

/** Bytes of a version 3 trailer, padding included. */
export const trailerBytes = 4096;
export const trailerMagic = 'TRABLK"$';
export const majorVersion = 3;
export const minorVersionMax = 3;

/** HBase's numbers of the compression codecs. */
export const codecNumbers = { gzip: 1, none: 2 } as const;
export const codecNames = [
  'lzo',
  'gz',
  'none',
  'snappy',
  'lz4',
  'bzip2',
  'zstd',
  'lzma',
  'brotli',
] as const;

/** Names in the file's information that HBase and we give a meaning. */
export const infoName = {
  lastKey: 'hfile.LASTKEY',
  averageKeyLength: 'hfile.AVG_KEY_LEN',
  averageValueLength: 'hfile.AVG_VALUE_LEN',
  createdAt: 'hfile.CREATE_TIME_TS',
  biggestCellKey: 'hfile.KEY_OF_BIGGEST_CELL',
  biggestCellLength: 'hfile.LEN_OF_BIGGEST_CELL',
  /** There only if every cell has a tags length. */
  tagsLengthMax: 'hfile.MAX_TAGS_LEN',
  tagsCompressed: 'hfile.TAGS_COMPRESSED',
  /** 1 if a sequence follows each cell. */
  cellVersion: 'KEY_VALUE_VERSION',
  cellSequenceMax: 'MAX_MEMSTORE_TS_KEY',
  sequenceMax: 'MAX_SEQ_ID_KEY',
  majorCompacted: 'MAJOR_COMPACTION_KEY',
  timeRange: 'TIMERANGE',
  earliestPut: 'EARLIEST_PUT_TS',
  deleteFamilies: 'DELETE_FAMILY_COUNT',
  bloomKind: 'BLOOM_FILTER_TYPE',
  lastBloomKey: 'LAST_BLOOM_KEY',
  dataEncoding: 'DATA_BLOCK_ENCODING',
  indexEncoding: 'INDEX_BLOCK_ENCODING',
} as const;

/** Stands before protobufs in the file's information. */
export const protobufMagic = Buffer.from('PBUF', 'latin1');

/** The error for bytes that cannot be what was written. */
export function corruption(object: string, offset: number, what: string): CadastreError {
  return new CadastreError(
    'corruption',
    `store file ${object} is damaged at byte ${offset}: ${what}`,
    {
      nextStep: 'Restore the object from a snapshot or a copy of the storage root.',
      details: { object, offset },
    },
  );
}

/** Runs a decoder; its errors are made to name the object, the offset and `what` was decoded. */
export function decoding<T>(object: string, offset: number, what: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof CadastreError && error.details['object'] !== undefined) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw corruption(object, offset, `${what} cannot be decoded: ${reason}`);
  }
}

/** The error for a file that is well but uses what we do not read. */
export function notSupported(object: string, what: string): CadastreError {
  return new CadastreError('not-supported', `store file ${object} ${what}`, {
    nextStep: 'Rewrite it with HBase (major compaction) without this feature, then load it again.',
    details: { object },
  });
}
