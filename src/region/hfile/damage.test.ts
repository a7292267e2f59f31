import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';

import type { Cell } from '../../base/cell.js';
import { makeCell } from '../../base/cell.js';
import { CadastreError } from '../../base/errors.js';
import { closeFrame } from './block-frame.js';
import { readBloomMeta } from './bloom.js';
import { ByteReader } from './bytes.js';
import { readDataBlock } from './data-block.js';
import { decodeBlock } from './encodings.js';
import { decodeFileInfo } from './file-info.js';
import { blockHeaderBytes, decoding } from './format.js';
import { readIndexBlock, readRootIndex } from './index-block.js';
import { allCells, makeFile, show, storeOf } from './testing/files.js';
import { decodeTrailer } from './trailer.js';

const family = Buffer.from('f');

function smallCells(): Cell[] {
  return Array.from({ length: 12 }, (_, i) =>
    makeCell(
      {
        row: Buffer.from(`r${String(i).padStart(2, '0')}`),
        family,
        qualifier: Buffer.from('q'),
        timestamp: 1_000 + i,
        type: 4,
        value: Buffer.from(`v${i}`),
        tags: Buffer.from([0, 1, 9]),
      },
      i + 1,
    ),
  );
}

/** Everything a region asks of a file, as text; or the code of the error. */
async function answers(bytes: Buffer, size = bytes.length): Promise<string> {
  try {
    const { file, ...store } = storeOf('f', bytes);
    Object.assign(file, { bytes: size });
    const reader = await store.open();
    const cells = await allCells(reader);
    const found: boolean[] = [];
    for (const { row, qualifier } of smallCells()) {
      found.push(await reader.mayContainColumn(row, qualifier));
    }
    return [...cells.map(show), found.join(), reader.sequenceMax].join('\n');
  } catch (error) {
    if (!(error instanceof CadastreError)) throw error;
    expect(error.message).toContain('store file f');
    return error.code;
  }
}

