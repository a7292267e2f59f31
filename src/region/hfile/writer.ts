// Writes one store file: cells into data blocks, with the index's leaves and the bloom filter's
// chunks between them as they fill up, and at the end what is loaded on opening.
//
//   data blocks, leaf index blocks, bloom chunks | intermediate index | root index, root of meta
//   blocks (none), file information, bloom filter's list of chunks | trailer
//
// Invariants:
// 1. Cells come in order (asserted), and a block never ends between cells of equal keys, so that a
//    search by key finds the first of them.
// 2. Memory is bounded by a data block, an index block and a bloom chunk, and what `Output` queues.

import { assert } from '../../base/assert.js';
import type { Cell } from '../../base/cell.js';
import { compareRanges } from '../../base/cell.js';
import type { ObjectWriter } from '../../world/object-store.js';
import type { Moving } from '../cell-cursor.js';
import type { HFileSummary, HFileWriter, HFileWriterOptions } from './api.js';
import { checksumBytes, closeFrame } from './block-frame.js';
import { BloomWriter } from './bloom.js';
import { vlongBytes, writeVlong } from './bytes.js';
import { encodeFileInfo } from './file-info.js';
import { FileStatistics } from './file-statistics.js';
import type { BlockKind } from './format.js';
import { blockHeaderBytes, infoName, trailerBytes } from './format.js';
import type { BlockPlace } from './index-block.js';
import { IndexWriter } from './index-writer.js';
import { compareAfterRow, firstKeyOf, qualifierOfKey, rowOfKey, separatingKey } from './key.js';
import { Output } from './output.js';
import { encodeTrailer } from './trailer.js';

const chunkBytesDefault = 128 * 1024;
const emptyBytes = Buffer.alloc(0);

/** A writer of one store file over a new object. */
export function createHFile(object: ObjectWriter, options: HFileWriterOptions): HFileWriter {
  return new Writer(object, options);
}

class Writer implements HFileWriter {
  readonly #options: HFileWriterOptions;
  readonly #output: Output;
  readonly #index: IndexWriter;
  readonly #bloom: BloomWriter | undefined;
  readonly #statistics = new FileStatistics();
  /** Where the last block of each kind began. */
  readonly #lastOffset = new Map<BlockKind, number>();
  #uncompressedBytes = 0;
  #waiting: Moving;

  /** The data block under construction: room for its header, then cells. */
  #block: Buffer;
  #blockEnd = blockHeaderBytes;
  #blockFirstKey = 0;
  #blockFirstKeyLength = 0;
  #firstDataOffset = -1;

  /** The last cell's key, in the block or, at a block's beginning, a copy. */
  #last: Buffer = emptyBytes;
  #lastKey = 0;
  #lastKeyLength = 0;
  #lastSequence = 0;
  /** The last key of the block before; empty in the first. */
  #separateFrom: Buffer = emptyBytes;
  #firstKey: Buffer = emptyBytes;

