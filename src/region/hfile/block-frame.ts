// The frame of every block of a store file: header, payload (perhaps compressed), checksums.
//
// Invariants:
// 1. `openFrame` gives out a payload only after every checksum over header and payload matched, so
//    a block without checksums is refused.
// 2. The sizes in the header agree with each other and with what the index said.
// Source of the layout: HBase's HFileBlock and ChecksumUtil.

import { gunzipSync, gzipSync } from 'node:zlib';

import { crc32 } from '../../base/hash.js';
import { crc32c } from './crc32c.js';
import type { BlockKind } from './format.js';
import {
  blockHeaderBytes,
  blockMagic,
  bytesPerChecksum,
  checksumType,
  corruption,
} from './format.js';
import { writeI64 } from './bytes.js';

export type FrameCompression = 'none' | 'gzip';

/** What a header may make us allocate at once; larger blocks are put together from pieces. */
const gunzipChunkBytesMax = 16 * 1024 * 1024;

/** Bytes of the checksums behind `bytes` of header and payload. */
export function checksumBytes(bytes: number): number {
  return 4 * Math.ceil(bytes / bytesPerChecksum);
}

/** A block's verified content. */
export interface Frame {
  readonly kind: BlockKind;
  /** A view into the bytes given, unless it had to be decompressed. */
  readonly payload: Buffer;
}

/** What is known of a block before it is read. */
export interface FrameContext {
  readonly object: string;
  /** Where in the object the block starts; for errors. */
  readonly offset: number;
  readonly compression: FrameCompression;
}

/**
 * Completes the frame in `block[0, end)`, whose first 33 bytes are left free for the header, and
 * returns all of its bytes. Without compression they are in `block` itself if it has room for the
 * checksums.
 */
export function closeFrame(
  kind: BlockKind,
  block: Buffer,
  end: number,
  previousOffset: number,
  compression: FrameCompression,
): Buffer {
  let frame = block;
  let dataEnd = end;
  if (compression === 'gzip') {
    const packed = gzipSync(block.subarray(blockHeaderBytes, end));
    dataEnd = blockHeaderBytes + packed.length;
    frame = Buffer.allocUnsafeSlow(dataEnd + checksumBytes(dataEnd));
    frame.set(packed, blockHeaderBytes);
  } else if (block.length < end + checksumBytes(end)) {
    frame = Buffer.allocUnsafeSlow(end + checksumBytes(end));
    frame.set(block.subarray(0, end));
  }
  const total = dataEnd + checksumBytes(dataEnd);
  frame.write(blockMagic[kind], 0, 'latin1');
  frame.writeUInt32BE(total - blockHeaderBytes, 8);
  frame.writeUInt32BE(end - blockHeaderBytes, 12);
  writeI64(frame, previousOffset, 16);
  frame.writeUInt8(checksumType.crc32, 24);
  frame.writeUInt32BE(bytesPerChecksum, 25);
  frame.writeUInt32BE(dataEnd, 29);
  let sumAt = dataEnd;
  for (let at = 0; at < dataEnd; at += bytesPerChecksum) {
    const stop = Math.min(at + bytesPerChecksum, dataEnd);
    sumAt = frame.writeUInt32BE(crc32(frame.subarray(at, stop)), sumAt);
  }
  return frame.subarray(0, total);
}

/** Bytes of the whole frame whose header is at `at`, as the unverified header says. */
export function frameBytes(bytes: Buffer, at: number): number {
  return blockHeaderBytes + bytes.readUInt32BE(at + 8);
}

/**
 * Verifies the frame that fills `bytes` and returns its payload, decompressed. Throws `corruption`
 * naming object and offset.
 */
export function openFrame(
  bytes: Buffer,
  kinds: readonly BlockKind[],
  context: FrameContext,
): Frame {
  const { object, offset } = context;
  const wrong = (what: string) => corruption(object, offset, what);
  if (bytes.length < blockHeaderBytes) throw wrong(`a block's header is cut off`);
  if (frameBytes(bytes, 0) !== bytes.length) {
    throw wrong(`the block says ${frameBytes(bytes, 0)} bytes, there are ${bytes.length}`);
  }
  const dataEnd = verifyChecksums(bytes, wrong);
  const kind = kinds.find((candidate) => bytes.toString('latin1', 0, 8) === blockMagic[candidate]);
  if (kind === undefined) {
    throw wrong(
      `a block of kind ${kinds.join(' or ')} was expected, not ${bytes.toString('latin1', 0, 8)}`,
    );
  }
  const uncompressed = bytes.readUInt32BE(12);
  const stored = bytes.subarray(blockHeaderBytes, dataEnd);
  const payload = context.compression === 'none' ? stored : gunzip(stored, uncompressed, wrong);
  if (payload.length !== uncompressed) {
    throw wrong(`the block holds ${payload.length} bytes, its header says ${uncompressed}`);
  }
  return { kind, payload };
}

/** Checks every checksum of a frame; returns where its payload ends. */
function verifyChecksums(bytes: Buffer, wrong: (what: string) => Error): number {
  const type = bytes.readUInt8(24);
  const chunk = bytes.readUInt32BE(25);
  const dataEnd = bytes.readUInt32BE(29);
  if (dataEnd < blockHeaderBytes || dataEnd > bytes.length || chunk === 0) {
    throw wrong(`the header's sizes do not agree`);
  }
  if (type !== checksumType.crc32 && type !== checksumType.crc32c) {
    throw wrong(`the block has no checksum that can be verified (type ${type})`);
  }
  let sumAt = dataEnd;
  for (let at = 0; at < dataEnd; at += chunk, sumAt += 4) {
    const stop = Math.min(at + chunk, dataEnd);
    if (sumAt + 4 > bytes.length) throw wrong(`the block's checksums are cut off`);
    const sum =
      type === checksumType.crc32 ? crc32(bytes.subarray(at, stop)) : crc32c(bytes, at, stop);
    if (sum !== bytes.readUInt32BE(sumAt))
      throw wrong(`the checksum of its bytes ${at} to ${stop} fails`);
  }
  if (sumAt !== bytes.length) throw wrong(`the header's sizes do not agree`);
  return dataEnd;
}

function gunzip(stored: Buffer, length: number, wrong: (what: string) => Error): Buffer {
  try {
    // One piece of output, so that none has to be joined.
    const chunkSize = Math.min(length + 64, gunzipChunkBytesMax);
    return gunzipSync(stored, { chunkSize, maxOutputLength: length + 64 });
  } catch (error) {
    throw wrong(
      `the block cannot be decompressed (${error instanceof Error ? error.message : ''})`,
    );
  }
}