describe('a damaged store file (race W10)', () => {
  it.each(['none', 'gzip'] as const)(
    'with any one byte changed is detected or does no harm: never wrong data (%s)',
    async (compression) => {
      const made = await makeFile(smallCells(), {
        blockBytes: 200,
        indexBlockBytes: 60,
        compression,
      });
      const bytes = made.objects.bytes.get('f') as Buffer;
      const right = await answers(bytes);
      expect(right).toContain('@12');
      const trailerAt = bytes.length - 4096;
      for (let i = 0; i < bytes.length; i++) {
        // The trailer's padding is tried here and there, the rest byte by byte.
        if (i > trailerAt + 196 && i < bytes.length - 8 && i % 97 !== 0) continue;
        for (const flip of [0xff, 1]) {
          const damaged = Buffer.from(bytes);
          damaged[i] = (damaged[i] as number) ^ flip;
          const got = await answers(damaged);
          // What is harmless stands in the trailer: padding, and figures that are informative only.
          if (i < trailerAt || got !== right)
            expect(['corruption', 'not-supported']).toContain(got);
        }
      }
    },
  );

  it('names the object and the offset of a block whose checksum fails', async () => {
    const made = await makeFile(smallCells(), { blockBytes: 64 });
    const bytes = made.objects.bytes.get('f') as Buffer;
    bytes[50] = (bytes[50] as number) ^ 1;
    const failed = allCells(await made.open());
    await expect(failed).rejects.toMatchObject({
      code: 'corruption',
      details: { object: 'f', offset: 0 },
    });
  });

  it('is readable again once the bytes are well: failures are not cached', async () => {
    const made = await makeFile(smallCells(), { blockBytes: 64 });
    const bytes = made.objects.bytes.get('f') as Buffer;
    const reader = await made.open();
    const sound = bytes.readUInt8(50);
    bytes.writeUInt8(sound ^ 1, 50);
    await expect(allCells(reader)).rejects.toThrow('checksum');
    bytes.writeUInt8(sound, 50);
    expect(await allCells(reader)).toHaveLength(12);
  });

  it('in a codec or version we do not read is refused by name', async () => {
    const made = await makeFile(smallCells());
    const bytes = made.objects.bytes.get('f') as Buffer;
    // The codec is the trailer's last field: its tag, then NONE.
    const codecAt = bytes.lastIndexOf(Buffer.of(12 << 3, 2)) + 1;
    bytes[codecAt] = 3;
    await expect(made.open()).rejects.toThrow(/codec snappy/);
    bytes[codecAt] = 2;
    bytes[bytes.length - 1] = 2;
    await expect(made.open()).rejects.toThrow(/version 2\.3/);
  });

  it('cut off at any length is detected', async () => {
    const made = await makeFile(smallCells());
    const bytes = made.objects.bytes.get('f') as Buffer;
    for (let length = 0; length < bytes.length; length += length < 300 ? 1 : 53) {
      const cut = bytes.subarray(0, length);
      expect(await answers(cut)).toBe('corruption');
      expect(await answers(cut, bytes.length)).toBe('corruption');
    }
  });

  it('of random bytes gives a clear error, never a crash or an endless loop', async () => {
    const made = await makeFile(smallCells());
    const good = made.objects.bytes.get('f') as Buffer;
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(good.length),
        async (noise, at) => {
          expect(await answers(Buffer.from(noise))).toBe('corruption');
          const mixed = Buffer.from(good);
          mixed.set(noise.subarray(0, good.length - at), at);
          await answers(mixed);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('decoders below the checksums', () => {
  const plain = { hasTags: true, hasSequence: true };
  const decoders: readonly (readonly [string, (bytes: Buffer) => unknown])[] = [
    ['data block', (bytes) => readDataBlock(bytes, plain)],
    ['bare data block', (bytes) => readDataBlock(bytes, { hasTags: false, hasSequence: false })],
    ['leaf index', readIndexBlock],
    ['root index', (bytes) => readRootIndex(new ByteReader(bytes), bytes[0] ?? 0, 'cell-key')],
    ['file information', decodeFileInfo],
    [
      'bloom filter',
      (bytes) => readBloomMeta(Buffer.concat([Buffer.of(0, 0, 0, 3), bytes]), 'row'),
    ],
    ['trailer', (bytes) => decodeTrailer('f', trailerOf(bytes), 0)],
    ...(['PREFIX', 'DIFF', 'FAST_DIFF', 'ROW_INDEX_V1'] as const).map(
      (encoding, i) =>
        [
          encoding,
          (bytes: Buffer) => {
            const number = Buffer.of(0, [2, 3, 4, 7][i] as number, 0, 0, 0, 40);
            const form = { ...plain, encoding, tagsCompressed: true };
            readDataBlock(decodeBlock(Buffer.concat([number, bytes]), form), plain);
          },
        ] as const,
    ),
  ];
  // Bytes that look like small lengths get further than uniform ones.
  const lengthLike = fc.array(
    fc.oneof({ weight: 5, arbitrary: fc.nat(16) }, { weight: 1, arbitrary: fc.nat(255) }),
    { maxLength: 200 },
  );

  it.each(decoders)('take any bytes as a %s or refuse them with the place', (_name, decode) => {
    fc.assert(
      fc.property(lengthLike, (bytes) => {
        try {
          decoding('f', 7, 'it', () => decode(Buffer.from(bytes)));
        } catch (error) {
          expect(error).toBeInstanceOf(CadastreError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuse a file whose checksums are right and whose cells are not', async () => {
    const made = await makeFile(smallCells(), { blockBytes: 65_536 });
    const bytes = Buffer.from(made.objects.bytes.get('f') as Buffer);
    const size = blockHeaderBytes + bytes.readUInt32BE(8);
    const dataEnd = bytes.readUInt32BE(29);
    const block = Buffer.alloc(size);
    bytes.copy(block, 0, 0, dataEnd);
    block.writeUInt32BE(0x7fffffff, blockHeaderBytes + 4);
    closeFrame('data', block, dataEnd, -1, 'none').copy(bytes);
    expect(await answers(bytes)).toBe('corruption');
  });
});

function trailerOf(body: Buffer): Buffer {
  const bytes = Buffer.alloc(4096);
  bytes.write('TRABLK"$', 'latin1');
  bytes[8] = body.length;
  body.copy(bytes, 9);
  bytes.writeUInt32BE(0x03000003, 4092);
  return bytes;
}