  constructor(object: ObjectWriter, options: HFileWriterOptions) {
    this.#options = options;
    this.#output = new Output(object);
    this.#index = new IndexWriter(options.indexBlockBytes ?? chunkBytesDefault, (kind, payload) =>
      this.#writeBlock(kind, payload),
    );
    if (options.bloom !== 'none') {
      this.#bloom = new BloomWriter(options.bloom, options.bloomChunkBytes ?? chunkBytesDefault);
    }
    this.#block = this.#newBlock(0);
  }

  get bytesWritten(): number {
    return this.#output.position + this.#blockEnd - blockHeaderBytes;
  }

  appendCell(cell: Cell): Moving {
    const { buffer, offset, keyLength, valueLength, tagsLength, sequence } = cell;
    return this.append(buffer, offset, keyLength, valueLength, tagsLength, sequence);
  }

  append(
    buffer: Buffer,
    offset: number,
    keyLength: number,
    valueLength: number,
    tagsLength: number,
    sequence: number,
  ): Moving {
    assert(tagsLength === 0 || this.#options.withTags, 'a file made without tags gets none');
    const order = this.#compareToLast(buffer, offset + 8, keyLength);
    assert(
      order > 0 || (order === 0 && sequence <= this.#lastSequence),
      'cells of a store file come in order',
    );
    this.#waiting = undefined;
    if (order !== 0 && this.#blockEnd - blockHeaderBytes >= this.#options.blockBytes) {
      this.#finishBlock();
    }
    this.#copyCell(buffer, offset, keyLength, valueLength, tagsLength, sequence);
    if (this.#bloom !== undefined && order > 1) this.#addToBloom(this.#bloom, order === 3);
    this.#statistics.note(buffer, offset, keyLength, valueLength, tagsLength, sequence);
    return this.#waiting;
  }

  async finish(): Promise<HFileSummary> {
    const output = this.#output;
    const statistics = this.#statistics;
    const lastKey = Buffer.from(
      this.#last.subarray(this.#lastKey, this.#lastKey + this.#lastKeyLength),
    );
    this.#waiting = undefined;
    const dataEnd = this.#lastKeyLength === 0 ? -1 : output.position;
    if (this.#blockEnd > blockHeaderBytes) this.#finishBlock();
    this.#index.finishLeaves();
    this.#writeBloomChunks(true);
    const root = this.#index.finishRoot();
    const rootPlace = this.#writeBlock('rootIndex', root.payload);
    this.#writeBlock('rootIndex', emptyBytes);
    const bloomMeta = this.#bloom?.meta();
    const infoPlace = this.#writeBlock(
      'fileInfo',
      this.#encodeInfo(lastKey, bloomMeta !== undefined),
    );
    if (bloomMeta !== undefined) this.#writeBlock('bloomMeta', bloomMeta);
    const trailer = encodeTrailer({
      fileInfoOffset: infoPlace.offset,
      loadOnOpenOffset: rootPlace.offset,
      indexBytes: this.#index.indexBytes,
      uncompressedBytes: this.#uncompressedBytes + trailerBytes,
      rootEntries: root.entries,
      metaEntries: 0,
      entries: statistics.entries,
      indexLevels: root.levels,
      firstDataOffset: this.#firstDataOffset,
      lastDataOffset: dataEnd,
      compression: this.#options.compression,
    });
    await output.push(trailer);
    await output.finish();
    return {
      bytes: output.position,
      crc32: output.crc,
      firstKey: this.#firstKey,
      lastKey,
      ...statistics.summary(),
    };
  }

  abort(): Promise<void> {
    return this.#output.abort();
  }

  /** 3: the key is of a later row; 2: of a later column; 1: later; 0: the same; negative: before. */
  #compareToLast(buffer: Buffer, key: number, keyLength: number): number {
    if (this.#lastKeyLength === 0) return 3;
    const last = this.#last;
    const lastKey = this.#lastKey;
    const row = ((buffer[key] as number) << 8) | (buffer[key + 1] as number);
    const lastRow = ((last[lastKey] as number) << 8) | (last[lastKey + 1] as number);
    const rows = compareRanges(buffer, key + 2, row, last, lastKey + 2, lastRow);
    if (rows !== 0) return rows > 0 ? 3 : -1;
    const end = key + keyLength;
    const lastEnd = lastKey + this.#lastKeyLength;
    const rest = compareAfterRow(buffer, key + 2 + row, end, last, lastKey + 2 + lastRow, lastEnd);
    if (rest <= 0) return rest;
    const columnBytes = keyLength - row - 11;
    const isColumnSame =
      keyLength - row === this.#lastKeyLength - lastRow &&
      compareRanges(
        buffer,
        key + 2 + row,
        columnBytes,
        last,
        lastKey + 2 + lastRow,
        columnBytes,
      ) === 0;
    return isColumnSame ? 1 : 2;
  }

  #copyCell(
    buffer: Buffer,
    offset: number,
    keyLength: number,
    valueLength: number,
    tagsLength: number,
    sequence: number,
  ): void {
    const cellBytes = 8 + keyLength + valueLength;
    this.#makeRoom(cellBytes + 2 + tagsLength + vlongBytes(sequence));
    const block = this.#block;
    const start = this.#blockEnd;
    buffer.copy(block, start, offset, offset + cellBytes);
    let end = start + cellBytes;
    if (this.#options.withTags) {
      end = block.writeUInt16BE(tagsLength, end);
      const tags = offset + cellBytes + 2;
      if (tagsLength > 0) end += buffer.copy(block, end, tags, tags + tagsLength);
    }
    this.#blockEnd = writeVlong(block, sequence, end);
    this.#last = block;
    this.#lastKey = start + 8;
    this.#lastKeyLength = keyLength;
    this.#lastSequence = sequence;
    if (start === blockHeaderBytes) {
      this.#blockFirstKey = start + 8;
      this.#blockFirstKeyLength = keyLength;
      if (this.#statistics.entries === 0) {
        this.#firstKey = Buffer.from(block.subarray(start + 8, start + 8 + keyLength));
      }
    }
  }

  /** Adds the last cell, which begins a new row or at least a new column. */
  #addToBloom(bloom: BloomWriter, isNewRow: boolean): void {
    const last = this.#last;
    const lastKey = this.#lastKey;
    const lastKeyLength = this.#lastKeyLength;
    if (this.#options.bloom === 'rowcol') {
      const cellKey = last.subarray(lastKey, lastKey + lastKeyLength);
      const key = firstKeyOf(rowOfKey(cellKey), emptyBytes, qualifierOfKey(cellKey));
      bloom.add(key, 0, key.length);
    } else if (isNewRow) {
      bloom.add(last, lastKey + 2, last.readUInt16BE(lastKey));
    }
  }

  #finishBlock(): void {
    const block = this.#block;
    const blockEnd = this.#blockEnd;
    const firstKey = block.subarray(
      this.#blockFirstKey,
      this.#blockFirstKey + this.#blockFirstKeyLength,
    );
    const indexKey =
      this.#separateFrom.length === 0
        ? Buffer.from(firstKey)
        : separatingKey(this.#separateFrom, firstKey);
    const place = this.#writeFrame('data', block, blockEnd);
    if (this.#firstDataOffset < 0) this.#firstDataOffset = place.offset;
    this.#separateFrom = Buffer.from(
      block.subarray(this.#lastKey, this.#lastKey + this.#lastKeyLength),
    );
    this.#last = this.#separateFrom;
    this.#lastKey = 0;
    this.#block = this.#newBlock(0);
    this.#blockEnd = blockHeaderBytes;
    this.#index.add(indexKey, place);
    this.#writeBloomChunks(false);
  }

  #writeBloomChunks(isLast: boolean): void {
    if (this.#bloom === undefined) return;
    for (const { firstKey, bits } of this.#bloom.take(isLast)) {
      this.#bloom.noteWritten(firstKey, this.#writeBlock('bloomChunk', bits));
    }
  }

  #encodeInfo(lastKey: Buffer, hasBloom: boolean): Buffer {
    const options = this.#options;
    const info = this.#statistics.info(options, lastKey);
    if (hasBloom) {
      const lastBloomKey =
        options.bloom === 'row'
          ? rowOfKey(lastKey)
          : firstKeyOf(rowOfKey(lastKey), emptyBytes, qualifierOfKey(lastKey));
      info.set(infoName.bloomKind, Buffer.from(options.bloom.toUpperCase()));
      info.set(infoName.lastBloomKey, lastBloomKey);
    }
    for (const [name, value] of Object.entries(options.metadata ?? {})) {
      assert(!info.has(name) && !name.startsWith('hfile.'), `${name} is not a name of HBase's own`);
      info.set(name, value);
    }
    return encodeFileInfo(info);
  }

  #writeBlock(kind: BlockKind, payload: Buffer): BlockPlace {
    const bytes = blockHeaderBytes + payload.length;
    const block = Buffer.allocUnsafeSlow(bytes + checksumBytes(bytes));
    block.set(payload, blockHeaderBytes);
    return this.#writeFrame(kind, block, bytes);
  }

  /** Completes and queues the frame; its buffer is not ours any more. */
  #writeFrame(kind: BlockKind, block: Buffer, end: number): BlockPlace {
    const { position: offset } = this.#output;
    const previous = this.#lastOffset.get(kind) ?? -1;
    const frame = closeFrame(kind, block, end, previous, this.#options.compression);
    this.#lastOffset.set(kind, offset);
    this.#uncompressedBytes += end;
    this.#waiting = this.#output.push(frame) ?? this.#waiting;
    return { offset, bytes: frame.length };
  }

  /** A block's buffer with room for `cellBytes` more than a usual block. */
  #newBlock(cellBytes: number): Buffer {
    const usual = this.#options.blockBytes + this.#options.blockBytes / 8;
    const bytes = blockHeaderBytes + Math.ceil(usual) + cellBytes;
    return Buffer.allocUnsafeSlow(bytes + checksumBytes(bytes));
  }

  #makeRoom(bytes: number): void {
    const block = this.#block;
    const blockEnd = this.#blockEnd;
    if (blockEnd + bytes + checksumBytes(blockEnd + bytes) <= block.length) return;
    const larger = this.#newBlock(blockEnd + bytes);
    block.copy(larger, 0, 0, blockEnd);
    if (this.#last === block) this.#last = larger;
    this.#block = larger;
  }
}
